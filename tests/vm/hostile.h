// SPDX-License-Identifier: Apache-2.0
/* Parts of the guests hostile_cpu and hostile_dev. */
#pragma once
#include <stdint.h>

struct range {
	uint32_t first, last;
};

void hostile_msrs(void);
void hostile_mmio(void);
void hostile_apic(void);
