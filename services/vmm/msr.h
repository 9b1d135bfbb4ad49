// SPDX-License-Identifier: Apache-2.0
/*
 * Model-specific registers of a guest that exit to the VMM: TSC and its adjustment, MTRRs (kept, without effect: nested
 * paging sets memory types), EFER, PAT, the SYSCALL group, and a few that kernels read without asking. The APIC's are in lapic.h.
 * State: tsc_adjust, MTRRs. Everything else is #GP. Sources: AMD64 APM volume 2 appendix A, Intel SDM volume 4.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/vcpu.h"
#include "services/vmm/state.h"

#define MTRR_VARIABLE 8u
#define MTRR_FIXED    11u

/* Groups of the state that msr_read() and msr_write() may use. */
#define MSR_GROUPS \
	(VCPU_G_EFER | VCPU_G_CR | VCPU_G_SYSCALL | VCPU_G_SYSENTER | VCPU_G_SEG | VCPU_G_TSC)

struct msrs {
	uint64_t tsc_base;   /* tsc_offset of a guest TSC without adjustment */
	uint64_t tsc_adjust; /* guest TSC - ticks */
	uint64_t misc_enable;
	uint64_t mtrr_default;
	uint64_t mtrr_variable[2 * MTRR_VARIABLE];
	uint64_t mtrr_fixed[MTRR_FIXED];
};

void msr_init(struct msrs *m, uint64_t tsc_base);
/* false: #GP. ticks: now. */
bool msr_read(struct msrs *m, const struct vcpu_state *s, uint32_t index, uint64_t *value,
	      uint64_t ticks);
bool msr_write(struct msrs *m, struct vcpu_state *s, uint32_t index, uint64_t value,
	       uint64_t ticks);
void msr_state(struct state *s, struct msrs *m);
