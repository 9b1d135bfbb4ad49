// SPDX-License-Identifier: Apache-2.0
/*
 * Carries out the instruction that touched device memory. Needs MMU_GROUPS of the state. String instructions do at most
 * MMIO_BATCH steps at a time and are then met again.
 */
#pragma once
#include "abi/vcpu.h"
#include "services/vmm/bus.h"
#include "services/vmm/guest_mem.h"

#define MMIO_BATCH 64u

enum mmio_result {
	/* rip stands behind the instruction; or at it, if it is a string instruction that is not over, or raised an exception */
	MMIO_DONE,
	MMIO_NO_CODE,   /* the bytes at rip cannot be read */
	MMIO_UNDECODED, /* an instruction this VMM does not carry out on device memory */
};

/* The space an instruction sees: RAM first, devices where there is none. */
struct mmio_space {
	const struct guest_mem *gm;
	const struct bus *bus;
	const struct bus *ports;
};

/* gpa, write: the guest-physical address and the direction that the CPU reported. */
enum mmio_result mmio_emulate(struct vcpu_state *s, const struct mmio_space *space, uint64_t gpa,
			      bool write);
/* ins or outs at rip. */
enum mmio_result mmio_string_port(struct vcpu_state *s, const struct mmio_space *space);
