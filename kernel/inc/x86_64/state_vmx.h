// SPDX-License-Identifier: Apache-2.0
/*
 * Between the state page (abi/vcpu.h) and the current VMCS. Pure but for vmread and vmwrite: the host's unit tests run the same
 * code on an array. The page may change while it is read (another thread of the VMM writes it): each field is read once, and nothing
 * read twice has to agree.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/vcpu.h"

/* MSRs of the SYSCALL group, in the order of the page: no VMCS has them, the kernel switches them around a run. */
enum {
	VMX_MSRS = 5,
};

/* What is known of a guest beside its VMCS. */
struct vmx_guest {
	uint64_t cr2, dr6, dr7; /* dr7: as in the VMCS, unless the guest has the debug registers */
	uint64_t msr[VMX_MSRS];
	volatile uint32_t *tpr; /* the virtual task priority, in bits 4-7 */
	uint32_t proc;          /* VMCS_PROC */
	uint32_t blocking;      /* VMCS_GUEST_BLOCKING */
	uint32_t event;         /* VMCS_ENTRY_EVENT; 0 once the guest has it */
	bool nmi;               /* an NMI waits until the guest can take one */
};

/* Control words and fixed bits, chosen once from what the processor offers (caps_vmx.c). */
struct vmx_controls {
	uint32_t pin, proc, proc2, exit, entry;
	uint64_t cr4_guest; /* bits of CR4 a guest may set */
	uint64_t cr4_host;  /* bits that are always as here, whatever the guest thinks */
};

/* What vmx_exit_decode found. */
enum vmx_action {
	VMX_TO_VMM,     /* state.exit says why */
	VMX_HOST_EVENT, /* an interrupt for the kernel: go on when it is served */
	VMX_YIELD,      /* it spins: another's turn */
	VMX_NMI,        /* for the kernel's handlers */
	VMX_MACHINE_CHECK,
	VMX_TIMER,   /* the preemption timer ran out */
	VMX_LOAD_DR, /* the guest uses debug registers: load them, do not intercept, go on */
	VMX_RESUME,  /* settled in the VMCS: go on */
};

/* Everything of a cleared VMCS that neither guest nor host changes, but addresses. */
void vmx_vmcs_init(struct vmx_guest *g, const struct vmx_controls *c);

/* Let the moves to and from debug registers exit or not. */
void vmx_intercept_dr(struct vmx_guest *g, bool on);

/* Load the `dirty` groups but XCR, and what is always loaded; debug registers 0-3 go to dr. Takes the event out of the page.
   NULL, or what in the page no guest may have. */
const char *vmx_state_load(struct vmx_guest *g, const struct vmx_controls *c, uint64_t dr[4],
			   struct vcpu_state *s, uint32_t dirty);

/* Store `groups` but XCR, and what is always stored but the GPRs other than rsp. */
void vmx_state_store(struct vcpu_state *s, const struct vmx_guest *g, const uint64_t dr[4],
		     uint32_t groups);

/* Normalise the exit in the VMCS; fills exit, insn_len, qual, raw, event of the page when the result is VMX_TO_VMM; only event when it is
   VMX_HOST_EVENT, VMX_YIELD or VMX_TIMER; and nothing of it otherwise. */
enum vmx_action vmx_exit_decode(struct vmx_guest *g, const struct vmx_controls *c,
				struct vcpu_state *s);

/* Why the processor refused an entry, in words: from the exit reason, or (`failed`: the instruction itself) from the
   VM-instruction error. Names the failing check of the guest state where it finds it. */
const char *vmx_refusal(bool failed);
