// SPDX-License-Identifier: Apache-2.0
/* Registers of the IOMMUs, mapped one window each while booting. */
#pragma once
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"

static inline volatile uint8_t *iommu_window(uint32_t unit)
{
	return (volatile uint8_t *)(IOMMU_VA + (uint64_t)unit * IOMMU_STRIDE);
}

/* False: more registers than a window has room for. */
static inline bool iommu_map(uint32_t unit)
{
	const struct boot_iommu *u = &bootinfo.iommu[unit];

	if (u->size > IOMMU_STRIDE)
		return false;
	kmap(IOMMU_VA + (uint64_t)unit * IOMMU_STRIDE, u->base, u->size, true, false, true);
	return true;
}

static inline uint32_t iommu_read32(uint32_t unit, uint32_t reg)
{
	return *(volatile uint32_t *)(iommu_window(unit) + reg);
}

static inline uint64_t iommu_read64(uint32_t unit, uint32_t reg)
{
	return *(volatile uint64_t *)(iommu_window(unit) + reg);
}

static inline void iommu_write32(uint32_t unit, uint32_t reg, uint32_t v)
{
	*(volatile uint32_t *)(iommu_window(unit) + reg) = v;
}

static inline void iommu_write64(uint32_t unit, uint32_t reg, uint64_t v)
{
	*(volatile uint64_t *)(iommu_window(unit) + reg) = v;
}

/* A unit that does not answer may still let requests through: nothing is safe then. */
#define IOMMU_WAIT(unit, what, done)                                                             \
	do {                                                                                     \
		uint64_t end_ = rdtsc() + 1000 * tsc_khz;                                        \
		while (!(done)) {                                                                \
			cpu_relax();                                                             \
			if (rdtsc() > end_)                                                      \
				panic("the IOMMU at %lx does not %s", bootinfo.iommu[unit].base, \
				      what);                                                     \
		}                                                                                \
	} while (0)
