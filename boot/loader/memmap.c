// SPDX-License-Identifier: Apache-2.0
/* No environment needed: the loader and the unit test run this file. */
#include "boot/loader/memmap.h"

static void insert(struct boot_mem *map, uint32_t *count, uint32_t at, struct boot_mem entry)
{
	for (uint32_t i = *count; i > at; i--)
		map[i] = map[i - 1];
	map[at] = entry;
	*count += 1;
}

static void erase(struct boot_mem *map, uint32_t *count, uint32_t at)
{
	*count -= 1;
	for (uint32_t i = at; i < *count; i++)
		map[i] = map[i + 1];
}

/* Makes `address` a border between entries. */
static void split(struct boot_mem *map, uint32_t *count, uint64_t address)
{
	for (uint32_t i = 0; i < *count; i++) {
		struct boot_mem tail = map[i];

		if (address <= tail.base || address - tail.base >= tail.size)
			continue;
		map[i].size = address - tail.base;
		tail.size -= map[i].size;
		tail.base = address;
		insert(map, count, i + 1, tail);
		return;
	}
}

static void join_next(struct boot_mem *map, uint32_t *count, uint32_t i)
{
	if (i + 1 < *count && map[i].type == map[i + 1].type &&
	    map[i].base + map[i].size == map[i + 1].base) {
		map[i].size += map[i + 1].size;
		erase(map, count, i + 1);
	}
}

int memmap_set(struct boot_mem *map, uint32_t *count, uint64_t base, uint64_t size, uint32_t type)
{
	struct boot_mem entry = { .base = base, .size = size, .type = type };
	uint32_t at = 0;

	if (*count + 3 > BOOTINFO_MAX_MEM)
		return -1;
	if (size == 0)
		return 0;
	split(map, count, base);
	split(map, count, base + size);
	while (at < *count && map[at].base < base)
		at++;
	while (at < *count && map[at].base - base < size)
		erase(map, count, at);
	insert(map, count, at, entry);
	join_next(map, count, at);
	if (at)
		join_next(map, count, at - 1);
	return 0;
}

uint64_t memmap_top(const struct boot_mem *map, uint32_t count)
{
	uint64_t top = 0;

	for (uint32_t i = 0; i < count; i++)
		if (map[i].type != BOOT_MEM_RESERVED)
			top = map[i].base + map[i].size;
	return top;
}
