// SPDX-License-Identifier: Apache-2.0
/* Free RAM, handed out as zeroed areas, each with its own memory object; selectors of root's table; the boot parts. */
#include <string.h>
#include "lib/component.h"
#include "services/root/kernel/kernel.h"
#include "services/root/ranges.h"

static struct ranges memory;
static uint64_t sel_used[SEL_MAX / 64];
static bool peeked[ROOT_MAX_PART];

sel_t sel_new(void)
{
	for (sel_t s = root->first_free_sel; s < SEL_MAX; s++) {
		if (s % 64 == 0 && sel_used[s / 64] == UINT64_MAX) {
			s += 63;
			continue;
		}
		if (sel_used[s / 64] >> s % 64 & 1)
			continue;
		sel_used[s / 64] |= 1ull << s % 64;
		return s;
	}
	return SEL_NULL;
}

void sel_free(sel_t sel)
{
	sel_used[sel / 64] &= ~(1ull << sel % 64);
}

void sel_drop(sel_t *sel)
{
	if (!*sel)
		return;
	if (sys_revoke(*sel, REVOKE_SELF) != S_OK)
		die("cannot revoke capability %u", *sel);
	sel_free(*sel);
	*sel = SEL_NULL;
}

/* A page between regions keeps ranges of different memory objects apart. */
void memory_begin(void)
{
	for (uint32_t i = 0; i < root->mem_count; i++) {
		const struct root_mem *m = &root->mem[i];
		uint64_t skip = i && root->mem[i - 1].base + root->mem[i - 1].size == m->base
					? PAGE_SIZE
					: 0;

		if (m->size > skip)
			ranges_put(&memory, m->base + skip, m->size - skip);
	}
}

static const struct root_mem *region_of(uint64_t base)
{
	const struct root_mem *m = root->mem;

	while (base < m->base || base - m->base >= m->size)
		m++;
	return m;
}

static bool map_window(const struct area *a, uint64_t size)
{
	return sys_map(a->sel, root->pd, ROOT_WINDOW + a->base, 0, size, RIGHT_RW) == S_OK;
}

/* Whole pages, past the caches: a guest's memory would only drive out what is in use. */
static void zero_pages(void *at, uint64_t size)
{
	uint8_t *p = at, *end = p + size;

	__asm__ volatile("xorps %%xmm0, %%xmm0\n"
			 "1:\n"
			 ".set offset, 0\n"
			 ".rept 32\n"
			 "movntps %%xmm0, offset(%0)\n"
			 ".set offset, offset + 16\n"
			 ".endr\n"
			 "add $512, %0\n"
			 "cmp %1, %0\n"
			 "jb 1b\n"
			 "sfence"
			 : "+r"(p)
			 : "r"(end)
			 : "xmm0", "cc", "memory");
}

static bool zero(const struct area *a)
{
	if (!map_window(a, a->size))
		return false;
	zero_pages((void *)(ROOT_WINDOW + a->base), a->size);
	return sys_unmap(root->pd, ROOT_WINDOW + a->base, a->size) == S_OK;
}

bool area_new(struct area *a, uint64_t size, uint64_t align)
{
	const struct root_mem *m;
	struct area got = { .size = size };

	*a = (struct area){ 0 };
	if (!ranges_take(&memory, size, align, &got.base))
		return false;
	m = region_of(got.base);
	got.sel = sel_new();
	if (!got.sel || sys_derive(got.sel, m->sel, got.base - m->base, size, RIGHT_ALL) != S_OK) {
		sel_free(got.sel);
		ranges_put(&memory, got.base, size);
		return false;
	}
	if (!zero(&got)) {
		area_free(&got);
		return false;
	}
	*a = got;
	return true;
}

void area_free(struct area *a)
{
	if (a->size) {
		sel_drop(&a->sel);
		ranges_put(&memory, a->base, a->size);
	}
	*a = (struct area){ 0 };
}

void *area_window(struct area *a, uint64_t size)
{
	uint64_t want = (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ull);

	if (want > a->window) {
		area_unwindow(a);
		if (!map_window(a, want))
			return NULL;
		a->window = want;
	}
	return (void *)(ROOT_WINDOW + a->base);
}

void area_unwindow(struct area *a)
{
	if (a->window && sys_unmap(root->pd, ROOT_WINDOW + a->base, a->window) != S_OK)
		die("cannot unmap root's window");
	a->window = 0;
}

uint64_t engine_free_memory(void)
{
	return ranges_total(&memory);
}

uint64_t engine_free_frames(void)
{
	uint64_t quota, used;

	return sys_ctrl_kmem(root->pd, root->pd, 0, &quota, &used) == S_OK ? quota - used : 0;
}

const void *memory_peek(sel_t mo, uint64_t base, uint64_t size)
{
	uint64_t n = (size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ull);

	return sys_map(mo, root->pd, ROOT_WINDOW + base, 0, n, RIGHT_R) == S_OK
		       ? (const void *)(ROOT_WINDOW + base)
		       : NULL;
}

const struct root_part *part_find(const char *name)
{
	for (uint32_t i = 0; i < root->part_count; i++) {
		const struct root_part *p = &root->part[i];

		if (strcmp(p->name, name))
			continue;
		if (!peeked[i] && !memory_peek(p->sel, p->base, p->size))
			return NULL;
		peeked[i] = true;
		return p;
	}
	return NULL;
}
