// SPDX-License-Identifier: Apache-2.0
/* Nested page tables of SVM: host entries, all of them user entries. AMD64 APM volume 2, 5.3.3, 15.25.5. */
#include "abi/types.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/svm.h"

enum {
	NPT_P = 1 << 0,
	NPT_W = 1 << 1,
	NPT_U = 1 << 2,
	NPT_PWT = 1 << 3,
	NPT_PCD = 1 << 4,
	NPT_LARGE = 1 << 7,
};

#define NPT_NX    (UINT64_C(1) << 63)
#define NPT_LIMIT (UINT64_C(1) << 48)

static uint64_t npt_leaf(uint32_t attr, bool large)
{
	uint64_t e = NPT_P | NPT_U;

	if (attr & RIGHT_W)
		e |= NPT_W;
	if (!(attr & RIGHT_X))
		e |= NPT_NX;
	if (attr & (MAP_UNCACHED | MAP_WRITE_COMBINE))
		e |= NPT_PWT | NPT_PCD;
	return large ? e | NPT_LARGE : e;
}

const struct ptab_format ptab_npt = {
	.leaf = npt_leaf,
	.leaf_level = &cpu_leaf_level,
	.table = NPT_P | NPT_W | NPT_U,
	.present = NPT_P,
	.large = NPT_LARGE,
	.limit = NPT_LIMIT,
};
