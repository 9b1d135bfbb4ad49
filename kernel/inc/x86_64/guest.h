// SPDX-License-Identifier: Apache-2.0
/* What guests of both vendors need alike: registers no control block switches, and what exits. */
#pragma once
#include <stdint.h>
#include "kernel/inc/kmem.h"

struct cpu;
struct vcpu;

/* Around a run: the guest's FPU state for the thread's. */
void guest_fpu_enter(struct cpu *cpu, struct vcpu *v);
void guest_fpu_leave(struct cpu *cpu, struct vcpu *v);

/* Debug registers 0-3, v->dr_live. */
void guest_dr_load(struct vcpu *v);
void guest_dr_save(struct vcpu *v);

enum {
	DR7_ENABLE = 0xff,
	GUEST_MSRS = 10,
	GUEST_PORT_BYTES = 3 * FRAME_SIZE, /* of SVM's map; VT-x has two frames */
};

/* MSRs that pass: those that the processor, or the kernel, switches with the guest. */
extern const uint32_t guest_msrs[GUEST_MSRS];

/* A set bit exits: all ports do. */
extern uint8_t guest_ports[GUEST_PORT_BYTES];
void guest_ports_init(void);
