// SPDX-License-Identifier: Apache-2.0
/* No environment needed: the loader and the unit test run this file. */
#include "boot/loader/paging.h"
#include <stddef.h>

#define PTE_PRESENT    0x1ull
#define PTE_WRITE      0x2ull
#define PTE_LARGE      0x80ull
#define PTE_NO_EXECUTE (1ull << 63)
#define PTE_ADDRESS    0x000ffffffffff000ull

enum { ENTRIES = 512, PAGE = 4096 };

static const uint64_t LARGE_PAGE = 2ull << 20;

static uint64_t share(uint64_t bytes, uint64_t per_table)
{
	return (bytes + per_table - 1) / per_table;
}

uint64_t paging_pages(uint64_t top, uint64_t span)
{
	uint64_t identity = share(top, 1ull << 39) + share(top, 1ull << 30);

	return 1 + identity + 2 * 3 + share(span, LARGE_PAGE);
}

void paging_start(struct paging *p, uint64_t *block, uint64_t pages)
{
	*p = (struct paging){ .block = block, .pages = pages, .used = 1 };
}

/* The table below entry `index` of `table`, made if it is not there; NULL if the block is full. */
static uint64_t *below(struct paging *p, uint64_t *table, uint64_t index)
{
	if (!(table[index] & PTE_PRESENT)) {
		if (p->used == p->pages)
			return NULL;
		table[index] =
			(uintptr_t)(p->block + p->used++ * ENTRIES) | PTE_PRESENT | PTE_WRITE;
	}
	return (uint64_t *)(uintptr_t)(table[index] & PTE_ADDRESS);
}

/* The table of level `level` (1: 4 KiB entries, 2: 2 MiB entries) that covers `virtual`. */
static uint64_t *walk(struct paging *p, uint64_t virtual, int level)
{
	uint64_t *table = p->block;

	for (int l = 4; l > level && table; l--)
		table = below(p, table, virtual >> (12 + 9 * (l - 1)) & (ENTRIES - 1));
	return table;
}

int paging_identity(struct paging *p, uint64_t top)
{
	for (uint64_t a = 0; a < top; a += LARGE_PAGE) {
		uint64_t *table = walk(p, a, 2);

		if (!table)
			return -1;
		table[a >> 21 & (ENTRIES - 1)] = a | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
	}
	return 0;
}

int paging_map(struct paging *p, uint64_t virtual, uint64_t physical, uint64_t size, uint32_t flags)
{
	uint64_t bits = PTE_PRESENT | (flags & PAGING_WRITE ? PTE_WRITE : 0) |
			(flags & PAGING_EXECUTE ? 0 : PTE_NO_EXECUTE);

	for (uint64_t done = 0; done < size; done += PAGE) {
		uint64_t v = virtual + done;
		uint64_t *table = walk(p, v, 1);

		if (!table)
			return -1;
		table[v >> 12 & (ENTRIES - 1)] = (physical + done) | bits;
	}
	return 0;
}
