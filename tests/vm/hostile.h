// SPDX-License-Identifier: Apache-2.0
/* Parts of the guest hostile_cpu. */
#pragma once
#include <stdint.h>

struct range {
	uint32_t first, last;
};

void hostile_msrs(void);
