// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/bus.h"
#include <string.h>

void bus_clear(struct bus *b)
{
	b->count = 0;
}

bool bus_add(struct bus *b, const struct bus_range *r)
{
	unsigned i = 0;

	if (b->count == BUS_RANGES || r->last < r->first)
		return false;
	while (i < b->count && b->range[i].last < r->first)
		i++;
	if (i < b->count && b->range[i].first <= r->last)
		return false;
	memmove(&b->range[i + 1], &b->range[i], (b->count - i) * sizeof(*r));
	b->range[i] = *r;
	b->count++;
	return true;
}

const struct bus_range *bus_find(const struct bus *b, uint64_t addr)
{
	unsigned low = 0, high = b->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;
		const struct bus_range *r = &b->range[mid];

		if (addr < r->first)
			high = mid;
		else if (addr > r->last)
			low = mid + 1;
		else
			return r;
	}
	return NULL;
}

static uint32_t read_part(const struct bus *b, uint64_t addr, unsigned size);
static void write_part(const struct bus *b, uint64_t addr, unsigned size, uint32_t value);

static uint32_t read_bytes(const struct bus *b, uint64_t addr, unsigned size)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= read_part(b, addr + i, 1) << 8 * i;
	return value;
}

static void write_bytes(const struct bus *b, uint64_t addr, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++)
		write_part(b, addr + i, 1, value >> 8 * i & 0xff);
}

static uint32_t read_part(const struct bus *b, uint64_t addr, unsigned size)
{
	const struct bus_range *r = bus_find(b, addr);

	if (r == NULL)
		return size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1;
	if (size > r->width)
		return read_bytes(b, addr, size);
	return r->read(r->dev, (uint32_t)(addr - r->base), size);
}

static void write_part(const struct bus *b, uint64_t addr, unsigned size, uint32_t value)
{
	const struct bus_range *r = bus_find(b, addr);

	if (r == NULL)
		return;
	if (size > r->width)
		write_bytes(b, addr, size, value);
	else
		r->write(r->dev, (uint32_t)(addr - r->base), size, value);
}

uint64_t bus_read(const struct bus *b, uint64_t addr, unsigned size)
{
	if (size <= 4)
		return read_part(b, addr, size);
	return read_part(b, addr, 4) | (uint64_t)read_part(b, addr + 4, 4) << 32;
}

void bus_write(const struct bus *b, uint64_t addr, unsigned size, uint64_t value)
{
	write_part(b, addr, size < 4 ? size : 4, (uint32_t)value);
	if (size == 8)
		write_part(b, addr + 4, 4, (uint32_t)(value >> 32));
}
