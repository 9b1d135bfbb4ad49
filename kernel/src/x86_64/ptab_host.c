// SPDX-License-Identifier: Apache-2.0
/* Entries of host page tables. Intel SDM volume 3, 4.5. Accessed and dirty are preset: the processor never writes to the tables. */
#include "abi/types.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/layout.h"

enum {
	HPT_P = 1 << 0,
	HPT_W = 1 << 1,
	HPT_U = 1 << 2,
	HPT_PWT = 1 << 3, /* memory type by PAT: PWT alone is write-combining, see cpu_start */
	HPT_PCD = 1 << 4,
	HPT_AD = 3 << 5,
	HPT_LARGE = 1 << 7,
};

#define HPT_NX (1ull << 63)

unsigned int cpu_leaf_level = 1;

static uint64_t leaf(uint32_t attr, bool large)
{
	uint64_t e = HPT_P | HPT_U | HPT_AD;

	if (attr & RIGHT_W)
		e |= HPT_W;
	if (!(attr & RIGHT_X))
		e |= HPT_NX;
	if (attr & MAP_UNCACHED)
		e |= HPT_PCD | HPT_PWT;
	else if (attr & MAP_WRITE_COMBINE)
		e |= HPT_PWT;
	return large ? e | HPT_LARGE : e;
}

const struct ptab_format ptab_host = {
	.leaf = leaf,
	.leaf_level = &cpu_leaf_level,
	.table = HPT_P | HPT_W | HPT_U | HPT_AD,
	.present = HPT_P,
	.large = HPT_LARGE,
	.limit = USER_LIMIT,
};
