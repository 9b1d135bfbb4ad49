// SPDX-License-Identifier: Apache-2.0
/*
 * Virtual CPUs. Passive: a thread of the VMM runs one by vcpu_run, on its own time and CPU. What a vCPU is between two runs is in
 * its state page (abi/vcpu.h) and, for the groups the VMM did not ask for, in the vendor's control block. A host interrupt ends the
 * stay in the guest; the call is then run again like any interrupted one, so the kernel knows no "thread in a guest".
 */
#pragma once
#include "abi/vcpu.h"
#include "kernel/inc/asid.h"
#include "kernel/inc/obj.h"
#include "kernel/inc/space.h"

struct sm;

enum {
	VCPU_FPU_OFFSET = 1024,
};

struct vcpu {
	struct obj obj; /* acct: domain of the VMM, which has the state page */
	struct gspace *space;
	struct list space_link; /* on space->vcpus */
	struct vcpu_state *state;
	uint64_t state_va;
	void *control; /* the vendor's frame: VMCB, VMCS */
	void *fpu; /* frame: the guest's XSAVE area from VCPU_FPU_OFFSET, what is before is the vendor's */
	uint64_t xcr0;
	uint64_t dr[4]; /* the guest's, unless dr_live */
	struct asid_tag tag;
	uint32_t cpu; /* where it runs or ran last */
	bool running;
	bool held;       /* that CPU has a part of control in itself */
	bool dr_live;    /* dr[] is in the registers */
	bool stale;      /* control holds no guest state: all of it comes from the page */
	uint64_t vm[24]; /* for the vendor's use */
};

_Static_assert(VCPU_FPU_OFFSET + VCPU_FPU_SIZE <= FRAME_SIZE, "the FPU area fits its frame");
_Static_assert(sizeof(struct vcpu) <= 512, "vcpu is a slab object");

/* sm has a count: guests that run with it on other CPUs come back. */
void vcpu_wake(struct sm *sm);

/* sm dies: no CPU remembers it. */
void vcpu_forget(const struct sm *sm);

/* The space dies, and so do its vCPUs. True: none are left. */
bool vcpu_leave_space(struct gspace *space);

/* The CPU that holds v's control block lets go of it. */
void vcpu_release(struct vcpu *v);

/* May a guest have this XCR0 where the host offers `max`? */
bool vcpu_xcr0_valid(uint64_t xcr0, uint64_t max);
