// SPDX-License-Identifier: Apache-2.0
/* Message interrupts: vectors of a CPU bound to semaphores. A binding hangs on the device capability and goes with it. */
#pragma once
#include "kernel/inc/cap.h"

enum {
	IRQ_VECTOR_FIRST = 48,
	VECTOR_TIMER = 240,
	VECTOR_RESCHED = 241,
	VECTOR_SHOOTDOWN = 242,
	VECTOR_HALT = 243,
	VECTOR_SPURIOUS = 255,
};

struct sm;

struct irq_bind {
	struct list slot_link; /* on the dc slot's maps */
	struct slot *slot;
	struct sm *sm;
	uint16_t cpu;
	uint8_t vector;
};

void irq_deliver(uint8_t vector);
void irq_unbind(struct irq_bind *b);
