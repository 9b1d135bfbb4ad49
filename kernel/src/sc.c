// SPDX-License-Identifier: Apache-2.0
#include "abi/decode.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

#define PERIOD_MAX_US 3600000000ull

static enum status check(const struct args_create_sc *a, const struct pd *pd, const struct ec *e)
{
	if (e->local || !a->prio || a->prio > PRIO_MAX)
		return S_BAD_PARAM;
	if (a->budget_us > a->period_us || a->period_us > PERIOD_MAX_US)
		return S_BAD_PARAM;
	if (a->prio > pd->max_prio)
		return S_RIGHTS;
	return e->sc || e->run != EC_IDLE ? S_BUSY : S_OK;
}

struct sc *sc_create(struct pd *pd, struct ec *e, uint8_t prio, uint64_t budget_us,
		     uint64_t period_us)
{
	struct sc *sc = obj_alloc(pd, OBJ_SC, sizeof(*sc));

	if (!sc)
		return NULL;
	sc->ec = e;
	sc->cur = e;
	sc->cpu = e->cpu;
	sc->prio = prio;
	sc->budget = budget_us * tsc_khz / 1000;
	sc->period = period_us * tsc_khz / 1000;
	sc->state = SC_BLOCKED;
	list_init(&sc->rq_link);
	return sc;
}

void sc_start(struct sc *sc)
{
	sc->ec->sc = sc;
	sc->ec->run = EC_READY;
	if (!sc->ec->held)
		sched_ready(sc);
}

void call_create_sc(struct ec *self)
{
	struct args_create_sc a = decode_create_sc(&self->regs);
	struct slot *dst, *acct, *ec;
	struct pd *pd;
	struct sc *sc;
	enum status s = cap_lookup(self->pd, a.acct, OBJ_PD, RIGHT_PAY, &acct);

	if (s == S_OK)
		s = cap_lookup(self->pd, a.ec, OBJ_EC, RIGHT_EC, &ec);
	if (s == S_OK)
		s = cap_empty(self->pd, a.dst, &dst);
	if (s != S_OK)
		return ec_status(self, s);
	pd = container_of(acct->obj, struct pd, obj);
	s = check(&a, pd, container_of(ec->obj, struct ec, obj));
	if (s != S_OK)
		return ec_status(self, s);
	sc = sc_create(pd, container_of(ec->obj, struct ec, obj), (uint8_t)a.prio, a.budget_us,
		       a.period_us);
	if (!sc)
		return ec_status(self, S_NO_KMEM);
	/* point of no return */
	slot_set_object(dst, &sc->obj);
	ec_status(self, S_OK);
	sc_start(sc);
}

/*
 * While a call chain still runs on it, a dead context lives on until the chain is back at the thread it was made for, or at nobody.
 */
enum reap_result sc_reap(struct sc *sc)
{
	struct ec *e = sc->ec;

	if (e && e->run == EC_CALLING)
		e->held |= HELD_NO_TIME;
	if (sc->cur && sc->cur != e)
		return REAP_PARK;
	sched_block(sc);
	if (cpus[sc->cpu]->sc == sc)
		return REAP_LATER;
	if (e)
		ec_orphan(e);
	return REAP_DONE;
}

void call_ctrl_sc(struct ec *self)
{
	struct args_ctrl_sc a = decode_ctrl_sc(&self->regs);
	struct slot *slot;
	enum status s = cap_lookup(self->pd, a.sc, OBJ_SC, RIGHT_CTRL, &slot);

	if (s == S_OK)
		ec_results(self, container_of(slot->obj, struct sc, obj)->used, 0);
	ec_status(self, s);
}
