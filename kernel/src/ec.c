// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/ec.h"
#include "abi/decode.h"
#include "kernel/inc/console.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/pt.h"
#include "kernel/inc/sm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/msr.h"

enum {
	SYSCALL_BYTES = 2,
};

uint64_t ec_wait_key(const struct ec *e)
{
	static uint64_t order;

	return (uint64_t)(PRIO_MAX - e->sc->prio) << 56 | order++;
}

void ec_restart(struct ec *e)
{
	e->regs.rip -= SYSCALL_BYTES;
	cpu_self()->stats->restarts++;
}

void ec_go(struct ec *e)
{
	e->run = EC_READY;
	e->sc->cur = e;
	if (!e->held && e->sc->state == SC_BLOCKED)
		sched_ready(e->sc);
	if (e->held & HELD_NO_TIME)
		obj_unpark(&e->sc->obj);
}

static void ec_leave_queue(struct ec *e)
{
	if (e->run == EC_WAIT_SM)
		heap_remove(&e->wait_sm->waiters, &e->wait);
	if (e->run == EC_WAIT_HANDLER)
		heap_remove(&e->wait_ec->callers, &e->wait);
	timer_clear(e);
}

void ec_wake(struct ec *e, enum status s)
{
	ec_leave_queue(e);
	ec_status(e, s);
	ec_go(e);
}

void ec_block(struct ec *e, enum ec_run why)
{
	e->run = (uint8_t)why;
	sched_block(e->sc);
}

bool ipc_release_caller(struct ec *h, enum status s)
{
	struct ec *e;

	if (!h->callers.top)
		return false;
	e = container_of(h->callers.top, struct ec, wait);
	heap_remove(&h->callers, &e->wait);
	if (e->in_fault)
		e->in_fault = false; /* the instruction runs, and faults, again */
	else if (s == S_OK)
		ec_restart(e);
	else
		ec_status(e, s);
	ec_go(e);
	return true;
}

/* Nobody is left to run on sc. */
static void end_chain(struct sc *sc)
{
	sched_block(sc);
	sc->cur = NULL;
	sc->ec = NULL;
	obj_kill(&sc->obj);
	obj_unpark(&sc->obj);
}

/* Control goes back to the caller of a thread that will not reply. */
static void abort_caller(struct ec *e)
{
	struct ec *c = e->caller;
	struct sc *sc = e->sc;

	e->caller = NULL;
	e->sc = NULL;
	if (!c)
		return end_chain(sc);
	sched_block(sc);
	c->callee = NULL;
	c->in_fault = false;
	ec_status(c, S_ABORTED);
	ec_go(c);
}

/* e's time is with a thread above it: that one goes on, and replies to e's caller (or to nobody) instead. */
static void splice_out(struct ec *e)
{
	e->callee->caller = e->caller;
	e->callee->caller_aborted = true;
	if (e->caller) {
		e->caller->callee = e->callee;
	} else {
		e->sc->ec = NULL;
		obj_kill(&e->sc->obj);
	}
	e->callee = e->caller = NULL;
	e->sc = NULL;
}

void ec_orphan(struct ec *e)
{
	ec_leave_queue(e);
	if (e->run != EC_READY && !e->in_fault)
		ec_restart(e);
	e->in_fault = false;
	e->reaping = false; /* a revoke under way starts again */
	e->held &= (uint8_t)~HELD_NO_TIME;
	e->sc = NULL;
	e->run = EC_IDLE;
}

bool ec_halt(struct ec *e)
{
	struct cpu *cpu = cpus[e->cpu];

	if (cpu->ec == e && cpu != cpu_self()) {
		cpu->resched = true;
		if (e->sc && e->sc->state == SC_RUNNING)
			sched_block(e->sc);
		lapic_ipi(cpu->apic_id, VECTOR_RESCHED);
		return false;
	}
	if (e->run == EC_CALLING) {
		splice_out(e);
	} else if (e->sc) {
		ec_leave_queue(e);
		abort_caller(e);
	}
	e->run = EC_HALTED;
	return true;
}

void ec_stop_faulted(struct ec *e)
{
	e->held |= HELD_FAULTED;
	if (!e->local)
		return sched_block(e->sc);
	ec_halt(e);
	while (ipc_release_caller(e, S_ABORTED))
		;
}

enum reap_result ec_reap(struct ec *e)
{
	if (e->run != EC_HALTED && !ec_halt(e))
		return REAP_LATER;
	if (ipc_release_caller(e, S_ABORTED))
		return REAP_MORE;
	if (!list_empty(&e->portals)) {
		struct pt *pt = container_of(e->portals.next, struct pt, ec_link);

		list_remove(&pt->ec_link);
		pt->ec = NULL;
		obj_kill(&pt->obj);
		return REAP_MORE;
	}
	list_remove(&e->fault_link);
	if (e->build.to)
		e->build.to->builder = NULL;
	fpu_drop(e);
	space_hide_frame(&e->pd->space, e->utcb_va);
	frame_free(&e->obj.acct->account, e->utcb);
	return REAP_DONE;
}

static struct ec *ec_alloc(struct pd *pd, uint64_t utcb_va, enum status *s)
{
	struct ec *e = frame_alloc(&pd->account);

	*s = S_NO_KMEM;
	if (!e)
		return NULL;
	e->utcb = frame_alloc(&pd->account);
	if (e->utcb)
		*s = space_show_frame(&pd->space, utcb_va, e->utcb);
	if (*s == S_OK)
		return e;
	if (e->utcb)
		frame_free(&pd->account, e->utcb);
	frame_free(&pd->account, e);
	return NULL;
}

static void ec_fill(struct ec *e, struct pd *pd, uint64_t cpu, uint64_t utcb_va)
{
	obj_init(&e->obj, pd, OBJ_EC);
	e->pd = pd;
	e->utcb_va = utcb_va;
	e->cpu = (uint16_t)cpu;
	e->local = cpu & EC_LOCAL;
	e->run = EC_IDLE;
	e->fpu = (char *)e + EC_FPU_OFFSET;
	fpu_reset(e->fpu);
	list_init(&e->portals);
	list_init(&e->fault_link);
	e->utcb->self = utcb_va;
	e->utcb->cpu = e->cpu;
	e->utcb->is_local = e->local;
	e->regs.cs = SEG_UCODE;
	e->regs.ss = SEG_UDATA;
	e->regs.rflags = RFLAGS_INIT;
}

struct ec *ec_create(struct pd *pd, const struct ec_start *start, enum status *s)
{
	struct ec *e = ec_alloc(pd, start->utcb_va, s);

	if (!e)
		return NULL;
	ec_fill(e, pd, start->cpu, start->utcb_va);
	e->sp = start->sp;
	e->regs.rsp = start->sp;
	e->regs.rip = start->ip;
	e->regs.rdi = start->utcb_va;
	return e;
}

void call_create_ec(struct ec *self)
{
	struct args_create_ec a = decode_create_ec(&self->regs);
	struct ec_start start = { a.cpu, a.utcb_va, a.sp, a.ip };
	struct slot *dst, *pd;
	struct ec *e;
	enum status s = cap_lookup(self->pd, a.pd, OBJ_PD, RIGHT_EC | RIGHT_PAY, &pd);

	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s == S_OK && (a.cpu & EC_CPU_MASK) >= cpu_count)
		s = S_BAD_CPU;
	if (s == S_OK && ((a.cpu & ~(uint64_t)(EC_CPU_MASK | EC_LOCAL)) || a.sp > USER_LIMIT ||
			  a.ip >= USER_LIMIT))
		s = S_BAD_PARAM;
	if (s != S_OK)
		return ec_status(self, s);
	e = ec_create(container_of(pd->obj, struct pd, obj), &start, &s);
	if (e) /* point of no return */
		slot_set_object(dst, &e->obj);
	ec_status(self, s);
}

static enum status set_fault_pt(struct ec *self, struct ec *e, uint64_t sel)
{
	struct slot *slot;
	struct pt *pt = NULL;
	enum status s;

	if (sel != SEL_NULL) {
		s = cap_lookup(self->pd, (sel_t)sel, OBJ_PT, RIGHT_CALL, &slot);
		if (s != S_OK)
			return s;
		pt = container_of(slot->obj, struct pt, obj);
		if (!pt->ec || pt->ec->cpu != e->cpu)
			return S_BAD_CPU;
	}

	/* point of no return */
	list_remove(&e->fault_link);
	e->fault_pt = pt;
	if (pt)
		list_insert(&pt->fault_users, &e->fault_link);
	return S_OK;
}

static enum ec_state state_of(const struct ec *e)
{
	if (e->held & HELD_FAULTED)
		return EC_STATE_FAULTED;
	if (e->held || e->run == EC_HALTED)
		return EC_STATE_STOPPED;
	if (e->run == EC_IDLE)
		return EC_STATE_IDLE;
	return e->run == EC_READY ? EC_STATE_READY : EC_STATE_BLOCKED;
}

static enum status suspend(struct ec *e)
{
	if (e->local)
		return S_BAD_PARAM;
	e->held |= HELD_SUSPENDED;
	if (e->run == EC_READY && e->sc)
		sched_block(e->sc);
	return S_OK;
}

static enum status resume(struct ec *e)
{
	e->held &= (uint8_t) ~(HELD_SUSPENDED | HELD_FAULTED);
	if (!e->held && e->run == EC_READY && e->sc && e->sc->state == SC_BLOCKED)
		sched_ready(e->sc);
	return S_OK;
}

static void set_name(char *name, uint64_t a, uint64_t b)
{
	__builtin_memcpy(name, &a, sizeof(a));
	__builtin_memcpy(name + sizeof(a), &b, sizeof(b));
	for (unsigned int i = 0; i < NAME_BYTES; i++)
		if (name[i] && (name[i] < 0x21 || name[i] > 0x7e))
			name[i] = '?';
	name[NAME_BYTES - 1] = 0;
}

static enum status kill(struct ec *self, struct ec *e)
{
	if (!ec_halt(e)) {
		ec_restart(self);
		return S_BUSY;
	}
	while (ipc_release_caller(e, S_ABORTED))
		;
	return S_OK;
}

static void control(struct ec *self, struct ec *e, const struct args_ctrl_ec *a)
{
	struct cpu *cpu = cpu_self();
	enum status s = S_BAD_PARAM;

	switch (a->op) {
	case EC_KILL:
		if (kill(self, e) != S_OK || cpu->ec != self)
			return;
		s = S_OK;
		break;
	case EC_SUSPEND:
		s = suspend(e);
		break;
	case EC_RESUME:
		s = resume(e);
		break;
	case EC_SET_FAULT_PT:
		s = set_fault_pt(self, e, a->a);
		break;
	case EC_NAME:
		set_name(e->name, a->a, a->b);
		s = S_OK;
		break;
	case EC_STATE:
		ec_results(self, state_of(e), e->local || !e->sc ? 0 : e->sc->used);
		s = S_OK;
		break;
	default:
		break;
	}
	ec_status(self, s);
}

void call_ctrl_ec(struct ec *self)
{
	struct args_ctrl_ec a = decode_ctrl_ec(&self->regs);
	struct slot *slot;
	enum status s = cap_lookup_any(self->pd, a.ec, RIGHT_CTRL, &slot);

	if (s == S_OK && slot->type == OBJ_PD && a.op == EC_NAME)
		set_name(container_of(slot->obj, struct pd, obj)->name, a.a, a.b);
	else if (s == S_OK && slot->type == OBJ_EC)
		return control(self, container_of(slot->obj, struct ec, obj), &a);
	else if (s == S_OK)
		s = S_BAD_CAP;
	ec_status(self, s);
}
