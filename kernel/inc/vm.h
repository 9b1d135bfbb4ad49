// SPDX-License-Identifier: Apache-2.0
/*
 * The seam between the kernel and the processor vendors' virtualisation. One table of hooks, chosen at boot; common code is
 * kernel/src/vcpu.c. Everything is under the kernel lock, except the guest itself: the run hook lets go of the lock while the guest runs.
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
	bool (*cpu_init)(struct cpu *cpu);        /* on each CPU, once */
	enum status (*vcpu_init)(struct vcpu *v); /* vendor part of create_vcpu; S_NO_KMEM */
	void (*vcpu_free)(struct vcpu *v);
	int (*run)(
		struct
		vcpu *v); /* loads what is dirty, enters once, normalises the exit; see kernel/inc/vcpu.h */
};

/* NULL: no virtualisation on this machine. */
extern const struct vm_ops *vm_ops;

/* On the boot CPU: choose; then on every CPU: enable. */
void vm_choose(void);
void vm_cpu_init(struct cpu *cpu);

enum reap_result vcpu_reap(struct vcpu *v);
