// SPDX-License-Identifier: Apache-2.0
/* Domains and threads that die at bad moments. */
#include "tests/kernel/ktest.h"

static sel_t server_pt, result_sm;
static volatile uint64_t result;

static void stuck(uint64_t id, uint64_t words)
{
	uint64_t count;

	(void)id;
	kt_shared()[0]++;
	(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &count);
	kt_shared()[1]++;
	sys_ipc_reply_wait(words);
}

/* Calls the portal it was given from inside its own handler. */
static void forwarder(uint64_t id, uint64_t words)
{
	uint64_t back;

	(void)id;
	utcb_self()->msg[0] = sys_ipc_call(KT_SEL_PT, words, &back);
	sys_ipc_reply_wait(1);
}

static void calling_thread(void)
{
	uint64_t back, count;

	result = sys_ipc_call(server_pt, 0, &back);
	(void)!sys_ctrl_sm(result_sm, SM_UP, 0, &count);
	lab_thread_end();
}

static void calling_domain(void)
{
	uint64_t back;

	kt_shared()[0] = sys_ipc_call(KT_SEL_PT, 0, &back);
	kt_stop();
}

static void crasher(uint64_t id, uint64_t words)
{
	(void)id;
	(void)words;
	__asm__ volatile("ud2");
}

static void test_server_faults(void)
{
	struct domain d;

	domain_make(&d, KT_FRAMES);
	server_pt = domain_server(&d, 0, crasher, 0);
	result = 99;
	lab_thread(0, KT_PRIO, calling_thread);
	lab_check(wait_sm(result_sm, 1000) && result == S_ABORTED,
		  "a server that faults aborts its caller");
	result = 99;
	lab_thread(0, KT_PRIO, calling_thread);
	lab_check(wait_sm(result_sm, 1000) && result == S_ABORTED, "and serves nobody any more");
	domain_end(&d);
}

static void test_server_dies(void)
{
	struct domain d;

	domain_make(&d, KT_FRAMES);
	server_pt = domain_server(&d, 0, stuck, 0);
	result = 99;
	lab_thread(0, KT_PRIO, calling_thread);
	lab_thread(0, KT_PRIO, calling_thread);
	UNTIL(d.shared[0] == 1);
	lab_equal(d.shared[0], 1, "the server is in its handler");
	domain_end(&d);
	lab_check(wait_sm(result_sm, 1000) && wait_sm(result_sm, 1000),
		  "callers of a dying server come back");
	lab_equal(result, S_ABORTED, "with S_ABORTED");
}

/* thread -> forwarder in m -> stuck in d; the middle one dies. */
static void test_middle_dies(void)
{
	struct domain m, d;
	sel_t pt;
	uint64_t count;

	domain_make(&m, KT_FRAMES);
	domain_make(&d, KT_FRAMES);
	pt = domain_server(&d, 0, stuck, 0);
	server_pt = domain_server(&m, 0, forwarder, 0);
	lab_must(sys_delegate(pt, m.pd, KT_SEL_PT, RIGHT_CALL), "delegate");
	result = 99;
	lab_thread(0, KT_PRIO, calling_thread);
	UNTIL(d.shared[0] == 1);
	domain_end(&m);
	sleep_ms(5);
	lab_equal(result, 99, "with the middle of a chain dead the caller waits for the end of it");
	lab_must(sys_ctrl_sm(d.sm, SM_UP, 0, &count), "up");
	lab_check(wait_sm(result_sm, 1000), "then it comes back");
	lab_equal(result, S_ABORTED, "with S_ABORTED, for its own callee never replied");
	domain_end(&d);
}

/* The client dies in a call: the server finishes, is free again, and the client's memory comes back. */
static void test_client_dies(void)
{
	struct domain c, d;
	uint64_t count, quota = root_quota();
	sel_t pt;

	domain_make(&d, KT_FRAMES);
	domain_make(&c, KT_FRAMES);
	pt = domain_server(&d, 0, stuck, 0);
	lab_must(sys_delegate(pt, c.pd, KT_SEL_PT, RIGHT_CALL), "delegate");
	domain_run(&c, 0, KT_PRIO, calling_domain);
	UNTIL(d.shared[0] == 1);
	lab_equal(d.shared[0], 1, "the server works for a client");
	domain_end(&c);
	lab_must(sys_ctrl_sm(d.sm, SM_UP, 0, &count), "up");
	UNTIL(d.shared[1] == 1);
	lab_equal(d.shared[1], 1, "the client is gone; the server ends its work all the same");
	server_pt = pt;
	lab_must(sys_ctrl_sm(d.sm, SM_UP, 0, &count), "up");
	result = 99;
	lab_thread(0, KT_PRIO, calling_thread);
	lab_check(wait_sm(result_sm, 1000) && result == S_OK, "and serves the next one");
	domain_end(&d);
	lab_equal(root_quota(), quota, "kernel memory of client and server came back");
}

static void suicide(void)
{
	uint64_t v;

	kt_shared()[0] = 1;
	kt_shared()[1] = sys_revoke(KT_SEL_PD, REVOKE_OBJECT);
	(void)!sys_ctrl_ec(KT_SEL_FREE, EC_KILL, 0, 0, &v, &v);
	kt_stop();
}

static void test_suicide(void)
{
	struct domain d;
	uint64_t quota = root_quota();

	domain_make(&d, KT_FRAMES);
	domain_run(&d, 0, 0, suicide);
	lab_must(sys_revoke(d.sm, REVOKE_CHILDREN), "revoke");
	lab_must(sys_delegate(d.ec, d.pd, KT_SEL_FREE, RIGHT_CTRL), "delegate own thread");
	lab_must(sys_create_sc(d.sc, d.pd, d.ec, KT_PRIO, 0, 0), "create sc");
	UNTIL(d.shared[1] && state_of(d.ec) == EC_STATE_STOPPED);
	lab_equal(d.shared[1], S_RIGHTS, "a domain without DESTROY cannot destroy itself");
	lab_equal(state_of(d.ec), EC_STATE_STOPPED, "a thread may kill itself");
	domain_end(&d);
	lab_equal(root_quota(), quota, "its memory comes back");
}

/* A domain that makes a child and destroys its parent's view of things in odd order. */
static void test_nested(void)
{
	sel_t a = lab_sel(), b = lab_sel(), c = lab_sel();
	uint64_t quota = root_quota(), q, u;

	lab_must(sys_create_pd(a, lab_root->pd, 300, 0), "create a");
	lab_must(sys_create_pd(b, a, 200, 0), "create b from a");
	lab_must(sys_create_pd(c, b, 100, 0), "create c from b");
	lab_equal(root_quota(), quota - 300, "frames moved down");
	lab_must(sys_ctrl_kmem(a, a, 0, &q, &u), "ask");
	lab_equal(q, 100, "and on");
	lab_equal(sys_create_pd(lab_sel(), c, 98, 0), S_NO_KMEM,
		  "no domain gives more than it has");
	lab_must(sys_delegate(a, c, 5, RIGHT_ALL), "give the youngest the oldest");
	lab_must(sys_revoke(a, REVOKE_SELF), "destroy a");
	lab_equal(sys_ctrl_kmem(c, c, 0, &q, &u), S_BAD_CAP,
		  "with a domain go those made from its memory");
	lab_equal(root_quota(), quota, "all frames are back");
}

/* Two domains that hold each other's first capability. */
static void test_cycle(void)
{
	sel_t a = lab_sel(), b = lab_sel();
	uint64_t quota = root_quota();

	for (unsigned i = 0; i < 8; i++) {
		lab_must(sys_create_pd(a, lab_root->pd, 64, 0), "create a");
		lab_must(sys_create_pd(b, lab_root->pd, 64, 0), "create b");
		lab_must(sys_delegate(a, b, 9, RIGHT_ALL), "a to b");
		lab_must(sys_delegate(b, a, 9, RIGHT_ALL), "b to a");
		lab_must(sys_revoke(i & 1 ? a : b, REVOKE_OBJECT), "destroy one");
		lab_must(sys_revoke(i & 1 ? b : a, REVOKE_SELF), "destroy the other");
	}
	lab_equal(root_quota(), quota, "domains that hold each other die one by one");
}

void test_death(void)
{
	result_sm = lab_sel();
	lab_must(sys_create_sm(result_sm, lab_root->pd, 0), "create sm");
	test_server_dies();
	test_server_faults();
	test_middle_dies();
	test_client_dies();
	test_suicide();
	test_nested();
	test_cycle();
}
