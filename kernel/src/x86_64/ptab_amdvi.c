// SPDX-License-Identifier: Apache-2.0
/* I/O page tables of AMD-Vi, version 1, four levels. An entry says how many levels are below it; 0: it is a page. AMD IOMMU specification, 2.2.3. */
#include "abi/types.h"
#include "kernel/inc/ptab.h"

enum {
	AMDVI_PRESENT = 1 << 0,
	AMDVI_NEXT_LEVEL = 7 << 9,
};

#define AMDVI_COHERENT (UINT64_C(1) << 60)
#define AMDVI_READ     (UINT64_C(1) << 61)
#define AMDVI_WRITE    (UINT64_C(1) << 62)
#define AMDVI_LIMIT    (UINT64_C(1) << 48)

static const unsigned int leaf_level = 1;

static uint64_t leaf(uint32_t attr, bool large)
{
	(void)large;
	return AMDVI_PRESENT | AMDVI_COHERENT | (attr & RIGHT_R ? AMDVI_READ : 0) |
	       (attr & RIGHT_W ? AMDVI_WRITE : 0);
}

const struct ptab_format ptab_amdvi = {
	.leaf = leaf,
	.leaf_level = &leaf_level,
	.table = AMDVI_PRESENT | AMDVI_READ | AMDVI_WRITE,
	.present = AMDVI_PRESENT,
	.next_level = AMDVI_NEXT_LEVEL,
	.limit = AMDVI_LIMIT,
};
