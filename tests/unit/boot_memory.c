// SPDX-License-Identifier: Apache-2.0
/* The loader's memory map against a page-by-page model, and its page tables against what they must map. */
#include "boot/loader/memmap.h"
#include "boot/loader/paging.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed;

static void check(const char *what, int good)
{
	printf("%s boot_memory: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

enum { MODEL = 64, PAGE = 4096 };

static struct boot_mem map[BOOTINFO_MAX_MEM];
static uint32_t count;

/* Sorted, joined, and page for page what the model says. */
static int agrees(const uint8_t model[MODEL])
{
	uint8_t seen[MODEL] = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		if (i && (map[i - 1].base + map[i - 1].size > map[i].base ||
			  (map[i - 1].base + map[i - 1].size == map[i].base &&
			   map[i - 1].type == map[i].type)))
			return 0;
		memset(seen + map[i].base / PAGE, (int)map[i].type, map[i].size / PAGE);
	}
	return !memcmp(seen, model, MODEL);
}

static int random_rounds(void)
{
	uint8_t model[MODEL] = { 0 };

	srand(1);
	count = 0;
	for (int round = 0; round < 20000; round++) {
		uint32_t base = (uint32_t)rand() % MODEL, size = (uint32_t)rand() % (MODEL - base);
		uint32_t type = 1 + (uint32_t)rand() % 4;

		memset(model + base, (int)type, size);
		if (memmap_set(map, &count, (uint64_t)base * PAGE, (uint64_t)size * PAGE, type) ||
		    !agrees(model))
			return 0;
		if (round % 40 == 39) {
			memset(model, 0, MODEL);
			count = 0;
		}
	}
	return 1;
}

static void test_memmap(void)
{
	int result = 0;

	check("20000 random changes agree with the model", random_rounds());
	count = 0;
	for (uint64_t i = 0; i < BOOTINFO_MAX_MEM && !result; i++)
		result = memmap_set(map, &count, i * 2 * PAGE, PAGE, BOOT_MEM_FREE);
	check("a full map says so", result == -1 && count <= BOOTINFO_MAX_MEM);
	count = 0;
	check("top ignores reserved ranges",
	      memmap_top(map, count) == 0 && !memmap_set(map, &count, 0, 8 * PAGE, BOOT_MEM_FREE) &&
		      !memmap_set(map, &count, 64 * PAGE, PAGE, BOOT_MEM_RESERVED) &&
		      memmap_top(map, count) == 8 * PAGE);
}

/* What the tables say of an address: physical address | writable << 62 | executable << 61, or ~0. */
static uint64_t translate(const struct paging *p, uint64_t v)
{
	const uint64_t *table = p->block;

	for (int shift = 39;; shift -= 9) {
		uint64_t e = table[v >> shift & 511], span = 1ull << shift;

		if (!(e & 1))
			return UINT64_MAX;
		if (shift == 12 || e & 0x80)
			return (e & 0x000ffffffffff000ull & ~(span - 1)) | (v & (span - 1)) |
			       (e & 2) << 61 | (uint64_t) !(e >> 63) << 61;
		table = (const uint64_t *)(e & 0x000ffffffffff000ull);
	}
}

#define WRITABLE   (1ull << 62)
#define EXECUTABLE (1ull << 61)

static void test_paging(void)
{
	uint64_t top = (5ull << 30) + (6ull << 20), kernel = 0xffffffff803ff000ull, span = 4 * PAGE;
	uint64_t pages = paging_pages(top, span);
	uint64_t *block = aligned_alloc(PAGE, pages * PAGE);
	struct paging p;

	memset(block, 0, pages * PAGE);
	paging_start(&p, block, pages);
	check("identity fits the block", paging_identity(&p, top) == 0);
	check("kernel fits the block",
	      paging_map(&p, kernel, 0x7000, 2 * PAGE, PAGING_EXECUTE) == 0 &&
		      paging_map(&p, kernel + 2 * PAGE, 0x9000, 1, PAGING_WRITE) == 0 &&
		      paging_map(&p, kernel + 3 * PAGE, 0xa000, PAGE, 0) == 0);
	check("first, last and no byte beyond",
	      translate(&p, 0) == (WRITABLE | EXECUTABLE) &&
		      translate(&p, top - 1) == ((top - 1) | WRITABLE | EXECUTABLE) &&
		      translate(&p, top) == UINT64_MAX);
	check("text is executable only", translate(&p, kernel + PAGE + 5) == (0x8005 | EXECUTABLE));
	check("data is writable only", translate(&p, kernel + 2 * PAGE) == (0x9000 | WRITABLE));
	check("constants are neither", translate(&p, kernel + 3 * PAGE) == 0xa000);
	check("no page around the kernel", translate(&p, kernel - 1) == UINT64_MAX &&
						   translate(&p, kernel + 4 * PAGE) == UINT64_MAX);
	p.pages = p.used;
	check("a full block says so", paging_map(&p, 0xffff900000000000ull, 0, PAGE, 0) == -1);
	free(block);
}

int main(void)
{
	test_memmap();
	test_paging();
	return failed;
}
