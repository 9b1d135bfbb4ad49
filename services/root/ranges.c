// SPDX-License-Identifier: Apache-2.0
#include "services/root/ranges.h"
#include <string.h>

static void insert(struct ranges *r, uint32_t at, uint64_t base, uint64_t size)
{
	memmove(&r->free[at + 1], &r->free[at], (r->count - at) * sizeof(r->free[0]));
	r->free[at] = (struct range){ base, size };
	r->count++;
}

static void drop(struct ranges *r, uint32_t at)
{
	r->count--;
	memmove(&r->free[at], &r->free[at + 1], (r->count - at) * sizeof(r->free[0]));
}

bool ranges_put(struct ranges *r, uint64_t base, uint64_t size)
{
	uint32_t at = 0;
	bool below, above;

	while (at < r->count && r->free[at].base < base)
		at++;
	if (!size || base + size < base ||
	    (at && base - r->free[at - 1].base < r->free[at - 1].size) ||
	    (at < r->count && r->free[at].base - base < size))
		return false;
	below = at && r->free[at - 1].base + r->free[at - 1].size == base;
	above = at < r->count && base + size == r->free[at].base;
	if (!below && !above) {
		if (r->count == RANGES_MAX)
			return false;
		insert(r, at, base, size);
		return true;
	}
	if (below) {
		r->free[at - 1].size += size;
		if (above) {
			r->free[at - 1].size += r->free[at].size;
			drop(r, at);
		}
		return true;
	}
	r->free[at].base = base;
	r->free[at].size += size;
	return true;
}

bool ranges_take(struct ranges *r, uint64_t size, uint64_t align, uint64_t *base)
{
	for (uint32_t i = 0; size && i < r->count; i++) {
		struct range *f = &r->free[i];
		uint64_t start = (f->base + align - 1) & ~(align - 1);
		uint64_t before = start - f->base, after;

		if (start < f->base || before > f->size || f->size - before < size)
			continue;
		after = f->size - before - size;
		if (before && after && r->count == RANGES_MAX)
			continue;
		*base = start;
		f->size = before;
		if (!before)
			drop(r, i);
		if (after)
			insert(r, before ? i + 1 : i, start + size, after);
		return true;
	}
	return false;
}

uint64_t ranges_total(const struct ranges *r)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->count; i++)
		sum += r->free[i].size;
	return sum;
}
