// SPDX-License-Identifier: Apache-2.0
/*
 * Every call that allocates, with each of its allocations failing in turn: it says S_NO_KMEM, nothing is broken, and after a top-up the same call
 * works. Then what a domain held comes back to the last frame.
 */
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/space.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "tests/unit/kernel_host/world.h"
#include <string.h>

const char *test_name = "kernel_calls";

enum {
	PD_A = ROOT_FREE, /* the domain that pays */
	MO = ROOT_FREE + 1,
	SM = ROOT_FREE + 2,
	EC = ROOT_FREE + 3,
	LOCAL = ROOT_FREE + 4,
	DC = ROOT_FREE + 5,
	SM_FAR = ROOT_FREE + 6,
	SPACE = ROOT_FREE + 7,
	DST = 10000, /* in a page of root's table that is there already */
	FAR = 20000, /* in one that is not */
	A_FRAMES = 400,
	K_MAX = 80,
};

static void must(uint32_t status)
{
	if (status != S_OK)
		check(false, "setting the scene");
}

static void scene(void)
{
	world_make();
	vm_choose();
	must(CALL4(CREATE_PD, PD_A, ROOT_PD, A_FRAMES, 0));
	must(CALL5(DERIVE, MO, ROOT_MO, 0, 64ull << 20, RIGHT_ALL));
	must(CALL5(DERIVE, DC, ROOT_DC, 8, 1, RIGHT_ALL));
	must(CALL3(CREATE_SM, SM, ROOT_PD, 0));
	must(CALL3(CREATE_SM, SM_FAR, PD_A, 0));
	must(CALL3(CREATE_SPACE, SPACE, ROOT_PD, SPACE_GUEST));
	must(CALL6(CREATE_EC, EC, ROOT_PD, 0, 0x100000, 0x200000, 0x300000));
	must(CALL6(CREATE_EC, LOCAL, ROOT_PD, EC_LOCAL, 0x101000, 0x200000, 0));
	must(CALL3(CREATE_SM, DST, ROOT_PD, 0));
	must(CALL2(REVOKE, DST, REVOKE_SELF));
}

static uint32_t try_create_pd(void)
{
	return CALL4(CREATE_PD, DST, PD_A, 8, 0);
}

static uint32_t try_create_space(void)
{
	return CALL3(CREATE_SPACE, DST, PD_A, SPACE_GUEST);
}

static uint32_t try_create_vcpu(void)
{
	return CALL4(CREATE_VCPU, DST, PD_A, SPACE, 0x6000000000);
}

static uint32_t try_create_ec(void)
{
	return CALL6(CREATE_EC, DST, PD_A, 0, 0x7000000000, 0x2000, 0x3000);
}

static uint32_t try_create_sc(void)
{
	return CALL6(CREATE_SC, DST, PD_A, EC, 10, 0, 0);
}

static uint32_t try_create_pt(void)
{
	return CALL5(CREATE_PT, DST, PD_A, LOCAL, 0x4000, 1);
}

static uint32_t try_create_sm(void)
{
	return CALL3(CREATE_SM, DST, PD_A, 1);
}

static uint32_t try_derive(void)
{
	return CALL5(DERIVE, FAR, MO, 0, FRAME_SIZE, RIGHT_R);
}

static uint32_t try_delegate(void)
{
	return CALL4(DELEGATE, MO, PD_A, FAR, RIGHT_R);
}

static uint32_t try_map_page(void)
{
	return CALL6(MAP, MO, PD_A, 0x5000000000, 0, FRAME_SIZE, RIGHT_R);
}

static uint32_t try_map_long(void)
{
	return CALL6(MAP, MO, PD_A, 0x5000001000, 0, 64ull << 20, RIGHT_RW);
}

static uint32_t try_map_large(void)
{
	return CALL6(MAP, MO, PD_A, 0x5000000000, 0, 64ull << 20, RIGHT_RX);
}

static uint32_t try_map_ports(void)
{
	return CALL6(MAP, ROOT_PIO, PD_A, 0, 0x3f8, 8, RIGHT_RW);
}

static uint32_t try_assign(void)
{
	return CALL4(ASSIGN, DC, 0, SM_FAR, 0);
}

static const struct scenario {
	const char *name;
	uint32_t (*call)(void);
	bool root_pays;
	unsigned int least; /* frames it needs with a fresh account */
} scenarios[] = {
	{ "create_pd", try_create_pd, false, 8 },
	{ "create_space", try_create_space, false, 1 },
	{ "create_vcpu", try_create_vcpu, false, 6 },
	{ "create_ec", try_create_ec, false, 5 },
	{ "create_sc", try_create_sc, false, 1 },
	{ "create_pt", try_create_pt, false, 0 },
	{ "create_sm", try_create_sm, false, 0 },
	{ "derive", try_derive, true, 1 },
	{ "delegate", try_delegate, false, 1 },
	{ "map, a page", try_map_page, false, 3 },
	{ "map, 16384 pages", try_map_long, false, 33 },
	{ "map, large pages", try_map_large, false, 2 },
	{ "map, ports", try_map_ports, false, 2 },
	{ "assign", try_assign, false, 1 },
};

/* One try with k frames free; true: it worked at once. */
static bool with_free(const struct scenario *s, unsigned int k, bool *good)
{
	struct account *a;
	uint64_t held;
	uint32_t r;

	scene();
	a = s->root_pays ? &world.root->account : &world_pd(PD_A)->account;
	held = a->quota - a->used - k;
	a->quota -= held;
	r = s->call();
	*good &= a->used <= a->quota;
	a->quota += held;
	*good &= world_check() == NULL;
	if (r == S_OK)
		return true;
	*good &= r == S_NO_KMEM;
	*good &= s->call() == S_OK && world_check() == NULL;
	return false;
}

static void test_failures(const struct scenario *s)
{
	bool good = true;
	unsigned int k = 0;
	char text[80];

	while (k < K_MAX && !with_free(s, k, &good))
		k++;
	snprintf(text, sizeof(text), "%s: %u places to run out of memory, each leaves it as it was",
		 s->name, k);
	check(good && k >= s->least && k < K_MAX, text);
}

/* All of the above in one domain, then its end. */
static void test_credit(void)
{
	uint64_t quota, used;

	scene();
	must(CALL2(REVOKE, PD_A, REVOKE_SELF));
	quota = world.root->account.quota;
	must(CALL4(CREATE_PD, PD_A, ROOT_PD, A_FRAMES, 0));
	used = world.root->account.used;
	must(CALL3(CREATE_SM, SM_FAR, PD_A, 0));
	for (unsigned int i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		bool twice = scenarios[i].call == try_map_large ||
			     scenarios[i].call == try_map_long || scenarios[i].root_pays;

		if (!twice)
			check(scenarios[i].call() == S_OK, scenarios[i].name);
		if (world_slot(world.root, DST))
			must(CALL4(DELEGATE, DST, PD_A, 100 + i, RIGHT_ALL));
		if (world_slot(world.root, DST) && i % 2)
			must(CALL2(REVOKE, DST, REVOKE_SELF));
		else if (world_slot(world.root, DST))
			must(CALL2(REVOKE, DST, REVOKE_CHILDREN)),
				must(CALL2(REVOKE, DST, REVOKE_OBJECT));
	}
	check(world_check() == NULL, "a domain with everything in it is sound");
	must(CALL2(REVOKE, PD_A, REVOKE_SELF));
	check(world.root->account.quota == quota, "its end gives back every frame");
	check(world.root->account.used <= used, "and nothing is left on others' accounts");
	check(!world_slot(world.root, SM_FAR) && world_check() == NULL,
	      "its objects are gone from every table");
}

/* A refused change of the portal for a thread's faults leaves the old one. */
static void test_fault_portal(void)
{
	struct ec *ec;
	struct pt *pt;

	scene();
	must(CALL5(CREATE_PT, DST, ROOT_PD, LOCAL, 0x4000, 1));
	ec = container_of(world_slot(world.root, EC)->obj, struct ec, obj);
	must(CALL3(CTRL_EC, EC, EC_SET_FAULT_PT, DST));
	pt = ec->fault_pt;
	check(pt && CALL3(CTRL_EC, EC, EC_SET_FAULT_PT, SM) == S_BAD_CAP && ec->fault_pt == pt,
	      "a refused portal leaves the one before");
	check(CALL3(CTRL_EC, EC, EC_SET_FAULT_PT, SEL_NULL) == S_OK && !ec->fault_pt &&
		      world_check() == NULL,
	      "and none is none");
}

/* An object dies while threads wait in it. */
static void test_waiters(void)
{
	struct ec *ec;

	scene();
	must(CALL6(CREATE_SC, DST, ROOT_PD, EC, 10, 0, 0));
	ec = container_of(world_slot(world.root, EC)->obj, struct ec, obj);
	host_cpu->ec = ec;
	host_cpu->sc->state = SC_READY;
	runq_put(&host_cpu->runq, host_cpu->sc, false);
	host_cpu->sc = ec->sc;
	runq_take(&host_cpu->runq, ec->sc);
	ec->sc->state = SC_RUNNING;
	check(world_call_as(ec, CALL_CTRL_SM, (const uint64_t[6]){ SM, SM_DOWN }) == S_WAITS,
	      "a thread waits in a semaphore");
	check(host_cpu->ec == world.ec, "and another runs");
	must(CALL2(REVOKE, SM, REVOKE_SELF));
	check(ec->regs.rax == S_ABORTED && ec->run == EC_READY, "the semaphore dies: S_ABORTED");
	must(CALL2(REVOKE, EC, REVOKE_SELF));
	check(!world_slot(world.root, DST) && world_check() == NULL,
	      "a thread's end is its scheduling context's too");
}

/* The CPU's timer is set when that changes something, and again when it is overdue: its interrupt may have been lost. */
static void test_overdue(void)
{
	unsigned before;

	scene();
	timer_set(world.ec, host_tsc + 1000);
	before = host_timer_set;
	timer_clear(world.ec);
	timer_set(world.ec, host_cpu->timer_at);
	check(host_timer_set == before, "a timer that is set is not set again");
	host_tsc += 2000;
	timer_clear(world.ec);
	timer_set(world.ec, host_cpu->timer_at);
	check(host_timer_set == before + 1, "one that is overdue is");
	timer_clear(world.ec);
}

/* A stay in a guest ends at its deadline, by one interrupt. */
static void test_guest_timer(void)
{
	uint64_t deadline;
	unsigned before;

	scene();
	deadline = host_tsc + 500;
	timer_guest(host_cpu, deadline);
	check(host_cpu->timer_at == deadline, "the deadline of a stay sets the CPU's timer");
	timer_set(world.ec, deadline + 100);
	check(host_cpu->timer_at == deadline, "a later one does not");
	timer_clear(world.ec);
	host_tsc = deadline;
	before = host_timer_set;
	sched_tick();
	check(host_cpu->guest_until == 0 && host_cpu->timer_at != deadline &&
		      host_timer_set <= before + 1,
	      "its interrupt comes once");
}

int main(void)
{
	for (unsigned int i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		test_failures(&scenarios[i]);
	test_credit();
	test_waiters();
	test_fault_portal();
	test_overdue();
	test_guest_timer();
	return failures();
}
