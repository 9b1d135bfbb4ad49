// SPDX-License-Identifier: Apache-2.0
/* The memory map of boot info: sorted, not overlapping, neighbours of one type joined. */
#pragma once
#include "boot/bootinfo.h"

/*
 * Sets the type of [base, base + size), page-aligned, in `map` of *count entries (BOOTINFO_MAX_MEM at
 * most), over whatever was there. 0, or -1 if the map is full (it is then unchanged).
 */
int memmap_set(struct boot_mem *map, uint32_t *count, uint64_t base, uint64_t size, uint32_t type)
	__attribute__((warn_unused_result));

/* End of the highest range whose type is not BOOT_MEM_RESERVED; 0 for an empty map. */
uint64_t memmap_top(const struct boot_mem *map, uint32_t count);
