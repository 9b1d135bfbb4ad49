// SPDX-License-Identifier: Apache-2.0
/* Portals and IPC. The caller's scheduling context goes along with the call and comes back with the reply. */
#include "kernel/inc/pt.h"
#include "abi/decode.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/msr.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

static void copy_words(struct utcb *to, const struct utcb *from, uint64_t words)
{
	uint64_t *d = to->msg;
	const uint64_t *s = from->msg;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
}

/* The idle handler h of pt runs on e's time from the portal's entry. */
static void enter_handler(struct cpu *cpu, struct ec *e, struct pt *pt, uint64_t words)
{
	struct ec *h = pt->ec;

	e->run = EC_CALLING;
	e->callee = h;
	h->caller = e;
	h->sc = e->sc;
	h->sc->cur = h;
	h->run = EC_READY;
	h->sysret = true;
	h->regs.rip = pt->ip;
	h->regs.rsp = h->sp;
	h->regs.rflags = RFLAGS_INIT;
	h->regs.rdi = pt->id;
	h->regs.rsi = words;
	arch_enter(cpu, h);
}

static void wait_for_handler(struct ec *e, struct ec *h)
{
	e->wait_ec = h;
	heap_insert(&h->callers, &e->wait, ec_wait_key(e));
	cpu_self()->stats->ipc_waits++;
	ec_block(e, EC_WAIT_HANDLER);
}

void call_ipc_call(struct ec *self)
{
	struct args_ipc_call a = decode_ipc_call(&self->regs);
	struct cpu *cpu = cpu_self();
	struct slot *slot = slot_at(self->pd->caps, a.pt);
	struct pt *pt;
	struct ec *h;

	if (unlikely(!slot || slot->type != OBJ_PT || slot->obj->dead))
		return ec_status(self, S_BAD_CAP);
	if (unlikely(!(slot->rights & RIGHT_CALL)))
		return ec_status(self, S_RIGHTS);
	if (unlikely(a.words > UTCB_WORDS))
		return ec_status(self, S_BAD_PARAM);
	pt = container_of(slot->obj, struct pt, obj);
	h = pt->ec;
	if (unlikely(h->cpu != self->cpu))
		return ec_status(self, S_BAD_CPU);
	if (unlikely(h->run != EC_IDLE))
		return h->run == EC_HALTED ? ec_status(self, S_ABORTED) : wait_for_handler(self, h);
	/* point of no return */
	copy_words(h->utcb, self->utcb, a.words);
	cpu->stats->ipc++;
	enter_handler(cpu, self, pt, a.words);
}

/* The handler's domain may write to the UTCB meanwhile: every word is read once. */
static uint64_t word(const struct utcb *u, unsigned int i)
{
	return *(const volatile uint64_t *)&u->msg[i];
}

static void set_registers(struct regs *r, const struct utcb *u)
{
	uint64_t *gpr[] = { &r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi, &r->rbp, &r->r8,
			    &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15 };
	uint64_t ip = word(u, FAULT_IP);

	r->rip = ip < USER_LIMIT ? ip : 0;
	r->rsp = word(u, FAULT_SP);
	r->rflags = (word(u, FAULT_FLAGS) & RFLAGS_USER) | RFLAGS_INIT;
	for (unsigned int i = 0; i < sizeof(gpr) / sizeof(gpr[0]); i++)
		*gpr[i] = word(u, FAULT_RAX + i);
}

/* True: the thread goes on. */
static bool take_fault_reply(struct ec *e, const struct utcb *reply, uint64_t words)
{
	uint64_t verdict = words ? word(reply, 0) : FAULT_REPLY_STOP;

	e->in_fault = false;
	if (verdict == FAULT_REPLY_SET && words >= FAULT_WORDS)
		set_registers(&e->regs, reply);
	else if (verdict != FAULT_REPLY_RESUME)
		return false;
	return true;
}

static void reply_words(const struct ec *self, struct ec *c, uint64_t words)
{
	copy_words(c->utcb, self->utcb, words);
	c->regs.rax = S_OK;
	c->regs.rdi = words;
}

/* The handler is free; its scheduling context has nobody to go back to. */
static void reply_to_nobody(struct ec *self)
{
	struct sc *sc = self->sc;

	self->caller_aborted = false;
	self->sc = NULL;
	sched_block(sc);
	sc->cur = NULL;
	obj_unpark(&sc->obj);
}

/* A caller that does not simply go on: it faulted, lost its callee, or is held. */
static void reply_slow(struct ec *self, struct ec *c, uint64_t words)
{
	bool stop = false;

	if (self->caller_aborted)
		ec_status(c, S_ABORTED);
	else if (c->in_fault)
		stop = !take_fault_reply(c, self->utcb, words);
	else
		reply_words(self, c, words);
	self->caller_aborted = false;
	c->run = EC_READY;
	c->sc->cur = c;
	if (stop)
		return ec_stop_faulted(c);
	if (!c->held)
		return arch_enter(cpu_self(), c);
	sched_block(c->sc);
	if (c->held & HELD_NO_TIME)
		obj_unpark(&c->sc->obj);
}

void call_ipc_reply_wait(struct ec *self)
{
	struct args_ipc_reply_wait a = decode_ipc_reply_wait(&self->regs);
	uint64_t words = a.words > UTCB_WORDS ? 0 : a.words;
	struct ec *c = self->caller;

	if (unlikely(!self->local))
		return ec_status(self, S_BAD_CALL);
	self->run = EC_IDLE;
	self->caller = NULL;
	if (unlikely(!c)) {
		reply_to_nobody(self);
	} else {
		c->callee = NULL;
		self->sc = NULL;
		if (unlikely(self->caller_aborted | c->in_fault | c->held)) {
			reply_slow(self, c, words);
		} else {
			reply_words(self, c, words);
			c->run = EC_READY;
			c->sc->cur = c;
			arch_enter(cpu_self(), c);
		}
	}
	if (unlikely(self->callers.top))
		ipc_release_caller(self, S_OK);
}

bool ipc_send_fault(struct ec *e, uint64_t vector, uint64_t error, uint64_t cr2)
{
	const struct regs *r = &e->regs;
	uint64_t words[FAULT_WORDS] = { vector, error,  cr2,    r->rip, r->rsp, r->rflags, r->rax,
					r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp,    r->r8,
					r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14,    r->r15 };
	struct ec *h = e->fault_pt ? e->fault_pt->ec : NULL;

	if (!h || h == e || h->run == EC_HALTED)
		return false;
	for (struct ec *c = e->caller; c; c = c->caller)
		if (c == h)
			return false; /* its handler waits for it */
	e->in_fault = true;
	if (h->run != EC_IDLE) {
		wait_for_handler(e, h);
		return true;
	}
	__builtin_memcpy(h->utcb->msg, words, sizeof(words));
	enter_handler(cpu_self(), e, e->fault_pt, FAULT_WORDS);
	return true;
}

void call_create_pt(struct ec *self)
{
	struct args_create_pt a = decode_create_pt(&self->regs);
	struct slot *dst, *acct, *ec;
	struct pt *pt;
	struct ec *h;
	enum status s = cap_lookup(self->pd, a.acct, OBJ_PD, RIGHT_PAY, &acct);

	if (s == S_OK)
		s = cap_lookup(self->pd, a.ec, OBJ_EC, RIGHT_EC, &ec);
	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s != S_OK)
		return ec_status(self, s);
	h = container_of(ec->obj, struct ec, obj);
	if (!h->local || a.ip >= USER_LIMIT)
		return ec_status(self, S_BAD_PARAM);
	pt = obj_alloc(container_of(acct->obj, struct pd, obj), OBJ_PT, sizeof(*pt));
	if (!pt)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	pt->ec = h;
	pt->ip = a.ip;
	pt->id = a.id;
	list_init(&pt->fault_users);
	list_insert(&h->portals, &pt->ec_link);
	slot_set_object(dst, &pt->obj);
	ec_status(self, S_OK);
}

enum reap_result pt_reap(struct pt *pt)
{
	for (unsigned int i = 0; i < STEP_LEAVES && !list_empty(&pt->fault_users); i++) {
		struct ec *e = container_of(pt->fault_users.next, struct ec, fault_link);

		list_remove(&e->fault_link);
		e->fault_pt = NULL;
	}
	if (!list_empty(&pt->fault_users))
		return REAP_MORE;
	list_remove(&pt->ec_link);
	return REAP_DONE;
}
