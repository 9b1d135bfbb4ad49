// SPDX-License-Identifier: Apache-2.0
/*
 * What policy must know after its own death: with which configuration each VM was started, and so measured. In memory that root keeps
 * for this component during one boot; all zero at first.
 */
#pragma once
#include "mgmt/proto/state.h"

struct kept_vm {
	uint64_t vm;    /* VM number; 0: free. Written last, cleared first */
	uint64_t epoch; /* the last in which it was seen running, or was started */
	uint8_t config[32];
};

struct kept {
	uint64_t epoch; /* the last one that is in PCR 10 */
	struct kept_vm vms[STATE_VMS];
};

struct kept_vm *kept_find(struct kept *k, uint64_t vm);
/* Notes that `vm` is about to be started so. Entries of VMs that `state` does not have make room. */
void kept_set(struct kept *k, const struct state *state, uint64_t vm, const uint8_t config[32]);
/* It is being stopped for good: whatever is wanted later, this run of it is not that. */
void kept_spoil(struct kept *k, uint64_t vm);
