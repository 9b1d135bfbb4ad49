// SPDX-License-Identifier: Apache-2.0
/* Extended page tables of VT-x. Intel SDM volume 3, 29.3.2. */
#include "abi/types.h"
#include "kernel/inc/x86_64/vmx.h"

enum {
	EPT_R = 1 << 0,
	EPT_W = 1 << 1,
	EPT_X = 1 << 2,
	EPT_UC = 0 << 3,
	EPT_WC = 1 << 3,
	EPT_WB = 6 << 3,
	EPT_LARGE = 1 << 7,
};

#define EPT_LIMIT (UINT64_C(1) << 48)

unsigned int ept_leaf_level = 1;

static uint64_t ept_leaf(uint32_t attr, bool large)
{
	uint64_t e = EPT_R;

	if (attr & RIGHT_W)
		e |= EPT_W;
	if (attr & RIGHT_X)
		e |= EPT_X;
	if (attr & MAP_UNCACHED)
		e |= EPT_UC;
	else
		e |= attr & MAP_WRITE_COMBINE ? EPT_WC : EPT_WB;
	return large ? e | EPT_LARGE : e;
}

const struct ptab_format ptab_ept = {
	.leaf = ept_leaf,
	.leaf_level = &ept_leaf_level,
	.table = EPT_R | EPT_W | EPT_X,
	.present = EPT_R | EPT_W | EPT_X,
	.large = EPT_LARGE,
	.limit = EPT_LIMIT,
};
