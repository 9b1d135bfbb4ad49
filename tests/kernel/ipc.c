// SPDX-License-Identifier: Apache-2.0
/* Calls between domains. */
#include "tests/kernel/ktest.h"

/* Adds the id to each word and sends one word more. */
static void adder(uint64_t id, uint64_t words)
{
	struct utcb *u = utcb_self();

	for (uint64_t i = 0; i < words; i++)
		u->msg[i] += id;
	if (words < UTCB_WORDS)
		u->msg[words++] = 0xeed;
	sys_ipc_reply_wait(words);
}

/* Says it is busy, waits for the semaphore, replies. */
static void sleeper(uint64_t id, uint64_t words)
{
	uint64_t count;

	(void)id;
	kt_shared()[0]++;
	(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &count);
	sys_ipc_reply_wait(words);
}

static void call_with(sel_t pt, uint64_t words)
{
	struct utcb *u = utcb_self();
	uint64_t back = 0;
	bool good = true;

	for (uint64_t i = 0; i < words; i++)
		u->msg[i] = i * 3;
	lab_equal(sys_ipc_call(pt, words, &back), S_OK, "call to another domain");
	lab_equal(back, words < UTCB_WORDS ? words + 1 : words, "words of the reply");
	for (uint64_t i = 0; i < words; i++)
		good &= u->msg[i] == i * 3 + 7;
	lab_check(good, "the message went there and back");
}

static void test_echo(void)
{
	struct domain d;
	sel_t pt, weak = lab_sel();
	uint64_t back;

	domain_make(&d, KT_FRAMES);
	pt = domain_server(&d, 0, adder, 7);
	call_with(pt, 0);
	call_with(pt, 5);
	call_with(pt, UTCB_WORDS);
	lab_equal(sys_ipc_call(pt, UTCB_WORDS + 1, &back), S_BAD_PARAM,
		  "a message too long is refused");
	lab_equal(sys_ipc_call(SEL_NULL, 0, &back), S_BAD_CAP, "the null selector names no portal");
	lab_equal(sys_ipc_call(d.pd, 0, &back), S_BAD_CAP, "a domain is no portal");
	lab_must(sys_delegate(pt, lab_root->pd, weak, RIGHT_DELEGATE), "delegate");
	lab_equal(sys_ipc_call(weak, 0, &back), S_RIGHTS,
		  "a portal capability without CALL cannot be called");
	domain_end(&d);
	lab_equal(sys_ipc_call(pt, 0, &back), S_BAD_CAP, "the portal is gone with its domain");
}

static sel_t busy_pt;
static volatile uint64_t answered;
static sel_t answered_sm;

static void caller(void)
{
	uint64_t back, count;

	if (sys_ipc_call(busy_pt, 0, &back) == S_OK)
		__atomic_fetch_add(&answered, 1, __ATOMIC_SEQ_CST);
	(void)!sys_ctrl_sm(answered_sm, SM_UP, 0, &count);
	lab_thread_end();
}

static void test_busy(void)
{
	struct domain d;
	uint64_t count;

	domain_make(&d, KT_FRAMES);
	busy_pt = domain_server(&d, 0, sleeper, 0);
	answered_sm = lab_sel();
	lab_must(sys_create_sm(answered_sm, lab_root->pd, 0), "create sm");
	for (unsigned i = 0; i < 3; i++)
		lab_thread(0, KT_PRIO, caller);
	UNTIL(d.shared[0] == 1);
	sleep_ms(30);
	lab_equal(d.shared[0], 1, "one caller is served, the others wait");
	for (unsigned i = 0; i < 3; i++)
		lab_must(sys_ctrl_sm(d.sm, SM_UP, 0, &count), "up");
	for (unsigned i = 0; i < 3; i++)
		wait_sm(answered_sm, 1000);
	lab_equal(answered, 3, "all callers of a busy server are served");
	domain_end(&d);
}

static void other_cpu_caller(void)
{
	uint64_t back, count;

	answered = sys_ipc_call(busy_pt, 0, &back);
	(void)!sys_ctrl_sm(answered_sm, SM_UP, 0, &count);
	lab_thread_end();
}

static void test_other_cpu(void)
{
	struct domain d;

	if (lab_root->cpu_count < 2)
		return;
	domain_make(&d, KT_FRAMES);
	busy_pt = domain_server(&d, 0, adder, 0);
	lab_thread(1, KT_PRIO, other_cpu_caller);
	lab_check(wait_sm(answered_sm, 1000), "a caller on another CPU gets an answer");
	lab_equal(answered, S_BAD_CPU, "portals serve their own CPU only");
	domain_end(&d);
}

void test_ipc(void)
{
	test_echo();
	test_busy();
	test_other_cpu();
	lab_equal(sys_ctrl_sc(lab_root->ec, &(uint64_t){ 0 }), S_BAD_CAP,
		  "a thread is no scheduling context");
}
