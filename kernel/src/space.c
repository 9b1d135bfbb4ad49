// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/space.h"
#include "abi/decode.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"

void space_init(struct space *s, const struct ptab_format *f, struct account *acct, struct pd *pd)
{
	s->ptab = (struct ptab){ .format = f, .acct = acct };
	s->pd = pd;
	list_init(&s->maps);
}

enum status space_show_frame(struct space *s, uint64_t va, void *frame)
{
	uint64_t done;

	if (va < FRAME_SIZE || va % FRAME_SIZE || va >= s->ptab.format->limit)
		return S_BAD_PARAM;
	switch (ptab_map(&s->ptab, va, ptr_pa(frame), FRAME_SIZE, RIGHT_RW, &done)) {
	case PTAB_OK:
		return S_OK;
	case PTAB_TAKEN:
		return S_BUSY;
	default:
		return S_NO_KMEM;
	}
}

void space_hide_frame(struct space *s, uint64_t va)
{
	ptab_unmap(&s->ptab, va);
	tlb_shoot(s);
}

static void mapping_free(struct mapping *m)
{
	list_remove(&m->slot_link);
	list_remove(&m->space_link);
	if (m->builder) {
		m->builder->build.to = NULL;
		m->builder->build.lost = true;
	}
	slab_free(m->space->ptab.acct, m);
}

bool mapping_unmap_step(struct mapping *m)
{
	if (m->pio) {
		pd_deny_ports(m->space->pd, m->va, m->size);
		mapping_free(m);
		return true;
	}
	for (unsigned int i = 0; i < STEP_LEAVES && m->size; i++)
		m->size -= ptab_unmap(&m->space->ptab, m->va + m->size - 1);
	tlb_shoot(m->space);
	if (m->size)
		return false;
	mapping_free(m);
	return true;
}

bool space_forget_step(struct space *s)
{
	for (unsigned int i = 0; i < STEP_LEAVES && !list_empty(&s->maps); i++)
		mapping_free(container_of(s->maps.next, struct mapping, space_link));
	return list_empty(&s->maps);
}

/* NULL: this machine has no such spaces; *s says whether any machine has. */
static const struct ptab_format *format_of(uint64_t kind, enum status *s)
{
	const struct ptab_format *f = NULL;

	if (kind == SPACE_GUEST && vm_ops)
		f = vm_ops->format;
	if (kind == SPACE_DMA && iommu_ops)
		f = iommu_ops->format;
	*s = f ? S_OK : kind == SPACE_GUEST || kind == SPACE_DMA ? S_UNSUPPORTED : S_BAD_PARAM;
	return f;
}

static void gspace_free_frames(struct gspace *g)
{
	if (g->irt)
		frame_free(g->space.ptab.acct, g->irt);
	if (g->space.ptab.root)
		frame_free(g->space.ptab.acct, pa_ptr(g->space.ptab.root));
}

/* NULL: the account is empty, and nothing of it is left. */
static struct gspace *gspace_new(struct pd *pd, const struct ptab_format *f)
{
	struct gspace *g = obj_alloc(pd, OBJ_SPACE, sizeof(*g));
	bool irt = iommu_ops && f == iommu_ops->format && iommu_ops->space_irt;
	void *root;

	if (!g)
		return NULL;
	space_init(&g->space, f, &pd->account, NULL);
	list_init(&g->vcpus);
	list_init(&g->attached);
	list_init(&g->irqs);
	root = frame_alloc(&pd->account);
	g->space.ptab.root = root ? ptr_pa(root) : 0;
	g->irt = irt ? frame_alloc(&pd->account) : NULL;
	if (root && (g->irt || !irt))
		return g;
	gspace_free_frames(g);
	obj_discard(&g->obj);
	return NULL;
}

void call_create_space(struct ec *self)
{
	struct args_create_space a = decode_create_space(&self->regs);
	const struct ptab_format *f = NULL;
	struct slot *dst, *acct;
	struct gspace *g;
	enum status s = cap_lookup(self->pd, a.acct, OBJ_PD, RIGHT_PAY, &acct);

	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s == S_OK)
		f = format_of(a.kind, &s);
	if (s != S_OK)
		return ec_status(self, s);
	g = gspace_new(container_of(acct->obj, struct pd, obj), f);
	if (!g)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	slot_set_object(dst, &g->obj);
	ec_status(self, S_OK);
}

enum reap_result gspace_reap(struct gspace *g)
{
	if (!vcpu_leave_space(g))
		return REAP_PARK;
	if (!iommu_leave_step(g) || !space_forget_step(&g->space))
		return REAP_MORE;
	tlb_shoot(&g->space);
	if (!ptab_free_step(&g->space.ptab, g->space.ptab.format->limit))
		return REAP_MORE;
	gspace_free_frames(g);
	return REAP_DONE;
}
