// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/sm.h"
#include "abi/decode.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/x86_64/asm.h"

void sm_up(struct sm *sm)
{
	struct ec *e;

	if (sm->waiters.top) {
		e = container_of(sm->waiters.top, struct ec, wait);
		ec_results(e, 1, 0);
		ec_wake(e, S_OK);
		return;
	}
	if (sm->count < SM_COUNT_MAX)
		sm->count++;
	if (sm->guests)
		vcpu_wake(sm);
}

static void down(struct ec *self, struct sm *sm, bool all, uint64_t deadline)
{
	uint64_t take = all ? sm->count : 1;

	if (sm->count) {
		sm->count -= take;
		ec_results(self, take, 0);
		return ec_status(self, S_OK);
	}
	if (deadline && rdtsc() >= deadline)
		return ec_status(self, S_TIMEOUT);
	self->wait_sm = sm;
	heap_insert(&sm->waiters, &self->wait, ec_wait_key(self));
	ec_block(self, EC_WAIT_SM);
	if (deadline)
		timer_set(self, deadline);
}

void call_ctrl_sm(struct ec *self)
{
	struct args_ctrl_sm a = decode_ctrl_sm(&self->regs);
	struct slot *slot;
	struct sm *sm;
	enum status s;

	if (a.op > SM_DOWN_ZERO)
		return ec_status(self, S_BAD_PARAM);
	s = cap_lookup(self->pd, a.sm, OBJ_SM, a.op == SM_UP ? RIGHT_UP : RIGHT_DOWN, &slot);
	if (s != S_OK)
		return ec_status(self, s);
	sm = container_of(slot->obj, struct sm, obj);
	if (a.op != SM_UP)
		return down(self, sm, a.op == SM_DOWN_ZERO, a.deadline);
	ec_status(self, S_OK);
	ec_results(self, 0, 0);
	sm_up(sm);
}

void call_create_sm(struct ec *self)
{
	struct args_create_sm a = decode_create_sm(&self->regs);
	struct slot *dst, *acct;
	struct sm *sm;
	enum status s = cap_lookup(self->pd, a.acct, OBJ_PD, RIGHT_PAY, &acct);

	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s == S_OK && a.initial > SM_COUNT_MAX)
		s = S_BAD_PARAM;
	if (s != S_OK)
		return ec_status(self, s);
	sm = obj_alloc(container_of(acct->obj, struct pd, obj), OBJ_SM, sizeof(*sm));
	if (!sm)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	sm->count = a.initial;
	slot_set_object(dst, &sm->obj);
	ec_status(self, S_OK);
}

enum reap_result sm_reap(struct sm *sm)
{
	for (unsigned int i = 0; i < STEP_LEAVES && sm->waiters.top; i++)
		ec_wake(container_of(sm->waiters.top, struct ec, wait), S_ABORTED);
	if (sm->waiters.top)
		return REAP_MORE;
	if (sm->guests)
		vcpu_forget(sm);
	if (sm->irq)
		irq_unbind(sm->irq);
	return REAP_DONE;
}
