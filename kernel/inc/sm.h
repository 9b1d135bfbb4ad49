// SPDX-License-Identifier: Apache-2.0
/* Counting semaphores; interrupts arrive by them. */
#pragma once
#include "kernel/inc/heap.h"
#include "kernel/inc/obj.h"

#define SM_COUNT_MAX 0x80000000ull

struct irq_bind;

struct sm {
	struct obj obj;
	uint64_t count;
	struct heap waiters; /* struct ec.wait */
	struct irq_bind *irq;
	uint32_t guests; /* CPUs that run a guest until it has a count (cpu.guest_sm) */
};

void sm_up(struct sm *sm);
enum reap_result sm_reap(struct sm *sm);
