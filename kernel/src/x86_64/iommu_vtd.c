// SPDX-License-Identifier: Apache-2.0
/*
 * Intel VT-d. One root table with a context table per bus, one interrupt table, one set for all units: a requester id names the same function whichever unit
 * it is behind. Units of other PCI segments get an empty root table. Intel VT-d specification, revision 4; numbers in brackets are its sections.
 */
#include "kernel/inc/cpu.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/x86_64/iommu_regs.h"

enum vtd_register { /* [11.4] */
		    VTD_CAP = 0x08,
		    VTD_ECAP = 0x10,
		    VTD_COMMAND = 0x18,
		    VTD_STATUS = 0x1c,
		    VTD_ROOT = 0x20,
		    VTD_FAULT_STATUS = 0x34,
		    VTD_QUEUE_TAIL = 0x88,
		    VTD_QUEUE = 0x90,
		    VTD_IRT = 0xb8,
};

enum vtd_command { /* the same bits in the status register [11.4.4] */
		   VTD_SET_IRT = 1 << 24,
		   VTD_IR_ON = 1 << 25,
		   VTD_QUEUE_ON = 1 << 26,
		   VTD_FLUSH_WRITES = 1 << 27,
		   VTD_SET_ROOT = 1 << 30,
};

#define VTD_ON      (1u << 31)
#define VTD_LASTING (VTD_ON | VTD_QUEUE_ON | VTD_IR_ON) /* the rest are one-time orders */

enum vtd_capability {                       /* [11.4.2, 11.4.3] */
		      CAP_DOMAINS_8BIT = 2, /* low three bits: domain numbers have 4 + 2n bits */
		      CAP_FLUSH_WRITES = 1 << 4,
		      CAP_4_LEVELS = 1 << 10,
		      ECAP_COHERENT = 1 << 0,
		      ECAP_QUEUE = 1 << 1,
		      ECAP_REMAP = 1 << 3,
		      ECAP_X2APIC = 1 << 4,
};

#define CAP_2M               (UINT64_C(1) << 34)
#define CAP_DRAIN_WRITE      (UINT64_C(1) << 54)
#define CAP_DRAIN_READ       (UINT64_C(1) << 55)
#define CAP_FAULT_REG(cap)   ((uint32_t)((cap) >> 24 & 0x3ff) * 16)
#define CAP_FAULT_COUNT(cap) ((uint32_t)((cap) >> 40 & 0xff) + 1)

enum vtd_invalidate { /* [6.5.2] */
		      INV_CONTEXT = 1,
		      INV_IOTLB = 2,
		      INV_INTERRUPTS = 4,
		      INV_WAIT = 5,
		      INV_ALL = 1 << 4,    /* contexts, IOTLB: of everything; */
		      INV_DOMAIN = 2 << 4, /* of one domain; */
		      INV_DEVICE = 3 << 4, /* contexts: of one function */
		      INV_DRAIN_WRITE = 1 << 6,
		      INV_DRAIN_READ = 1 << 7,
		      INV_WAIT_STORE = 1 << 5,
		      QUEUE_ENTRIES = FRAME_SIZE / 16,
};

enum vtd_entry {
	ENTRY_PRESENT = 1 << 0,         /* root [9.1], context [9.3], interrupt [9.10] */
	CONTEXT_4_LEVELS = 2,           /* high half */
	CONTEXT_DOMAIN = 8,             /* high half, shift */
	IRTE_VECTOR = 16,               /* low half, shift */
	IRTE_DEST = 32,                 /* low half, shift; x2APIC mode */
	IRTE_DEST_XAPIC = 40,           /* low half, shift; else */
	IRTE_CHECK_REQUESTER = 1 << 18, /* high half: all 16 bits of the source id */
	IRTES_PER_CPU = 256,
	IRT_X2APIC = 1 << 11,
};

enum vtd_fault { /* [11.4.9, 11.4.14] */
		 FAULT_OVERFLOW = 1 << 0,
		 FAULT_PENDING = 1 << 1,
		 FAULT_REASON = 32, /* high half, shift */
};

#define FAULT_VALID  (UINT64_C(1) << 63) /* high half; writing it frees the record */
#define FAULT_READ   (UINT64_C(1) << 62)
#define MSI_REMAPPED UINT64_C(0xfee00010) /* [5.1.2.2] */

struct pair {
	volatile uint64_t low, high;
};

static struct {
	uint64_t cap, ecap;
	struct pair *queue;
	volatile uint32_t *done; /* what the last wait descriptor stored */
	uint32_t tail, sent;
} unit[BOOTINFO_MAX_IOMMU];

static struct pair *roots, *no_roots, *contexts, *irt;
static bool x2apic;

/* The structures are ordinary memory; units that do not look into the caches are old and rare, and tables change rarely. */
static void written(uint32_t u)
{
	if (!(unit[u].ecap & ECAP_COHERENT))
		__asm__ volatile("wbinvd" : : : "memory");
	if (!(unit[u].cap & CAP_FLUSH_WRITES))
		return;
	iommu_write32(u, VTD_COMMAND,
		      (iommu_read32(u, VTD_STATUS) & VTD_LASTING) | VTD_FLUSH_WRITES);
	IOMMU_WAIT(u, "write its buffers", !(iommu_read32(u, VTD_STATUS) & VTD_FLUSH_WRITES));
}

static void put(uint32_t u, uint64_t low, uint64_t high)
{
	struct pair *d = &unit[u].queue[unit[u].tail];

	d->low = low;
	d->high = high;
	unit[u].tail = (unit[u].tail + 1) % QUEUE_ENTRIES;
}

static void invalidate(uint32_t u, uint64_t what)
{
	uint64_t drain = (unit[u].cap & CAP_DRAIN_WRITE ? INV_DRAIN_WRITE : 0) |
			 (unit[u].cap & CAP_DRAIN_READ ? INV_DRAIN_READ : 0);

	put(u, (what & 0xf) == INV_IOTLB ? what | drain : what, 0);
	unit[u].sent++;
	put(u, INV_WAIT | INV_WAIT_STORE | (uint64_t)unit[u].sent << 32,
	    ptr_pa((const void *)unit[u].done));
	iommu_write64(u, VTD_QUEUE_TAIL, unit[u].tail * sizeof(struct pair));
	IOMMU_WAIT(u, "finish an invalidation", *unit[u].done == unit[u].sent);
}

static void invalidate_all_units(uint64_t what)
{
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++) {
		written(u);
		invalidate(u, what);
	}
}

static void flush(uint16_t domain)
{
	invalidate_all_units(INV_IOTLB | INV_DOMAIN | (uint64_t)domain << 16);
}

static void flush_function(uint16_t rid, uint16_t domain)
{
	invalidate_all_units(INV_CONTEXT | INV_DEVICE | (uint64_t)domain << 16 |
			     (uint64_t)rid << 32);
	flush(domain);
}

static void attach(uint16_t rid, const struct gspace *g)
{
	uint16_t domain = g->space.dma_domain;

	contexts[rid].high = CONTEXT_4_LEVELS | (uint64_t)domain << CONTEXT_DOMAIN;
	contexts[rid].low = g->space.ptab.root | ENTRY_PRESENT;
	flush_function(rid, 0);
	flush(domain);
}

static void detach(uint16_t rid, uint16_t domain)
{
	contexts[rid].low = 0;
	contexts[rid].high = 0;
	flush_function(rid, domain);
}

/* A binding's place follows from its CPU and vector, so no two have the same. */
static struct msi route(struct irq_bind *b)
{
	struct pair *e;

	b->entry = (uint16_t)(b->cpu * IRTES_PER_CPU + b->vector);
	e = &irt[b->entry];
	e->high = b->rid | IRTE_CHECK_REQUESTER;
	e->low = ENTRY_PRESENT | (uint64_t)b->vector << IRTE_VECTOR |
		 (uint64_t)cpus[b->cpu]->apic_id << (x2apic ? IRTE_DEST : IRTE_DEST_XAPIC);
	invalidate_all_units(INV_INTERRUPTS);
	return (struct msi){
		MSI_REMAPPED | (b->entry & 0x7fffu) << 5 | (uint64_t)(b->entry >> 15) << 2, 0
	};
}

static void unroute(struct irq_bind *b)
{
	irt[b->entry].low = 0;
	irt[b->entry].high = 0;
	invalidate_all_units(INV_INTERRUPTS);
}

static const char *reason(uint32_t code) /* [7.1.3] */
{
	switch (code) {
	case 0x01:
	case 0x02:
		return "the function is attached to no DMA space";
	case 0x04:
		return "the address is beyond the DMA space";
	case 0x05:
		return "not mapped for writing";
	case 0x06:
		return "not mapped for reading";
	case 0x20:
	case 0x21:
	case 0x22:
	case 0x24:
		return "no such interrupt was assigned";
	case 0x25:
		return "not in the remappable format";
	case 0x26:
		return "the interrupt was assigned to another function";
	default:
		return "the unit found an entry that it does not understand";
	}
}

static bool record(uint32_t u, uint32_t at, struct iommu_fault *f)
{
	uint64_t low = iommu_read64(u, at), high = iommu_read64(u, at + 8);
	uint32_t code = high >> FAULT_REASON & 0xff;

	if (!(high & FAULT_VALID))
		return false;
	iommu_write64(u, at + 8, FAULT_VALID);
	f->rid = (uint16_t)high;
	f->why = reason(code);
	f->write = !(high & FAULT_READ);
	f->address = code >= 0x20 ? MSI_REMAPPED | (low >> 48 & 0x7fff) << 5 : low & PTAB_ADDR;
	return true;
}

static bool fault(struct iommu_fault *f)
{
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++) {
		uint32_t status = iommu_read32(u, VTD_FAULT_STATUS);

		for (uint32_t i = 0; (status & FAULT_PENDING) && i < CAP_FAULT_COUNT(unit[u].cap);
		     i++)
			if (record(u, CAP_FAULT_REG(unit[u].cap) + i * 16, f))
				return true;
		if (status & FAULT_OVERFLOW)
			iommu_write32(u, VTD_FAULT_STATUS, FAULT_OVERFLOW);
	}
	return false;
}

/* Starting. */

static const char *usable(uint32_t u)
{
	uint64_t cap, ecap;

	if (!iommu_map(u))
		return "a unit with too many registers";
	cap = unit[u].cap = iommu_read64(u, VTD_CAP);
	ecap = unit[u].ecap = iommu_read64(u, VTD_ECAP);
	if ((cap & 7) < CAP_DOMAINS_8BIT || !(cap & CAP_4_LEVELS) || !(cap & CAP_2M))
		return "a unit without four-level tables, 2 MiB pages or 256 domains";
	if (!(ecap & ECAP_QUEUE))
		return "a unit without an invalidation queue";
	if (CAP_FAULT_REG(cap) + CAP_FAULT_COUNT(cap) * 16 > bootinfo.iommu[u].size)
		return "a unit whose fault records are out of reach";
	iommu_remaps &= (ecap & ECAP_REMAP) != 0;
	x2apic &= (ecap & ECAP_X2APIC) != 0;
	return NULL;
}

static void order(uint32_t u, uint32_t bit, bool on)
{
	uint32_t lasting = iommu_read32(u, VTD_STATUS) & VTD_LASTING;

	iommu_write32(u, VTD_COMMAND, on ? lasting | bit : lasting & ~bit);
	IOMMU_WAIT(u, "obey", !(iommu_read32(u, VTD_STATUS) & bit) == !on);
}

/* Whatever firmware left on goes off first: bus masters are stopped. */
static void start_unit(uint32_t u, uint64_t irt_size)
{
	order(u, VTD_ON, false);
	order(u, VTD_IR_ON, false);
	order(u, VTD_QUEUE_ON, false);
	unit[u].queue = boot_frames(FRAME_SIZE);
	unit[u].done = boot_frames(FRAME_SIZE);
	iommu_write64(u, VTD_QUEUE_TAIL, 0);
	iommu_write64(u, VTD_QUEUE, ptr_pa(unit[u].queue));
	order(u, VTD_QUEUE_ON, true);
	iommu_write64(u, VTD_ROOT, ptr_pa(bootinfo.iommu[u].segment ? no_roots : roots));
	order(u, VTD_SET_ROOT, true);
	written(u);
	invalidate(u, INV_CONTEXT | INV_ALL);
	invalidate(u, INV_IOTLB | INV_ALL);
	if (iommu_remaps) { /* messages in the compatibility format stay blocked: that bit is never set */
		iommu_write64(u, VTD_IRT, ptr_pa(irt) | (x2apic ? IRT_X2APIC : 0) | (irt_size - 1));
		order(u, VTD_SET_IRT, true);
		invalidate(u, INV_INTERRUPTS);
		order(u, VTD_IR_ON, true);
	}
	order(u, VTD_ON, true);
}

static const char *start(void)
{
	uint64_t irt_size = 8; /* 2^n entries */
	const char *wrong;

	iommu_remaps = bootinfo.iommu_remap;
	x2apic = cpuid(1, 0).c & 1u << 21;
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++) {
		wrong = usable(u);
		if (wrong)
			return wrong;
	}
	while (1u << irt_size < cpu_count * IRTES_PER_CPU)
		irt_size++;
	roots = boot_frames(FRAME_SIZE);
	no_roots = boot_frames(FRAME_SIZE);
	contexts = boot_frames(IOMMU_REQUESTERS * sizeof(struct pair));
	irt = boot_frames(sizeof(struct pair) << irt_size);
	for (unsigned int bus = 0; bus < 256; bus++)
		roots[bus].low = (ptr_pa(contexts) + bus * (uint64_t)FRAME_SIZE) | ENTRY_PRESENT;
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++)
		start_unit(u, irt_size);
	return NULL;
}

extern const struct ptab_format ptab_vtd;

const struct iommu_ops vtd_ops = {
	.name = "VT-d",
	.format = &ptab_vtd,
	.start = start,
	.attach = attach,
	.detach = detach,
	.flush = flush,
	.route = route,
	.unroute = unroute,
	.fault = fault,
};
