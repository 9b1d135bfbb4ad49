// SPDX-License-Identifier: Apache-2.0
/*
 * Address spaces and what is mapped in them. A mapping is one record on two lists: its capability's (so revoking finds it) and its
 * space's (so unmapping and the end of the space find it). It always describes exactly what is in the page tables: while it is built or taken down in
 * steps its size grows or shrinks with them.
 */
#pragma once
#include "kernel/inc/cap.h"
#include "kernel/inc/obj.h"
#include "kernel/inc/ptab.h"

enum {
	STEP_LEAVES = 64, /* page-table leaves handled in one unit of work */
};

struct space {
	struct ptab ptab;
	struct pd *pd;    /* host: the domain; guest: NULL */
	struct list maps; /* struct mapping.space_link */
	uint64_t tlb_gen; /* guest: counts changes; who caches translations compares */
	uint16_t
		dma_domain; /* DMA: its number in the IOMMUs while functions are attached, else 0 */
};

/* Guest-physical memory, or what devices see (space_is_dma(), kernel/inc/iommu.h). */
struct gspace {
	struct obj obj;
	struct space space;
	struct list
		vcpus; /* struct vcpu.space_link; they die with the space, vcpu_reap unparks it */
	struct list attached; /* DMA: struct attachment.space_link */
	struct list irqs;     /* DMA: struct irq_bind.space_link */
	uint32_t irq_count;
	void *irt; /* DMA: frame of interrupt table entries, if the vendor has one per space */
};

struct mapping {
	struct list slot_link;
	struct list space_link;
	struct slot *slot;
	struct space *space;
	struct ec *builder; /* thread in whose map call it grows; NULL: finished */
	uint64_t va;        /* pio: first port */
	uint64_t size;
	bool pio;
};

void space_init(struct space *s, const struct ptab_format *f, struct account *acct, struct pd *pd);

/* A kernel frame shown to the user (UTCB, vCPU state page): S_BAD_PARAM, S_BUSY, S_NO_KMEM. */
enum status space_show_frame(struct space *s, uint64_t va, void *frame);
void space_hide_frame(struct space *s, uint64_t va);

/* Takes down part of a mapping; true: it is gone, record and all. */
bool mapping_unmap_step(struct mapping *m);

/* Forgets all mappings of a dying space without touching its tables; true: none are left. */
bool space_forget_step(struct space *s);

enum reap_result gspace_reap(struct gspace *g);
