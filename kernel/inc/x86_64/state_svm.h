// SPDX-License-Identifier: Apache-2.0
/*
 * Between the state page (abi/vcpu.h) and the VMCB. Pure: no privileged instruction, no kernel data,
 * so that the host's unit tests run the same code. The page may change while it is read (another
 * thread of the VMM writes it): each field is read once, and nothing read twice has to agree.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/vcpu.h"
#include "kernel/inc/x86_64/vmcb.h"

/* What the CPU offers beyond the base of SVM; CPUID 8000000Ah EDX. */
enum svm_features {
	SVM_HAS_NEXT_RIP = 1 << 3,
	SVM_HAS_DECODE = 1 << 7,
};

/* What svm_exit_decode found. */
enum svm_action {
	SVM_TO_VMM,        /* state.exit says why */
	SVM_HOST_EVENT,    /* interrupt or NMI for the kernel: go on when it is served */
	SVM_YIELD,         /* it spins: another's turn */
	SVM_MACHINE_CHECK, /* for the kernel's handler */
	SVM_LOAD_DR,       /* the guest uses debug registers: load them, do not intercept, go on */
	SVM_RESUME,        /* settled in the VMCB (an exception was put in): go on */
};

/* Set everything of a zeroed VMCB that no guest changes: intercepts, nested paging, masks. */
void svm_vmcb_init(struct vmcb *v, uint64_t iopm, uint64_t msrpm, uint64_t np_cr3);

/* Let the moves to and from debug registers exit or not. */
void svm_intercept_dr(struct vmcb *v, bool on);

/* Let a guest that spins exit or not. */
void svm_intercept_pause(struct vmcb *v, bool on);

/* Load the `dirty` groups but XCR, and what is always loaded; debug registers 0-3 go to dr.
   Takes the event out of the page. */
void svm_state_load(struct vmcb *v, uint64_t dr[4], struct vcpu_state *s, uint32_t dirty);

/* Store `groups` but XCR, and what is always stored but the GPRs other than rax and rsp. */
void svm_state_store(struct vcpu_state *s, const struct vmcb *v, const uint64_t dr[4],
		     uint32_t groups);

/* Normalise the exit in the VMCB; fills exit, insn_len, qual, raw, insn, event of the page when the
   result is SVM_TO_VMM; only event when it is SVM_HOST_EVENT or SVM_YIELD; and nothing of it otherwise. */
enum svm_action svm_exit_decode(struct vmcb *v, struct vcpu_state *s, uint32_t features);
