// SPDX-License-Identifier: Apache-2.0
/* Host tests: what the common kernel asks of the processor, without a processor. */
#pragma once
#include "kernel/inc/cpu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/ptab.h"

extern const struct ptab_format ptab_host;
extern unsigned int cpu_leaf_level;
extern uint64_t kernel_root, tsc_khz, fpu_mask;

void space_install_kernel(uint64_t *root);
void arch_load_pd(struct cpu *cpu, struct pd *pd);
void fpu_reset(void *area);
void fpu_import(void *area, const void *from, uint64_t n);
void fpu_drop(struct ec *e);
void lapic_ipi(uint32_t apic_id, uint8_t vector);
void lapic_timer(uint64_t deadline);
uint64_t lapic_base(void);

static inline void arch_enter(struct cpu *cpu, struct ec *e)
{
	cpu->ec = e;
	cpu->pd = e->pd;
}
