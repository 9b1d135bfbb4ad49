// SPDX-License-Identifier: Apache-2.0
/* The calls map and unmap. Building goes in steps; the mapping's record holds the progress. */
#include "abi/decode.h"
#include "kernel/inc/boot.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/x86_64/layout.h"

static enum status target_space(struct ec *self, sel_t sel, struct space **out)
{
	struct slot *t;
	enum status s = cap_lookup_any(self->pd, sel, RIGHT_MAP, &t);

	if (s != S_OK)
		return s;
	if (t->type == OBJ_PD)
		*out = &container_of(t->obj, struct pd, obj)->space;
	else if (t->type == OBJ_SPACE)
		*out = &container_of(t->obj, struct gspace, obj)->space;
	else
		return S_BAD_CAP;
	return S_OK;
}

static bool range_in_space(const struct space *sp, uint64_t va, uint64_t size)
{
	uint64_t limit = sp->ptab.format->limit;

	if ((va | size) % FRAME_SIZE || size == 0 || size > limit || va > limit - size)
		return false;
	return !sp->pd || va >= FRAME_SIZE;
}

static bool range_in_slot(const struct slot *mo, uint64_t offset, uint64_t size)
{
	return size && size <= mo->size && offset <= mo->size - size;
}

static enum status check_memory(const struct slot *mo, const struct space *sp,
				const struct args_map *a)
{
	uint32_t want = (uint32_t)a->flags & (RIGHT_RW | RIGHT_X);

	if (!range_in_space(sp, a->va, a->size) || a->offset % FRAME_SIZE ||
	    !range_in_slot(mo, a->offset, a->size))
		return S_BAD_PARAM;
	if (!want ||
	    (a->flags & ~(uint64_t)(RIGHT_RW | RIGHT_X | MAP_UNCACHED | MAP_WRITE_COMBINE)))
		return S_BAD_PARAM;
	if (sp->pd && (want & RIGHT_W) && (want & RIGHT_X))
		return S_BAD_PARAM;
	if (space_is_dma(sp) && (want & RIGHT_X))
		return S_BAD_PARAM;
	if (((want | RIGHT_R) & ~mo->rights) || ((mo->flags & SLOT_DEVICE) && (want & RIGHT_X)))
		return S_RIGHTS;
	if (space_is_dma(sp) && (mo->flags & SLOT_DEVICE))
		return S_RIGHTS;
	if ((mo->flags & SLOT_DEVICE) && boot_is_ram(mo->base + a->offset, a->size))
		return S_BAD_PARAM;
	return S_OK;
}

static enum status check_ports(const struct slot *pio, const struct space *sp,
			       const struct args_map *a)
{
	if (!sp->pd)
		return S_BAD_CAP;
	if (a->va || !range_in_slot(pio, a->offset, a->size) || a->flags != RIGHT_RW)
		return S_BAD_PARAM;
	return (RIGHT_RW & ~pio->rights) ? S_RIGHTS : S_OK;
}

static uint32_t leaf_attr(const struct slot *mo, uint64_t flags)
{
	uint32_t attr = (uint32_t)flags;

	if ((mo->flags & SLOT_DEVICE) && !(attr & MAP_WRITE_COMBINE))
		attr |= MAP_UNCACHED;
	return attr;
}

static struct mapping *mapping_new(struct slot *slot, struct space *sp)
{
	struct mapping *m = slab_alloc(sp->ptab.acct, sizeof(*m));

	if (!m)
		return NULL;
	m->slot = slot;
	m->space = sp;
	list_insert(&slot->maps, &m->slot_link);
	list_insert(&sp->maps, &m->space_link);
	return m;
}

static void undo_step(struct ec *self)
{
	struct build *b = &self->build;

	if (!mapping_unmap_step(b->to))
		return ec_restart(self);
	ec_status(self, b->status);
	*b = (struct build){ 0 };
}

static void build_step(struct ec *self)
{
	struct build *b = &self->build;
	struct mapping *m = b->to;
	enum ptab_result r = PTAB_OK;

	for (unsigned int i = 0; i < STEP_LEAVES && m->size < b->size && r == PTAB_OK; i++) {
		uint64_t done = 0;

		r = ptab_map(&m->space->ptab, m->va + m->size, b->pa + m->size, b->size - m->size,
			     b->attr, &done);
		if (r == PTAB_OK)
			m->size += done;
	}
	if (r != PTAB_OK) {
		b->undo = true;
		b->status = r == PTAB_TAKEN ? S_BUSY : S_NO_KMEM;
		return undo_step(self);
	}
	if (m->size < b->size)
		return ec_restart(self);
	if (space_is_dma(m->space))
		tlb_shoot(m->space); /* some IOMMUs remember what was not there */
	m->builder = NULL;
	*b = (struct build){ 0 };
	ec_status(self, S_OK);
}

static void build_start(struct ec *self, struct slot *mo, struct space *sp,
			const struct args_map *a)
{
	struct mapping *m = mapping_new(mo, sp);

	if (!m)
		return ec_status(self, S_NO_KMEM);
	m->va = a->va;
	m->builder = self;
	self->build = (struct build){ .to = m,
				      .pa = mo->base + a->offset,
				      .size = a->size,
				      .attr = leaf_attr(mo, a->flags) };
	build_step(self);
}

static void map_ports(struct ec *self, struct slot *pio, struct space *sp, const struct args_map *a)
{
	uint64_t first = pio->base + a->offset;
	struct mapping *m = mapping_new(pio, sp);
	enum status s;

	if (!m)
		return ec_status(self, S_NO_KMEM);
	s = pd_allow_ports(sp->pd, first, a->size);
	m->pio = true;
	m->va = first;
	m->size = s == S_OK ? a->size : 0;
	if (s != S_OK)
		mapping_unmap_step(m);
	ec_status(self, s);
}

void call_map(struct ec *self)
{
	struct args_map a = decode_map(&self->regs);
	struct space *sp;
	struct slot *src;
	enum status s;

	if (self->build.to)
		return self->build.undo ? undo_step(self) : build_step(self);
	if (self->build.lost) {
		self->build = (struct build){ 0 };
		return ec_status(self, S_ABORTED);
	}
	s = cap_lookup_any(self->pd, a.mo, 0, &src);
	if (s == S_OK && src->type != OBJ_MO && src->type != OBJ_PIO)
		s = S_BAD_CAP;
	if (s == S_OK)
		s = target_space(self, a.target, &sp);
	if (s == S_OK)
		s = src->type == OBJ_MO ? check_memory(src, sp, &a) : check_ports(src, sp, &a);
	if (s != S_OK)
		return ec_status(self, s);
	if (src->type == OBJ_MO)
		build_start(self, src, sp, &a);
	else
		map_ports(self, src, sp, &a);
}

/* The first mapping in [va, va+size); *crosses: one reaches over an end. */
static struct mapping *find_mapping(struct space *sp, uint64_t va, uint64_t size, bool *crosses)
{
	struct mapping *found = NULL;

	*crosses = false;
	for (struct list *l = sp->maps.next; l != &sp->maps; l = l->next) {
		struct mapping *m = container_of(l, struct mapping, space_link);

		if (m->pio || m->va >= va + size || m->va + m->size <= va)
			continue;
		*crosses |= m->va < va || m->va + m->size > va + size;
		found = m;
	}
	return found;
}

void call_unmap(struct ec *self)
{
	struct args_unmap a = decode_unmap(&self->regs);
	struct mapping *m;
	struct space *sp;
	bool crosses;
	enum status s = target_space(self, a.target, &sp);

	if (s == S_OK && !range_in_space(sp, a.va, a.size))
		s = S_BAD_PARAM;
	if (s != S_OK)
		return ec_status(self, s);
	m = find_mapping(sp, a.va, a.size, &crosses);
	if (crosses)
		return ec_status(self, S_BAD_PARAM);
	if (!m)
		return ec_status(self, S_OK);
	mapping_unmap_step(m);
	ec_restart(self);
}
