// SPDX-License-Identifier: Apache-2.0
/*
 * The page-table engine: one walker for all formats (host, NPT, EPT, VT-d, AMD-Vi). A format says how entries look; kernel/src/x86_64/ptab_host.c and
 * the vendor files have one each. Table frames are charged to the space's account and stay until the space goes.
 */
#pragma once
#include "kernel/inc/kmem.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	PTAB_LEVELS = 4, /* 512 entries each; leaves: level 0 4 KiB, level 1 2 MiB, level 2 1 GiB */
};

#define PTAB_ADDR       0x000ffffffffff000ull
#define PTAB_LARGE_SIZE 0x200000ull

/* How entries of one format look. attr: enum right R W X | enum map_flag. */
struct ptab_format {
	uint64_t (*leaf)(uint32_t attr, bool large); /* bits besides the address */
	const unsigned int *leaf_level; /* highest with leaves: 1, or 2 if the CPU can */
	uint64_t table;                 /* bits of an entry that points to a table */
	uint64_t present;               /* an entry is in use if any of these is set */
	uint64_t large;                 /* set in a leaf above level 0 */
	uint64_t
		next_level; /* field of an entry: levels below it, 0 in a leaf; or no such field and 0 */
	uint64_t limit; /* first address that cannot be mapped */
};

struct ptab {
	const struct ptab_format *format;
	struct account *acct;
	uint64_t root; /* physical */
};

enum ptab_result {
	PTAB_OK,
	PTAB_NO_MEM,
	PTAB_TAKEN,
};

/* Maps one leaf at va, the largest that va, pa and size allow; *done = bytes mapped. Tables made on the way stay. */
enum ptab_result ptab_map(struct ptab *t, uint64_t va, uint64_t pa, uint64_t size, uint32_t attr,
			  uint64_t *done);

/* Removes the leaf that holds va; returns its size in bytes, 0 if there is none. */
uint64_t ptab_unmap(struct ptab *t, uint64_t va);

/* The leaf that holds va, or 0; *size = its bytes. */
uint64_t ptab_lookup(const struct ptab *t, uint64_t va, uint64_t *size);

/* Frees one table frame below limit of a space that nobody uses any more; true: none are left but the root. */
bool ptab_free_step(struct ptab *t, uint64_t limit);
