// SPDX-License-Identifier: Apache-2.0
/* Each call by the manual (docs/kernel.md): which statuses can come, and what has changed when it worked. */
#include "abi/calls.h"
#include "abi/vcpu.h"
#include "tests/kernel/model_state.h"

enum {
	DEPTH_MAX = 64,
	MSI_INDEXES = 2048,
};

#define MAP_RIGHTS   ((uint64_t)(RIGHT_RW | RIGHT_X))
#define MAP_FLAGS    (MAP_RIGHTS | MAP_UNCACHED | MAP_WRITE_COMBINE)
#define WINDOW_BYTES (MODEL_PAGES * (uint64_t)PAGE_SIZE)

/* IPC. */

static bool replies(int pt)
{
	const struct object *p = object_of(pt);

	return p->echo && model.obj[p->of].acct < MODEL_ACTORS;
}

static unsigned int want_ipc_call(const struct step *s)
{
	const struct object *h;
	int c;
	enum status r = look(s->actor, s->a[0], OBJ_PT, RIGHT_CALL, &c);

	if (r != S_OK)
		return st(r);
	if (s->a[1] > UTCB_WORDS)
		return st(S_BAD_PARAM);
	h = &model.obj[object_of(c)->of];
	if (h->cpu != model.world->cpu[s->actor])
		return st(S_BAD_CPU);
	if (h->unsure)
		return st(S_OK) | st(S_ABORTED);
	return st(h->halted || !replies(c) ? S_ABORTED : S_OK);
}

static bool apply_ipc_call(struct step *s, uint32_t status)
{
	struct object *h = &model.obj[object_of(named(s, 0))->of];

	if (status == S_ABORTED)
		h->halted = true;
	return status != S_OK || s->result[0] == s->a[1];
}

static unsigned int want_ipc_reply_wait(const struct step *s)
{
	(void)s;
	return st(S_BAD_CALL);
}

/* Capabilities. */

static uint64_t unit_of(const struct cap *c)
{
	return c->type == OBJ_MO ? PAGE_SIZE : 1;
}

static bool within(const struct cap *c, uint64_t offset, uint64_t size)
{
	uint64_t unit = unit_of(c), whole = c->size * unit;

	return size && offset % unit == 0 && size % unit == 0 && size <= whole &&
	       offset <= whole - size;
}

static unsigned int want_derive(const struct step *s)
{
	const struct cap *k;
	int c;
	enum status r = look(s->actor, s->a[1], OBJ_NONE, 0, &c);

	if (r != S_OK)
		return st(r);
	k = &model.cap[c];
	if (has_object(k->type))
		return st(S_BAD_CAP);
	if (!within(k, s->a[2], s->a[3]) || k->depth >= DEPTH_MAX)
		return st(S_BAD_PARAM);
	return st(room(s->actor, s->a[0]));
}

static void put_child(int at, int parent, uint64_t rights)
{
	struct cap *c = &model.cap[at];

	*c = model.cap[parent];
	c->parent = (int16_t)parent;
	c->rights &= (uint32_t)rights;
	c->depth++;
}

static bool apply_derive(struct step *s)
{
	int c = named(s, 0), parent = named(s, 1);

	put_child(c, parent, s->a[4]);
	model.cap[c].base += s->a[2] / unit_of(&model.cap[c]);
	model.cap[c].size = s->a[3] / unit_of(&model.cap[c]);
	return true;
}

static unsigned int want_delegate(const struct step *s)
{
	int c, to;
	enum status r = look(s->actor, s->a[0], OBJ_NONE, RIGHT_DELEGATE, &c);

	if (r == S_OK)
		r = look(s->actor, s->a[1], OBJ_PD, RIGHT_DELEGATE, &to);
	if (r == S_OK && model.cap[c].depth >= DEPTH_MAX)
		r = S_BAD_PARAM;
	if (r != S_OK)
		return st(r);
	r = room((unsigned int)domain_of(to), s->a[2]);
	if (r == S_BAD_PARAM || model.domain[domain_of(to)].table)
		return st(r);
	return pay(domain_of(to), 1, 1, r);
}

static bool apply_delegate(struct step *s)
{
	int to = domain_of(named(s, 1));

	put_child(to * MODEL_SLOTS + (int)((uint32_t)s->a[2] - MODEL_FIRST), named(s, 0), s->a[3]);
	model.domain[to].table = true;
	return true;
}

static unsigned int want_revoke(const struct step *s)
{
	int c;
	enum status r =
		look(s->actor, s->a[0], OBJ_NONE, s->a[1] == REVOKE_OBJECT ? RIGHT_DESTROY : 0, &c);

	if (r == S_OK && (s->a[1] > REVOKE_OBJECT ||
			  (s->a[1] == REVOKE_OBJECT && !has_object(model.cap[c].type))))
		r = S_BAD_PARAM;
	return st(r);
}

static bool apply_revoke(struct step *s)
{
	int c = named(s, 0);

	if (s->a[1] == REVOKE_OBJECT) {
		model_kill_object(model.cap[c].obj);
	} else if (s->a[1] == REVOKE_SELF) {
		model_kill_cap(c);
	} else {
		model_kill_children(c);
		model_unhook(c);
	}
	return true;
}

/* Memory. */

static enum status target(const struct step *s, uint64_t sel, int *c)
{
	enum status r = look(s->actor, sel, OBJ_NONE, RIGHT_MAP, c);

	if (r == S_OK && model.cap[*c].type != OBJ_PD && model.cap[*c].type != OBJ_SPACE)
		r = S_BAD_CAP;
	return r;
}

static bool good_range(uint64_t va, uint64_t size)
{
	return is_window(va) && size && size % PAGE_SIZE == 0 && size < WINDOW_BYTES * 2;
}

static bool pages_taken(int place, uint64_t va, uint64_t size)
{
	for (uint64_t i = 0; i < size / PAGE_SIZE; i++)
		if (model.page[place][(va - MODEL_VA) / PAGE_SIZE + i].by != PAGE_FREE)
			return true;
	return false;
}

static enum status check_memory(const struct step *s, const struct cap *mo, const struct object *to)
{
	uint64_t rights = s->a[5] & MAP_RIGHTS;

	if (!good_range(s->a[2], s->a[4]) || !within(mo, s->a[3], s->a[4]))
		return S_BAD_PARAM;
	if (!rights || s->a[5] & ~MAP_FLAGS)
		return S_BAD_PARAM;
	if (to->type == OBJ_PD && rights & RIGHT_W && rights & RIGHT_X)
		return S_BAD_PARAM;
	if (to->dma && rights & RIGHT_X)
		return S_BAD_PARAM;
	if ((rights | RIGHT_R) & ~(uint64_t)mo->rights)
		return S_RIGHTS;
	return pages_taken(to->place, s->a[2], s->a[4]) ? S_BUSY : S_OK;
}

static enum status check_ports(const struct step *s, const struct cap *pio, const struct object *to)
{
	const struct domain *d = &model.domain[to->place % MODEL_DOMAINS];

	if (to->type != OBJ_PD)
		return S_BAD_CAP;
	if (s->a[2] || !within(pio, s->a[3], s->a[4]) || s->a[5] != RIGHT_RW)
		return S_BAD_PARAM;
	if (RIGHT_RW & ~pio->rights)
		return S_RIGHTS;
	for (uint64_t i = 0; i < s->a[4]; i++)
		if (d->port[pio->base + s->a[3] + i] != NOBODY)
			return S_BUSY;
	return S_OK;
}

static unsigned int want_map(const struct step *s)
{
	const struct object *to;
	int c, t;
	enum status r = look(s->actor, s->a[0], OBJ_NONE, 0, &c);
	bool ports;

	if (r == S_OK && model.cap[c].type != OBJ_MO && model.cap[c].type != OBJ_PIO)
		r = S_BAD_CAP;
	if (r == S_OK)
		r = target(s, s->a[1], &t);
	if (r != S_OK)
		return st(r);
	to = object_of(t);
	ports = model.cap[c].type == OBJ_PIO;
	r = ports ? check_ports(s, &model.cap[c], to) : check_memory(s, &model.cap[c], to);
	if (r != S_OK && r != S_BUSY)
		return st(r);
	return pay(to->type == OBJ_PD ? to->place : to->acct, 0, 1 + MODEL_TABLES, r);
}

static bool apply_map(struct step *s)
{
	int c = named(s, 0), t = named(s, 1);
	int place = object_of(t)->place;
	const struct cap *k = &model.cap[c];

	model.records++;
	if (k->type == OBJ_PIO) {
		model.domain[place].ports = true;
		for (uint64_t i = 0; i < s->a[4]; i++) {
			model.domain[place].port[k->base + s->a[3] + i] = (int16_t)c;
			model.domain[place].port_record[k->base + s->a[3] + i] = model.records;
		}
		return true;
	}
	for (uint64_t i = 0; i < s->a[4] / PAGE_SIZE; i++)
		model.page[place][(s->a[2] - MODEL_VA) / PAGE_SIZE + i] =
			(struct page){ (int16_t)c, model.records,
				       (uint32_t)(k->base + s->a[3] / PAGE_SIZE + i),
				       s->a[5] & RIGHT_W };
	return true;
}

static bool same_record(int place, uint64_t i, uint64_t k)
{
	const struct page *p = model.page[place];

	return k < MODEL_PAGES && p[i].by >= 0 && p[k].by >= 0 && p[i].record == p[k].record;
}

/* A mapping that reaches over an end of the range is the one on both sides of it. */
static unsigned int want_unmap(const struct step *s)
{
	uint64_t at = (s->a[1] - MODEL_VA) / PAGE_SIZE, end = at + s->a[2] / PAGE_SIZE;
	int c;
	enum status r = target(s, s->a[0], &c);

	if (r != S_OK)
		return st(r);
	if (!good_range(s->a[1], s->a[2]))
		return st(S_BAD_PARAM);
	if ((at && same_record(domain_of(c), at, at - 1)) ||
	    (end < MODEL_PAGES && same_record(domain_of(c), end - 1, end)))
		return st(S_BAD_PARAM);
	return st(S_OK);
}

static bool apply_unmap(struct step *s)
{
	int place = domain_of(named(s, 0));
	uint64_t at = (s->a[1] - MODEL_VA) / PAGE_SIZE, end = at + s->a[2] / PAGE_SIZE;

	for (uint64_t i = at; i < end && i < MODEL_PAGES; i++)
		if (model.page[place][i].by >= 0)
			model.page[place][i].by = PAGE_FREE;
	return true;
}

/* Control. */

static unsigned int want_ctrl_kmem(const struct step *s)
{
	const struct domain *f;
	int from, to;
	enum status r = look(s->actor, s->a[0], OBJ_PD, s->a[2] ? RIGHT_PAY : 0, &from);

	if (r == S_OK)
		r = look(s->actor, s->a[1], OBJ_PD, RIGHT_PAY, &to);
	if (r != S_OK)
		return st(r);
	f = &model.domain[domain_of(from)];
	if (s->a[2] && s->a[2] > f->quota - PD_MIN_FRAMES)
		return st(S_BAD_PARAM);
	return s->a[2] ? pay(domain_of(from), s->a[2], s->a[2], S_OK) : st(S_OK);
}

static bool apply_ctrl_kmem(struct step *s)
{
	struct domain *from = &model.domain[domain_of(named(s, 0))],
		      *to = &model.domain[domain_of(named(s, 1))];

	from->quota -= s->a[2];
	to->quota += s->a[2];
	return s->result[0] == to->quota && (!to->known || s->result[1] == to->used);
}

static enum status fault_portal_status(const struct step *s, const struct object *ec)
{
	int c;
	enum status r;

	if (s->a[2] == SEL_NULL)
		return S_OK;
	r = look(s->actor, s->a[2], OBJ_PT, RIGHT_CALL, &c);
	if (r == S_OK && model.obj[object_of(c)->of].cpu != ec->cpu)
		r = S_BAD_CPU;
	return r;
}

static unsigned int want_ctrl_ec(const struct step *s)
{
	int c;
	enum status r = look(s->actor, s->a[0], OBJ_NONE, RIGHT_CTRL, &c);

	if (r != S_OK)
		return st(r);
	if (model.cap[c].type == OBJ_PD && s->a[1] == EC_NAME)
		return st(S_OK);
	if (model.cap[c].type != OBJ_EC)
		return st(S_BAD_CAP);
	if (s->a[1] > EC_STATE || (s->a[1] == EC_SUSPEND && object_of(c)->local))
		return st(S_BAD_PARAM);
	return st(s->a[1] == EC_SET_FAULT_PT ? fault_portal_status(s, object_of(c)) : S_OK);
}

static void kill_thread(int ec)
{
	model.obj[ec].halted = true;
	for (int i = 0; i < MODEL_OBJECTS; i++)
		if (model.obj[i].live && model.obj[i].type == OBJ_SC && model.obj[i].of == ec)
			model_kill_object(i);
}

static bool good_state(const struct object *ec, uint64_t state)
{
	if (ec->local && !ec->unsure && !ec->halted)
		return state == EC_STATE_IDLE;
	if (ec->halted)
		return state == EC_STATE_STOPPED || state == EC_STATE_FAULTED;
	return state <= EC_STATE_FAULTED;
}

static bool apply_ctrl_ec(struct step *s)
{
	int c = named(s, 0), pt;

	if (model.cap[c].type != OBJ_EC)
		return true;
	if (s->a[1] == EC_KILL)
		kill_thread(model.cap[c].obj);
	if (s->a[1] == EC_SET_FAULT_PT && s->a[2] != SEL_NULL) {
		(void)!look(s->actor, s->a[2], OBJ_PT, 0, &pt);
		model.obj[object_of(pt)->of].unsure = true;
	}
	return s->a[1] != EC_STATE || good_state(object_of(c), s->result[0]);
}

static unsigned int want_ctrl_sc(const struct step *s)
{
	int c;

	return st(look(s->actor, s->a[0], OBJ_SC, RIGHT_CTRL, &c));
}

static unsigned int want_ctrl_sm(const struct step *s)
{
	int c;
	enum status r;

	if (s->a[1] > SM_DOWN_ZERO)
		return st(S_BAD_PARAM);
	r = look(s->actor, s->a[0], OBJ_SM, s->a[1] == SM_UP ? RIGHT_UP : RIGHT_DOWN, &c);
	if (r == S_OK && s->a[1] != SM_UP && !object_of(c)->count)
		r = S_TIMEOUT;
	return st(r);
}

static bool apply_ctrl_sm(struct step *s)
{
	struct object *sm = object_of(named(s, 0));
	uint64_t take = s->a[1] == SM_DOWN ? 1 : s->a[1] == SM_UP ? 0 : sm->count;

	sm->count -= take;
	if (s->a[1] == SM_UP && sm->count < COUNT_MAX)
		sm->count++;
	return s->result[0] == take;
}

static unsigned int want_vcpu_run(const struct step *s)
{
	int c, sm;
	enum status r = look(s->actor, s->a[0], OBJ_VCPU, RIGHT_RUN, &c);

	if (r == S_OK && (uint32_t)s->a[1] != SEL_NULL)
		r = look(s->actor, s->a[1], OBJ_SM, RIGHT_DOWN, &sm);
	return st(r);
}

static bool apply_vcpu_run(struct step *s)
{
	uint64_t want = s->a[2] ? VM_EXIT_TIMEOUT : VM_EXIT_MEMORY;
	int sm;

	if ((uint32_t)s->a[1] != SEL_NULL && look(s->actor, s->a[1], OBJ_SM, 0, &sm) == S_OK &&
	    object_of(sm)->count)
		want = VM_EXIT_WAKE;
	return s->result[0] == (object_of(named(s, 0))->ready ? want : VM_EXIT_INVALID);
}

/* Devices. */

static unsigned int want_assign(const struct step *s)
{
	const struct cap *k;
	int dc, sm;
	enum status r = look(s->actor, s->a[0], OBJ_DC, RIGHT_ASSIGN, &dc);

	if (r == S_OK)
		r = look(s->actor, s->a[2], OBJ_SM, RIGHT_UP, &sm);
	if (r != S_OK)
		return st(r);
	k = &model.cap[dc];
	if (k->size != 1 || s->a[1] >= MSI_INDEXES ||
	    (model.world->dma && model.function[k->base].space == NOBODY))
		return st(S_BAD_PARAM);
	if (s->a[3] >= model.world->cpus)
		return st(S_BAD_CPU);
	if (object_of(sm)->irq_by != NOBODY)
		return st(S_BUSY);
	return pay(object_of(sm)->acct, 0, 1, S_OK);
}

static bool apply_assign(struct step *s)
{
	struct object *sm = object_of(named(s, 2));

	sm->irq_by = (int16_t)named(s, 0);
	sm->irq_space = model.function[model.cap[named(s, 0)].base].space;
	return s->result[0] >> 20 == 0xfee;
}

static unsigned int want_ctrl_hw(const struct step *s)
{
	int c;

	return st(look(s->actor, s->a[0], OBJ_HW, RIGHT_CTRL, &c));
}

static unsigned int want_attach(const struct step *s)
{
	const struct cap *k;
	int dc, space;
	enum status r = look(s->actor, s->a[0], OBJ_DC, RIGHT_ASSIGN, &dc);

	if (r == S_OK)
		r = look(s->actor, s->a[1], OBJ_SPACE, RIGHT_MAP, &space);
	if (r == S_OK && !model.world->dma)
		r = S_UNSUPPORTED;
	if (r != S_OK)
		return st(r);
	k = &model.cap[dc];
	if (k->size != 1 || !object_of(space)->dma)
		return st(S_BAD_PARAM);
	if (model.function[k->base].space != NOBODY)
		return st(S_BUSY);
	return pay(object_of(space)->acct, 0, 1, S_OK);
}

static bool apply_attach(struct step *s)
{
	int space = named(s, 1);

	model.function[model.cap[named(s, 0)].base] =
		(struct function){ (int16_t)named(s, 0), model.cap[space].obj };
	return true;
}

static bool nothing(struct step *s)
{
	(void)s;
	return true;
}

static const struct {
	unsigned int (*want)(const struct step *s);
	bool (*apply)(struct step *s); /* after S_OK */
} calls[CALL_COUNT] = {
	[CALL_IPC_CALL] = { want_ipc_call, nothing },
	[CALL_IPC_REPLY_WAIT] = { want_ipc_reply_wait, nothing },
	[CALL_CREATE_PD] = { model_want_create_pd, model_apply_create_pd },
	[CALL_CREATE_SPACE] = { model_want_create_space, model_apply_create_space },
	[CALL_CREATE_EC] = { model_want_create_ec, model_apply_create_ec },
	[CALL_CREATE_VCPU] = { model_want_create_vcpu, model_apply_create_vcpu },
	[CALL_CREATE_SC] = { model_want_create_sc, model_apply_create_sc },
	[CALL_CREATE_PT] = { model_want_create_pt, model_apply_create_pt },
	[CALL_CREATE_SM] = { model_want_create_sm, model_apply_create_sm },
	[CALL_DERIVE] = { want_derive, apply_derive },
	[CALL_DELEGATE] = { want_delegate, apply_delegate },
	[CALL_MAP] = { want_map, apply_map },
	[CALL_UNMAP] = { want_unmap, apply_unmap },
	[CALL_REVOKE] = { want_revoke, apply_revoke },
	[CALL_CTRL_KMEM] = { want_ctrl_kmem, apply_ctrl_kmem },
	[CALL_CTRL_EC] = { want_ctrl_ec, apply_ctrl_ec },
	[CALL_CTRL_SC] = { want_ctrl_sc, nothing },
	[CALL_CTRL_SM] = { want_ctrl_sm, apply_ctrl_sm },
	[CALL_VCPU_RUN] = { want_vcpu_run, apply_vcpu_run },
	[CALL_ASSIGN] = { want_assign, apply_assign },
	[CALL_CTRL_HW] = { want_ctrl_hw, nothing },
	[CALL_ATTACH] = { want_attach, apply_attach },
};

unsigned int model_want(const struct step *s)
{
	return s->number < CALL_COUNT ? calls[s->number].want(s) : st(S_BAD_CALL);
}

bool model_apply(struct step *s, uint32_t status)
{
	if (s->number == CALL_IPC_CALL)
		return status == S_OK || status == S_ABORTED ? apply_ipc_call(s, status) : true;
	return status == S_OK && s->number < CALL_COUNT ? calls[s->number].apply(s) : true;
}
