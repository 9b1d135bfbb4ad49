// SPDX-License-Identifier: Apache-2.0
/* The calls derive, delegate and revoke. */
#include "abi/decode.h"
#include "kernel/inc/boot.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/pd.h"

enum {
	REVOKE_STEPS = 64,
};

static enum status check_derive(const struct slot *src, const struct args_derive *a)
{
	uint64_t unit = src->type == OBJ_MO ? FRAME_SIZE : 1;

	if (src->type != OBJ_MO && src->type != OBJ_PIO && src->type != OBJ_DC)
		return S_BAD_CAP;
	if (!a->size || (a->offset | a->size) % unit || a->size > src->size ||
	    a->offset > src->size - a->size)
		return S_BAD_PARAM;
	if ((src->flags & SLOT_DEVICE) && boot_is_ram(src->base + a->offset, a->size))
		return S_BAD_PARAM;
	return src->depth < CAP_DEPTH_MAX ? S_OK : S_BAD_PARAM;
}

void call_derive(struct ec *self)
{
	struct args_derive a = decode_derive(&self->regs);
	struct slot *src, *dst;
	enum status s = cap_lookup_any(self->pd, a.src, 0, &src);

	if (s == S_OK)
		s = check_derive(src, &a);
	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s == S_OK) /* point of no return */
		slot_set_child(dst, src, src->base + a.offset, a.size, (uint32_t)a.rights);
	ec_status(self, s);
}

void call_delegate(struct ec *self)
{
	struct args_delegate a = decode_delegate(&self->regs);
	struct slot *src, *to, *dst;
	enum status s = cap_lookup_any(self->pd, a.src, RIGHT_DELEGATE, &src);

	if (s == S_OK)
		s = cap_lookup(self->pd, a.dst_pd, OBJ_PD, RIGHT_DELEGATE, &to);
	if (s == S_OK && src->depth >= CAP_DEPTH_MAX)
		s = S_BAD_PARAM;
	if (s == S_OK)
		s = cap_empty(container_of(to->obj, struct pd, obj), a.dst_sel, &dst);
	if (s == S_OK) /* point of no return */
		slot_set_child(dst, src, src->base, src->size, (uint32_t)a.rights);
	ec_status(self, s);
}

/* The thread itself may be among the dead: then nothing of it is touched. */
static void finish_reaping(struct ec *self)
{
	struct cpu *cpu = cpu_self();
	bool more;

	self->reaping = true;
	ec_status(self, S_OK);
	more = reap(REVOKE_STEPS);
	if (cpu->ec != self)
		return;
	if (more) {
		self->regs.rax = CALL_REVOKE;
		return ec_restart(self);
	}
	self->reaping = false;
}

/* All that was made from the capability, and what was mapped through it; the steps left are returned: 0 means more to do. */
static unsigned int revoke_below(struct slot *s)
{
	unsigned int steps = REVOKE_STEPS;

	while (steps && !slot_revoke_step(s))
		steps--;
	while (steps && !slot_unmap_step(s))
		steps--;
	return steps;
}

static void revoke_slot(struct ec *self, struct slot *s, bool with_self)
{
	if (!revoke_below(s))
		return ec_restart(self);
	if (with_self && (s->flags & SLOT_ORIGIN))
		obj_kill(s->obj);
	else if (with_self)
		slot_delete_step(s);
	finish_reaping(self);
}

void call_revoke(struct ec *self)
{
	struct args_revoke a = decode_revoke(&self->regs);
	struct slot *s;
	enum status st;

	if (self->reaping)
		return finish_reaping(self);
	st = cap_lookup_any(self->pd, a.sel, a.flags == REVOKE_OBJECT ? RIGHT_DESTROY : 0, &s);
	if (st == S_OK &&
	    (a.flags > REVOKE_OBJECT || (a.flags == REVOKE_OBJECT && !slot_has_object(s))))
		st = S_BAD_PARAM;
	if (st != S_OK)
		return ec_status(self, st);
	if (a.flags == REVOKE_OBJECT) {
		obj_kill(s->obj);
		return finish_reaping(self);
	}
	revoke_slot(self, s, a.flags == REVOKE_SELF);
}
