// SPDX-License-Identifier: Apache-2.0
/* Second-stage tables of VT-d, four levels. Intel VT-d specification, 9.8. */
#include "abi/types.h"
#include "kernel/inc/ptab.h"

enum {
	VTD_R = 1 << 0,
	VTD_W = 1 << 1,
	VTD_LARGE = 1 << 7,
};

#define VTD_LIMIT (UINT64_C(1) << 48)

static const unsigned int leaf_level = 1;

static uint64_t leaf(uint32_t attr, bool large)
{
	return (attr & RIGHT_R ? VTD_R : 0) | (attr & RIGHT_W ? VTD_W : 0) |
	       (large ? VTD_LARGE : 0);
}

const struct ptab_format ptab_vtd = {
	.leaf = leaf,
	.leaf_level = &leaf_level,
	.table = VTD_R | VTD_W,
	.present = VTD_R | VTD_W,
	.large = VTD_LARGE,
	.limit = VTD_LIMIT,
};
