// SPDX-License-Identifier: Apache-2.0
/* Host tests: the registers are those of a unit that the test plays. It answers at once or never. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"

uint64_t unit_read(uint32_t unit, uint32_t reg);
void unit_write(uint32_t unit, uint32_t reg, uint64_t value);

static inline bool iommu_map(uint32_t unit)
{
	(void)unit;
	return true;
}

static inline uint64_t iommu_read64(uint32_t unit, uint32_t reg)
{
	return unit_read(unit, reg);
}

static inline void iommu_write64(uint32_t unit, uint32_t reg, uint64_t v)
{
	unit_write(unit, reg, v);
}

#define IOMMU_WAIT(unit, what, done)                                        \
	do {                                                                \
		if (!(done))                                                \
			panic("unit %u does not %s", (unsigned)unit, what); \
	} while (0)
