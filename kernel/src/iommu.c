// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/iommu.h"
#include "abi/decode.h"
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sm.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

enum {
	POLL_MS = 10,
	POLL_FAULTS = 64,      /* taken in one poll */
	REPORTS_BURST = 16,    /* lines at once, */
	REPORT_EVERY_MS = 250, /* then one line each */
};

/* Message address and data, fixed delivery, physical destination. Intel SDM volume 3, 11.11. */
#define MSI_ADDRESS    0xfee00000ull
#define MSI_DEST_SHIFT 12
#define MSI_RANGE      0x100000ull

const struct iommu_ops *iommu_ops;
bool iommu_remaps;
static uint8_t domain_of[IOMMU_REQUESTERS];
static struct gspace *domains[IOMMU_DOMAINS];

static struct {
	uint64_t next_poll; /* TSC */
	uint64_t credit_at; /* TSC up to which reports were credited */
	uint32_t credit;    /* lines that may be printed */
	uint64_t unsaid;    /* faults without a line since the last one */
} report;

void iommu_start(void)
{
	const struct iommu_ops *ops =
		bootinfo.iommu[0].kind == BOOT_IOMMU_VTD ? &vtd_ops : &amdvi_ops;
	const char *wrong = bootinfo.iommu_count ? ops->start() : "this machine lists none";

	report.credit = REPORTS_BURST;
	if (wrong) {
		iommu_remaps = false;
		kprintf("iommu: none in use (%s): a driver's device can reach all memory\n", wrong);
		return;
	}
	iommu_ops = ops;
	kprintf("iommu: %s, %u units, all DMA denied until granted, interrupt remapping %s\n",
		ops->name, bootinfo.iommu_count,
		iommu_remaps ? "on" : "not there: a device can forge any interrupt");
}

struct gspace *iommu_space_of(uint64_t rid)
{
	return domains[domain_of[rid % IOMMU_REQUESTERS]];
}

/* Attaching. */

static uint16_t free_domain(void)
{
	for (uint16_t d = 1; d < IOMMU_DOMAINS; d++)
		if (!domains[d])
			return d;
	return 0;
}

static enum status check(const struct slot *dc, const struct gspace *g)
{
	if (!iommu_ops)
		return S_UNSUPPORTED;
	if (dc->size != 1 || !space_is_dma(&g->space))
		return S_BAD_PARAM;
	if (domain_of[dc->base] || (!g->space.dma_domain && !free_domain()))
		return S_BUSY;
	return S_OK;
}

static void bind(struct attachment *a, struct slot *dc, struct gspace *g)
{
	a->use.attachment = true;
	a->space = g;
	a->rid = (uint16_t)dc->base;
	list_insert(&dc->maps, &a->use.slot_link);
	list_insert(&g->attached, &a->space_link);
	if (!g->space.dma_domain)
		g->space.dma_domain = free_domain();
	domains[g->space.dma_domain] = g;
	domain_of[a->rid] = (uint8_t)g->space.dma_domain;
	iommu_ops->attach(a->rid, g);
}

void call_attach(struct ec *self)
{
	struct args_attach a = decode_attach(&self->regs);
	struct slot *dc, *space;
	struct attachment *at;
	struct gspace *g;
	enum status s = cap_lookup(self->pd, a.dc, OBJ_DC, RIGHT_ASSIGN, &dc);

	if (s == S_OK)
		s = cap_lookup(self->pd, a.space, OBJ_SPACE, RIGHT_MAP, &space);
	if (s != S_OK)
		return ec_status(self, s);
	g = container_of(space->obj, struct gspace, obj);
	s = check(dc, g);
	if (s != S_OK)
		return ec_status(self, s);
	at = slab_alloc(g->space.ptab.acct, sizeof(*at));
	if (!at)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	bind(at, dc, g);
	ec_status(self, S_OK);
}

/* A space without functions needs no number: what a unit remembers under it is gone before somebody else gets it. */
void iommu_detach(struct attachment *a)
{
	struct space *s = &a->space->space;

	iommu_ops->detach(a->rid, s->dma_domain);
	domain_of[a->rid] = 0;
	list_remove(&a->use.slot_link);
	list_remove(&a->space_link);
	if (list_empty(&a->space->attached)) {
		iommu_ops->flush(s->dma_domain);
		domains[s->dma_domain] = NULL;
		s->dma_domain = 0;
	}
	slab_free(s->ptab.acct, a);
}

bool iommu_leave_step(struct gspace *g)
{
	if (!list_empty(&g->irqs))
		irq_unbind(container_of(g->irqs.next, struct irq_bind, space_link));
	else if (!list_empty(&g->attached))
		iommu_detach(container_of(g->attached.next, struct attachment, space_link));
	return list_empty(&g->irqs) && list_empty(&g->attached);
}

/* Interrupts. */

struct msi iommu_route(struct irq_bind *b)
{
	if (b->space) {
		list_insert(&b->space->irqs, &b->space_link);
		b->space->irq_count++;
	}
	if (b->space && iommu_remaps)
		return iommu_ops->route(b);
	return (struct msi){ MSI_ADDRESS | (uint64_t)cpus[b->cpu]->apic_id << MSI_DEST_SHIFT,
			     b->vector };
}

void iommu_unroute(struct irq_bind *b)
{
	if (!b->space)
		return;
	if (iommu_remaps)
		iommu_ops->unroute(b);
	list_remove(&b->space_link);
	b->space->irq_count--;
}

/* Faults. */

static bool may_report(uint64_t now)
{
	while (report.credit < REPORTS_BURST &&
	       report.credit_at + REPORT_EVERY_MS * tsc_khz <= now) {
		report.credit_at += REPORT_EVERY_MS * tsc_khz;
		report.credit++;
	}
	if (report.credit == REPORTS_BURST)
		report.credit_at = now;
	if (!report.credit)
		return false;
	report.credit--;
	return true;
}

static void tell(const struct iommu_fault *f)
{
	const struct gspace *g = domains[domain_of[f->rid]];
	bool message = f->address - MSI_ADDRESS < MSI_RANGE;

	if (report.unsaid)
		kprintf("iommu: %lu more faults\n", report.unsaid);
	report.unsaid = 0;
	if (!f->why)
		return kprintf("iommu: a unit reports an error of its own, at %lx\n", f->address);
	kprintf("iommu: function %02x:%02x.%x (%s): %s %lx refused: %s\n", f->rid >> 8,
		f->rid >> 3 & 31, f->rid & 7, g ? g->obj.acct->name : "nobody's",
		message    ? "interrupt by a write to"
		: f->write ? "DMA write to"
			   : "DMA read of",
		f->address, f->why);
}

static void take_faults(uint64_t now)
{
	struct iommu_fault f;

	for (unsigned int i = 0; i < POLL_FAULTS && iommu_ops->fault(&f); i++) {
		cpu_self()->stats->dma_faults++;
		if (may_report(now))
			tell(&f);
		else
			report.unsaid++;
	}
}

/*
 * Polled, not by an interrupt: a storm of faults then costs what the polls cost and no more, nobody has to write to the units' own PCI
 * configuration, and both vendors' are the same.
 */
void iommu_poll(void)
{
	uint64_t now;

	if (!iommu_ops)
		return;
	now = rdtsc();
	if (now < report.next_poll)
		return;
	report.next_poll = now + POLL_MS * tsc_khz;
	take_faults(now);
	if (report.unsaid && may_report(now)) {
		kprintf("iommu: %lu more faults\n", report.unsaid);
		report.unsaid = 0;
	}
}
