// SPDX-License-Identifier: Apache-2.0
#include "abi/decode.h"
#include "kernel/inc/console.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/pd.h"

/* Its own frame, the top of its capability table and of its page tables: what PD_MIN_FRAMES promises. */
static void pd_fill(struct pd *pd)
{
	uint64_t *root = frame_alloc(&pd->account);

	pd->caps = frame_alloc(&pd->account);
	assert(root && pd->caps);
	space_install_kernel(root);
	space_init(&pd->space, &ptab_host, &pd->account, pd);
	pd->space.ptab.root = ptr_pa(root);
	list_init(&pd->objects);
}

struct pd *pd_create(struct pd *parent, uint64_t frames, uint32_t max_prio)
{
	struct pd *pd;

	if (parent && frames > parent->account.quota - parent->account.used)
		return NULL;
	pd = frame_alloc(NULL);
	assert(pd);
	if (parent)
		parent->account.quota -= frames;
	obj_init(&pd->obj, parent, OBJ_PD);
	account_init(&pd->account, frames);
	pd->account.used = 1;
	pd->nest = parent ? parent->nest + 1 : 0;
	pd->max_prio = max_prio;
	pd_fill(pd);
	return pd;
}

void call_create_pd(struct ec *self)
{
	struct args_create_pd a = decode_create_pd(&self->regs);
	struct slot *dst, *acct;
	struct pd *parent, *pd;
	enum status s = cap_lookup(self->pd, a.acct, OBJ_PD, RIGHT_PAY, &acct);

	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s != S_OK)
		return ec_status(self, s);
	parent = container_of(acct->obj, struct pd, obj);
	if (a.frames < PD_MIN_FRAMES || a.max_prio > parent->max_prio ||
	    parent->nest == PD_NEST_MAX)
		return ec_status(self, S_BAD_PARAM);
	pd = pd_create(parent, a.frames, a.max_prio ? (uint32_t)a.max_prio : parent->max_prio);
	if (!pd)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	slot_set_object(dst, &pd->obj);
	ec_status(self, S_OK);
}

static bool io_frames(struct pd *pd)
{
	for (unsigned int i = 0; i < IO_BITMAP_FRAMES; i++) {
		if (pd->io[i])
			continue;
		pd->io[i] = frame_alloc(&pd->account);
		if (!pd->io[i])
			return false;
		__builtin_memset(pd->io[i], 0xff, FRAME_SIZE);
	}
	return true;
}

static void io_set(struct pd *pd, uint64_t port, bool deny)
{
	uint8_t *byte = &pd->io[port / (8 * FRAME_SIZE)][port / 8 % FRAME_SIZE];
	uint8_t bit = (uint8_t)(1u << port % 8);

	*byte = (uint8_t)(deny ? *byte | bit : *byte & ~bit);
}

static bool io_allowed(const struct pd *pd, uint64_t port)
{
	return !(pd->io[port / (8 * FRAME_SIZE)][port / 8 % FRAME_SIZE] & 1u << port % 8);
}

enum status pd_allow_ports(struct pd *pd, uint64_t first, uint64_t count)
{
	struct cpu *cpu = cpu_self();

	if (!io_frames(pd))
		return S_NO_KMEM;
	for (uint64_t p = first; p < first + count; p++)
		if (io_allowed(pd, p))
			return S_BUSY;
	for (uint64_t p = first; p < first + count; p++)
		io_set(pd, p, false);
	if (cpu->pd == pd)
		arch_load_pd(cpu, pd);
	return S_OK;
}

void pd_deny_ports(struct pd *pd, uint64_t first, uint64_t count)
{
	for (uint64_t p = first; p < first + count; p++)
		io_set(pd, p, true);
}

static void free_io(struct pd *pd)
{
	for (uint32_t i = 0; i < cpu_count; i++)
		if (cpus[i]->io_pd == pd)
			cpus[i]->io_pd = NULL;
	for (unsigned int i = 0; i < IO_BITMAP_FRAMES; i++)
		if (pd->io[i])
			frame_free(&pd->account, pd->io[i]);
	__builtin_memset(pd->io, 0, sizeof(pd->io));
}

static void free_tables(struct pd *pd)
{
	for (unsigned int i = 0; i < CAP_PAGES; i++)
		if (pd->caps[i])
			frame_free(&pd->account, pd->caps[i]);
	frame_free(&pd->account, pd->caps);
	frame_free(&pd->account, pa_ptr(pd->space.ptab.root));
}

/* Killed objects move to the end of the list: a dead one in front means all are. */
static bool kill_objects(struct pd *pd)
{
	for (unsigned int i = 0; i < STEP_LEAVES && !list_empty(&pd->objects); i++) {
		struct obj *o = container_of(pd->objects.next, struct obj, acct_link);

		if (o->dead)
			return true;
		obj_kill(o);
	}
	return list_empty(&pd->objects);
}

enum reap_result pd_reap(struct pd *pd)
{
	struct cpu *cpu = cpu_self();
	enum cap_sweep swept;

	if (!kill_objects(pd))
		return REAP_MORE;
	if (!list_empty(&pd->objects))
		return REAP_PARK;
	swept = cap_sweep_step(pd);
	if (swept != SWEEP_DONE)
		return swept == SWEEP_WAIT ? REAP_PARK : REAP_MORE;
	if (!space_forget_step(&pd->space))
		return REAP_MORE;
	if (cpu->pd == pd)
		arch_load_pd(cpu, NULL);
	free_io(pd);
	if (!ptab_free_step(&pd->space.ptab, ptab_host.limit))
		return REAP_MORE;
	free_tables(pd);
	return REAP_DONE;
}

void call_ctrl_kmem(struct ec *self)
{
	struct args_ctrl_kmem a = decode_ctrl_kmem(&self->regs);
	struct slot *from, *to;
	enum status s = cap_lookup(self->pd, a.from, OBJ_PD, a.frames ? RIGHT_PAY : 0, &from);
	struct account *f, *t;

	if (s == S_OK)
		s = cap_lookup(self->pd, a.to, OBJ_PD, RIGHT_PAY, &to);
	if (s != S_OK)
		return ec_status(self, s);
	f = &container_of(from->obj, struct pd, obj)->account;
	t = &container_of(to->obj, struct pd, obj)->account;
	if (a.frames && a.frames > f->quota - PD_MIN_FRAMES)
		return ec_status(self, S_BAD_PARAM);
	if (!account_move(f, t, a.frames))
		return ec_status(self, S_NO_KMEM);
	ec_status(self, S_OK);
	ec_results(self, t->quota, t->used);
}
