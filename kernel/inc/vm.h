// SPDX-License-Identifier: Apache-2.0
/*
 * The seam between the kernel and the processor vendors' virtualisation. One table of hooks, chosen at boot; common code is
 * kernel/src/vcpu.c. Everything is under the kernel lock, except the guest itself: run lets go of the lock while the guest runs.
 */
#pragma once
#include "kernel/inc/obj.h"
#include "kernel/inc/ptab.h"
#include "kernel/inc/space.h"

struct cpu;
struct vcpu;

struct vm_ops {
	const char *name;                         /* "svm", "vmx" */
	const struct ptab_format *format;         /* of guest-physical spaces */
	bool (*present)(void);                    /* this CPU has it and firmware allows it */
	const char *(*cpu_init)(struct cpu *cpu); /* on each CPU, once; NULL, or what is wrong */

	/* Vendor part of create_vcpu: fills the zeroed frame v->control, and caps in the page. */
	void (*vcpu_init)(struct vcpu *v);

	/* The groups but XCR, and what is always loaded, into the control block; false: the processor would refuse them. */
	bool (*load)(struct vcpu *v, uint32_t groups);

	/* Enters the guest until an exit or the deadline (0: none); its normalised form is in the page. VM_EXIT_NONE: the host has to do
	   something first. */
	uint32_t (*run)(struct vcpu *v, uint64_t deadline);

	/* The control block into the state page: what is always stored, and the groups but XCR. */
	void (*store)(struct vcpu *v, uint32_t groups);

	/* On the CPU that holds the control block (vcpu.held): after this nothing of it is in the processor. */
	void (*release)(struct vcpu *v);
};

/* NULL: no virtualisation on this machine. */
extern const struct vm_ops *vm_ops;
extern const struct vm_ops svm_ops, vmx_ops;
extern const struct vm_ops *const vm_vendors[]; /* ends with NULL */

/* On the boot CPU: choose; then on every CPU: enable. */
void vm_choose(void);
void vm_cpu_init(struct cpu *cpu);

enum reap_result vcpu_reap(struct vcpu *v);
