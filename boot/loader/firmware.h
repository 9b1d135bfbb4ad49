// SPDX-License-Identifier: Apache-2.0
/* The firmware's services as the whole loader sees them, and the loader's own memory from them. */
#pragma once
#include <efi.h>
#include <stdint.h>
#include <stddef.h>

#define PAGE_SIZE 4096ull
#define GIB       (1ull << 30)

extern EFI_SYSTEM_TABLE *firmware; /* set once by efi_main() */
#define BOOT (firmware->BootServices)

static inline uint64_t pages_of(uint64_t bytes)
{
	return (bytes + PAGE_SIZE - 1) / PAGE_SIZE;
}

static inline int guid_equal(const EFI_GUID *a, const EFI_GUID *b)
{
	const uint64_t *x = (const uint64_t *)(const void *)a,
		       *y = (const uint64_t *)(const void *)b;

	return x[0] == y[0] && x[1] == y[1];
}

/* Pages of type EfiLoaderData, zeroed, that end at or below `limit`; refuses to boot when there are none. */
void *alloc_below(uint64_t pages, uint64_t limit);
/* The same anywhere below 4 GiB, where the kernel's first page tables reach it. */
void *alloc_pages(uint64_t pages);
/* First configuration table with this GUID, or NULL. */
void *config_table(const EFI_GUID *guid);
