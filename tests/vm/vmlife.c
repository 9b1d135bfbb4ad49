// SPDX-License-Identifier: Apache-2.0
/*
 * 10,000 virtual machines made, run and destroyed, each dying at another point and in another order, some while another CPU runs them. After every
 * one the kernel memory in use is what it was. The seed is printed first; MACHINES and SEED are all that a replay needs.
 */
#include "tests/vm/vmtest.h"

GUEST(spin)

enum {
	MACHINES = 10000,
	WARM_UP = 64,
	MAPPINGS = 3,
	FRAMES = 28,
	PATIENCE = 2000, /* looks at the account, a millisecond apart, before a difference counts */
	REPORTS = 5,
};

#define SEED UINT64_C(0x7265646f756274)

const char *lab_name = "vm_life";

static sel_t sel_pd, sel_space, sel_vcpu, sel_copy, go, gone, never;
static struct lab_vm memory; /* of all machines, one after the other */
static struct lab_vcpu vcpu;
static uint64_t seed = SEED, used, quota, other_runs, reports, deepest;
static volatile uint64_t side_exit;

static uint64_t next(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void count(uint64_t *q, uint64_t *u)
{
	lab_must(sys_ctrl_kmem(lab_root->pd, lab_root->pd, 0, q, u), "read the account");
}

static uint64_t in_us(uint64_t us)
{
	return lab_tsc() + lab_root->tsc_khz * us / 1000;
}

static void up(sel_t sm)
{
	uint64_t n;

	lab_must(sys_ctrl_sm(sm, SM_UP, 0, &n), "up");
}

static enum status down(sel_t sm, uint64_t deadline)
{
	uint64_t n;

	return sys_ctrl_sm(sm, SM_DOWN, deadline, &n);
}

/* On the other CPU: runs whatever machine there is, until it dies. */
static void run_side(void)
{
	for (;;) {
		(void)!down(go, 0);
		side_exit = lab_run(&vcpu, 0, 0);
		up(gone);
	}
}

/* Parts of a machine, in the order they are made. */
enum part { NONE, PD, SPACE, MAPPED, VCPU, RUN, STAGES };

static sel_t account(bool own)
{
	return own ? sel_pd : lab_root->pd;
}

static bool fill(sel_t space)
{
	bool good = sys_map(memory.mo, space, 0, 0, LAB_RAM, RIGHT_RW | RIGHT_X) == S_OK;

	for (uint64_t n = next(MAPPINGS); n; n--)
		(void)!sys_map(memory.mo, space, (1 + next(1 << 14)) << 21, next(256) * PAGE_SIZE,
			       PAGE_SIZE * (1 + next(64)), RIGHT_RW);
	return good;
}

/* own: the machine's own domain pays and has the state page, which stays as the kernel made it. */
static enum part make(enum part until, bool own)
{
	uint64_t va = (uint64_t)vcpu.s;

	if (until >= PD && sys_create_pd(sel_pd, lab_root->pd, FRAMES + next(16), 0) != S_OK)
		return NONE;
	if (until < SPACE || sys_create_space(sel_space, account(own), SPACE_GUEST) != S_OK)
		return until < PD ? NONE : PD;
	if (until < MAPPED || !fill(sel_space))
		return SPACE;
	if (until < VCPU || sys_create_vcpu(sel_vcpu, account(own), sel_space, va) != S_OK)
		return MAPPED;
	if (!own)
		lab_vcpu_reset(&vcpu, 0);
	return VCPU;
}

static void run_here(bool own)
{
	for (uint64_t n = 1 + next(3); n; n--) {
		uint64_t exit = lab_run(&vcpu, 0, in_us(1 + next(50)));

		if (exit > VM_EXIT_LAST ||
		    (own && exit != VM_EXIT_INVALID && exit != VM_EXIT_TIMEOUT))
			lab_equal(exit, VM_EXIT_TIMEOUT, "a run ends with its deadline");
	}
}

static void kill(sel_t sel)
{
	(void)!sys_revoke(sel, REVOKE_OBJECT); /* what is gone already is a bad capability */
}

/* In any order; what is left of it goes with the rest. */
static void destroy(void)
{
	sel_t part[] = { sel_vcpu, sel_space, sel_pd };

	for (unsigned i = 0; i < 3; i++) {
		unsigned k = i + (unsigned)next(3 - i);
		sel_t sel = part[k];

		part[k] = part[i];
		kill(sel);
	}
	(void)!sys_revoke(sel_copy, REVOKE_SELF);
	(void)!sys_revoke(memory.mo, REVOKE_CHILDREN);
}

/* The guest spins on the other CPU while it is taken apart here. */
static void die_running(void)
{
	uint64_t before = vcpu.s->runs;

	up(go);
	for (unsigned n = 0; n < PATIENCE && vcpu.s->runs == before; n++)
		(void)!down(never, in_us(100));
	(void)!down(never, in_us(next(200)));
	destroy();
	if (down(gone, in_us(5000000)) != S_OK || side_exit <= VM_EXIT_LAST)
		lab_equal(side_exit, 0x100 + S_BAD_CAP,
			  "a machine that dies while it runs ends the run");
	other_runs++;
}

static bool same(uint64_t *now)
{
	uint64_t q;

	count(&q, now);
	return q == quota && *now == used;
}

static void check_account(unsigned n)
{
	uint64_t now, waited = 0;

	while (!same(&now) && waited < PATIENCE) {
		(void)!down(never, in_us(1000));
		waited++;
	}
	if (waited > deepest)
		deepest = waited;
	if (now == used || reports++ >= REPORTS)
		return;
	lab_text("# machine ");
	lab_number(n);
	lab_text("\n");
	lab_equal(now, used, "the account is as before");
	used = now;
}

static void one(unsigned n)
{
	enum part until = (enum part)next(STAGES);
	bool own = next(4) == 0, side = lab_root->cpu_count > 1 && next(8) == 0;
	enum part made = make(side ? RUN : until, own);

	if (made == VCPU && next(4) == 0)
		(void)!sys_delegate(sel_vcpu, lab_root->pd, sel_copy, RIGHT_RUN);
	if (made == VCPU && side && !own) {
		die_running();
	} else {
		if (made == VCPU && until >= RUN)
			run_here(own);
		destroy();
	}
	if (n >= WARM_UP)
		check_account(n);
}

static sel_t semaphore(void)
{
	sel_t sm = lab_sel();

	lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
	return sm;
}

int lab_main(void)
{
	lab_text("# seed ");
	lab_number(SEED);
	lab_text("\n");
	lab_vm_make(&memory, guest_spin, guest_spin_end);
	sel_pd = lab_sel();
	sel_space = lab_sel();
	sel_vcpu = lab_sel();
	sel_copy = lab_sel();
	go = semaphore();
	gone = semaphore();
	never = semaphore();
	vcpu = (struct lab_vcpu){ .sel = sel_vcpu, .s = (struct vcpu_state *)lab_va(1) };
	if (lab_root->cpu_count > 1)
		lab_thread(1, PRIO_MAX, run_side);
	for (unsigned n = 0; n < WARM_UP; n++)
		one(n);
	count(&quota, &used);
	for (unsigned n = WARM_UP; n < WARM_UP + MACHINES; n++)
		one(n);
	lab_check(reports == 0,
		  "10000 machines came and went, and each left the account as it was");
	lab_check(lab_root->cpu_count == 1 || other_runs > MACHINES / 20,
		  "hundreds died while another CPU ran them");
	lab_text("# died while running elsewhere: ");
	lab_number(other_runs);
	lab_text(", longest wait for the account, ms: ");
	lab_number(deepest);
	lab_text("\n");
	return lab_failed();
}
