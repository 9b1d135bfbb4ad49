// SPDX-License-Identifier: Apache-2.0
/*
 * Exceptions that the VMM raises where the processor would have: at the instruction that exited, which is then not skipped. An event that waits
 * in the page already is never overwritten: an exit by an instruction has none. Source: Intel SDM volume 3, 6.15.
 */
#pragma once
#include <stdint.h>
#include "abi/vcpu.h"

enum {
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_UD = 6,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
};

void exception_raise(struct vcpu_state *s, uint32_t vector);
/* For the vectors with an error code. */
void exception_raise_error(struct vcpu_state *s, uint32_t vector, uint32_t error);
/* Needs the group CR of the state. */
void exception_page_fault(struct vcpu_state *s, uint64_t linear, uint32_t error);
