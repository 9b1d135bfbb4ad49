// SPDX-License-Identifier: Apache-2.0
/*
 * DMA. With an IOMMU every PCI function is denied all memory and all interrupts until the call attach binds it to a DMA space; from then on it reaches
 * what is mapped there and raises what was assigned to it. One table of hooks per vendor, chosen at boot; common code is kernel/src/iommu.c. All under the
 * kernel lock.
 */
#pragma once
#include "kernel/inc/irq.h"
#include "kernel/inc/ptab.h"
#include "kernel/inc/space.h"

enum {
	IOMMU_DOMAINS =
		256, /* attached DMA spaces, number 0 is nobody's; 8 bits are in every unit */
	IOMMU_SPACE_IRQS = 256,  /* interrupts of one DMA space */
	IOMMU_REQUESTERS = 65536 /* functions of PCI segment 0, by requester id */
};

/* A function bound to a DMA space. Hangs on its capability and goes with it, or with the space. */
struct attachment {
	struct dev_use use;
	struct list space_link; /* on gspace.attached */
	struct gspace *space;
	uint16_t rid;
};

/* A request that was refused. */
struct iommu_fault {
	uint64_t address;
	const char *why; /* NULL: the record names no request of a function */
	uint16_t rid;
	bool write;
};

struct msi {
	uint64_t address;
	uint32_t data;
};

struct iommu_ops {
	const char *name;
	const struct ptab_format *format; /* of DMA spaces */
	bool space_irt; /* each DMA space has a frame for its interrupts, gspace.irt */

	/* All units on, every function denied. NULL, or why not: then none is on. */
	const char *(*start)(void);

	/* One function's entry. When they return the unit knows and no request under the old entry is under way. */
	void (*attach)(uint16_t rid, const struct gspace *g);
	void (*detach)(uint16_t rid, uint16_t domain);

	/* No request uses a translation that was taken out of the space's tables before. */
	void (*flush)(uint16_t domain);

	/* The message that makes the function raise b, and the end of it. Only with remapping. */
	struct msi (*route)(struct irq_bind *b);
	void (*unroute)(struct irq_bind *b);

	/* Takes the oldest recorded fault; false: there is none. */
	bool (*fault)(struct iommu_fault *f);
};

/* NULL: no IOMMU on this machine, or none that can be used. */
extern const struct iommu_ops *iommu_ops;
extern const struct iommu_ops vtd_ops, amdvi_ops;
extern bool iommu_remaps; /* interrupts too */

void iommu_start(void);

static inline bool space_is_dma(const struct space *s)
{
	return iommu_ops && s->ptab.format == iommu_ops->format;
}

/* The DMA space a function is attached to, or NULL. */
struct gspace *iommu_space_of(uint64_t rid);

/* An interrupt of a function attached to b->space, or (b->space NULL) of any; the vector is chosen. */
struct msi iommu_route(struct irq_bind *b);
void iommu_unroute(struct irq_bind *b);

void iommu_detach(struct attachment *a);

/* One unit of work towards a DMA space that no function and no interrupt uses; true: done. Harmless for other spaces. */
bool iommu_leave_step(struct gspace *g);

/* Reports what the units recorded, but not oftener than every few milliseconds. */
void iommu_poll(void);
