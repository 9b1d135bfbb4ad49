// SPDX-License-Identifier: Apache-2.0
/* Priorities, budgets, deadlines. */
#include "tests/kernel/ktest.h"

static void spinner(void)
{
	for (;;)
		kt_shared()[0]++;
}

/* Takes the time at which the semaphore wakes it, again and again. */
static void waker(void)
{
	uint64_t count;

	for (;;) {
		(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &count);
		kt_shared()[1] = lab_tsc();
		kt_shared()[0]++;
	}
}

static uint64_t ticks_of(sel_t sc)
{
	uint64_t ticks = 0;

	lab_must(sys_ctrl_sc(sc, &ticks), "read time");
	return ticks;
}

static void test_priority(void)
{
	struct domain high, low;
	uint64_t before;

	domain_make(&high, KT_FRAMES);
	domain_make(&low, KT_FRAMES);
	domain_run(&low, 0, KT_LOW, spinner);
	UNTIL(low.shared[0] > 0);
	lab_check(low.shared[0] > 0, "a thread of low priority runs when nobody else wants to");
	domain_run(&high, 0, KT_PRIO, spinner);
	UNTIL(high.shared[0] > 0);
	before = low.shared[0];
	sleep_ms(60);
	lab_equal(low.shared[0], before, "one of higher priority has the CPU to itself");
	domain_end(&high);
	UNTIL(low.shared[0] > before);
	lab_check(low.shared[0] > before, "and gives it back");
	domain_end(&low);
}

static void test_round_robin(void)
{
	struct domain a, b;
	uint64_t ta, tb;

	domain_make(&a, KT_FRAMES);
	domain_make(&b, KT_FRAMES);
	domain_run(&a, 0, KT_LOW, spinner);
	domain_run(&b, 0, KT_LOW, spinner);
	sleep_ms(600);
	ta = ticks_of(a.sc);
	tb = ticks_of(b.sc);
	lab_check(ta > tb / 4 && tb > ta / 4, "equals share the CPU");
	domain_end(&a);
	domain_end(&b);
}

/* 10 ms in 50 ms at high priority beside a spinner of low priority. */
static void test_budget(void)
{
	struct domain limited, rest;
	uint64_t tl, tr;

	domain_make(&limited, KT_FRAMES);
	domain_make(&rest, KT_FRAMES);
	domain_run(&limited, 0, 0, spinner);
	lab_must(sys_create_sc(limited.sc, limited.pd, limited.ec, KT_PRIO, 10000, 50000),
		 "create sc with budget");
	domain_run(&rest, 0, KT_LOW, spinner);
	sleep_ms(1000);
	tl = ticks_of(limited.sc);
	tr = ticks_of(rest.sc);
	lab_text("# per mille: ");
	lab_number(tl * 1000 / (tl + tr));
	lab_text("\n");
	/* A busy host delays interrupts and so stretches budgets; without one it would be all. */
	lab_check(tl * 100 / (tl + tr) >= 3 && tl * 100 / (tl + tr) <= 70,
		  "a budget of a fifth at high priority leaves time for the others");
	domain_end(&limited);
	domain_end(&rest);
}

static void test_wake_preempts(void)
{
	struct domain w, s;
	uint64_t v, at;

	domain_make(&w, KT_FRAMES);
	domain_make(&s, KT_FRAMES);
	domain_run(&w, 0, 254, waker);
	domain_run(&s, 0, KT_LOW, spinner);
	UNTIL(s.shared[0] > 0 && state_of(w.ec) == EC_STATE_BLOCKED);
	at = lab_tsc();
	lab_must(sys_ctrl_sm(w.sm, SM_UP, 0, &v), "up");
	UNTIL(w.shared[0] == 1);
	lab_equal(w.shared[0], 1, "a waiting thread is woken");
	lab_check(w.shared[1] - at < 200 * lab_root->tsc_khz, "while another spins");
	domain_end(&w);
	domain_end(&s);
}

static void test_deadline(void)
{
	sel_t sm = lab_sel();
	uint64_t count, start = lab_tsc(), took;

	lab_must(sys_create_sm(sm, lab_root->pd, 2), "create sm");
	lab_equal(sys_ctrl_sm(sm, SM_DOWN_ZERO, 0, &count), S_OK, "take all");
	lab_equal(count, 2, "two");
	lab_equal(sys_ctrl_sm(sm, SM_DOWN, start + 20 * lab_root->tsc_khz, &count), S_TIMEOUT,
		  "a deadline passes");
	took = (lab_tsc() - start) / lab_root->tsc_khz;
	lab_check(took >= 20, "not early");
	lab_check(took < 200, "not late by much");
	lab_equal(sys_ctrl_sm(sm, SM_DOWN, 1, &count), S_TIMEOUT,
		  "one in the past is over at once");
	lab_must(sys_ctrl_sm(sm, SM_UP, 0, &count), "up");
	lab_equal(sys_ctrl_sm(sm, SM_DOWN, 1, &count), S_OK, "but what is there is taken");
	lab_equal(sys_ctrl_sm(sm, 7, 0, &count), S_BAD_PARAM, "an unknown operation");
}

static void test_suspend(void)
{
	struct domain d;
	uint64_t v, before;

	domain_make(&d, KT_FRAMES);
	domain_run(&d, 0, KT_LOW, spinner);
	UNTIL(d.shared[0] > 0);
	lab_must(sys_ctrl_ec(d.ec, EC_SUSPEND, 0, 0, &v, &v), "suspend");
	before = d.shared[0];
	sleep_ms(30);
	lab_equal(d.shared[0], before, "a suspended thread stands");
	lab_equal(state_of(d.ec), EC_STATE_STOPPED, "and says so");
	lab_must(sys_ctrl_ec(d.ec, EC_RESUME, 0, 0, &v, &v), "resume");
	UNTIL(d.shared[0] > before);
	lab_check(d.shared[0] > before, "and goes on");
	lab_must(sys_revoke(d.sc, REVOKE_SELF), "take its time");
	before = d.shared[0];
	sleep_ms(30);
	lab_equal(d.shared[0], before, "without a scheduling context it stands");
	lab_must(sys_create_sc(d.sc, d.pd, d.ec, KT_LOW, 0, 0), "give it another");
	UNTIL(d.shared[0] > before);
	lab_check(d.shared[0] > before, "with a new one it goes on");
	domain_end(&d);
}

static void test_limits(void)
{
	struct domain d;
	sel_t child = lab_sel(), sc = lab_sel();

	domain_make(&d, KT_FRAMES);
	domain_run(&d, 0, 0, spinner);
	lab_must(sys_create_pd(child, lab_root->pd, 16, 40), "create pd with max_prio");
	lab_equal(sys_create_sc(sc, child, d.ec, 41, 0, 0), S_RIGHTS,
		  "a priority above the domain's is refused");
	lab_equal(sys_create_sc(sc, child, d.ec, 0, 0, 0), S_BAD_PARAM, "priority 0 is refused");
	lab_equal(sys_create_sc(sc, child, d.ec, 256, 0, 0), S_BAD_PARAM,
		  "priority 256 is refused");
	lab_equal(sys_create_sc(sc, child, d.ec, 40, 2, 1), S_BAD_PARAM,
		  "a budget above its period is refused");
	lab_equal(sys_create_pd(lab_sel(), child, 4, 41), S_BAD_PARAM, "nor may a child have more");
	lab_must(sys_revoke(child, REVOKE_SELF), "revoke");
	domain_end(&d);
}

void test_time(void)
{
	test_priority();
	test_round_robin();
	test_budget();
	test_wake_preempts();
	test_deadline();
	test_suspend();
	test_limits();
}
