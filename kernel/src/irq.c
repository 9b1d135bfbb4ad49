// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/irq.h"
#include "abi/decode.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sm.h"
#include "kernel/inc/stats.h"

enum {
	MSI_INDEX_MAX = 2048,
	APIC_ID_XAPIC = 255,
};

void irq_deliver(uint8_t vector)
{
	struct irq_bind *b = cpu_self()->irq[vector - IRQ_VECTOR_FIRST];

	trace(TRACE_IRQ, vector, 0);
	if (b)
		sm_up(b->sm);
}

void irq_unbind(struct irq_bind *b)
{
	iommu_unroute(b);
	cpus[b->cpu]->irq[b->vector - IRQ_VECTOR_FIRST] = NULL;
	b->sm->irq = NULL;
	list_remove(&b->use.slot_link);
	slab_free(&b->sm->obj.acct->account, b);
}

void dev_use_end(struct dev_use *u)
{
	if (u->attachment)
		iommu_detach(container_of(u, struct attachment, use));
	else
		irq_unbind(container_of(u, struct irq_bind, use));
}

static int free_vector(const struct cpu *cpu)
{
	for (int i = 0; i < IRQ_VECTORS; i++)
		if (!cpu->irq[i])
			return i + IRQ_VECTOR_FIRST;
	return -1;
}

static enum status check(const struct slot *dc, const struct sm *sm, const struct args_assign *a)
{
	const struct gspace *g;

	if (dc->size != 1 || a->index >= MSI_INDEX_MAX)
		return S_BAD_PARAM;
	g = iommu_space_of(dc->base);
	if (iommu_ops && !g)
		return S_BAD_PARAM;
	if (g && g->irq_count == IOMMU_SPACE_IRQS)
		return S_BUSY;
	if (a->cpu >= cpu_count || cpus[a->cpu]->apic_id >= APIC_ID_XAPIC)
		return S_BAD_CPU;
	return sm->irq || free_vector(cpus[a->cpu]) < 0 ? S_BUSY : S_OK;
}

static void bind(struct irq_bind *b, struct slot *dc, struct sm *sm, uint64_t cpu)
{
	b->sm = sm;
	b->space = iommu_space_of(dc->base);
	b->rid = (uint16_t)dc->base;
	b->cpu = (uint16_t)cpu;
	b->vector = (uint8_t)free_vector(cpus[cpu]);
	cpus[cpu]->irq[b->vector - IRQ_VECTOR_FIRST] = b;
	sm->irq = b;
	list_insert(&dc->maps, &b->use.slot_link);
}

void call_assign(struct ec *self)
{
	struct args_assign a = decode_assign(&self->regs);
	struct slot *dc, *slot;
	struct irq_bind *b;
	struct sm *sm;
	struct msi m;
	enum status s = cap_lookup(self->pd, a.dc, OBJ_DC, RIGHT_ASSIGN, &dc);

	if (s == S_OK)
		s = cap_lookup(self->pd, a.sm, OBJ_SM, RIGHT_UP, &slot);
	if (s != S_OK)
		return ec_status(self, s);
	sm = container_of(slot->obj, struct sm, obj);
	s = check(dc, sm, &a);
	if (s != S_OK)
		return ec_status(self, s);
	b = slab_alloc(&sm->obj.acct->account, sizeof(*b));
	if (!b)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	bind(b, dc, sm, a.cpu);
	m = iommu_route(b);
	ec_status(self, S_OK);
	ec_results(self, m.address, m.data);
}
