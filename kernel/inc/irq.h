// SPDX-License-Identifier: Apache-2.0
/* Message interrupts: vectors of a CPU bound to semaphores. A binding hangs on the device capability and goes with it. */
#pragma once
#include "kernel/inc/cap.h"
#include "kernel/inc/space.h"

enum {
	IRQ_VECTOR_FIRST = 48,
	VECTOR_TIMER = 240,
	VECTOR_RESCHED = 241,
	VECTOR_SHOOTDOWN = 242,
	VECTOR_HALT = 243,
	VECTOR_SPURIOUS = 255,
};

struct sm;

/* What hangs on a dc slot's maps: a struct attachment (kernel/inc/iommu.h) or a struct irq_bind. */
struct dev_use {
	struct list slot_link;
	bool attachment;
};

struct irq_bind {
	struct dev_use use;
	struct sm *sm;
	struct list space_link; /* on gspace.irqs */
	struct gspace *space;   /* DMA space of the function, NULL: no IOMMU */
	uint16_t rid;
	uint16_t cpu;
	uint16_t entry; /* the vendor's: place in the interrupt table */
	uint8_t vector;
};

_Static_assert(sizeof(struct irq_bind) <= 128, "irq_bind is a slab object");

void irq_deliver(uint8_t vector);
void irq_unbind(struct irq_bind *b);

/* Ends one use of a dc slot. */
void dev_use_end(struct dev_use *u);
