// SPDX-License-Identifier: Apache-2.0
/* Host page tables as on x86-64, without the processor's headers. */
#include "abi/types.h"
#include "kernel/inc/ptab.h"

#define NX ((uint64_t)1 << 63)

static uint64_t leaf(uint32_t attr, bool large)
{
	return 5 | (attr & RIGHT_W ? 2 : 0) | (attr & RIGHT_X ? 0 : NX) | (large ? 0x80 : 0);
}

unsigned int cpu_leaf_level = 2;

const struct ptab_format ptab_host = {
	.leaf = leaf,
	.leaf_level = &cpu_leaf_level,
	.table = 7,
	.present = 1,
	.large = 0x80,
	.limit = 0x00007ffffffff000,
};
