// SPDX-License-Identifier: Apache-2.0
/* More than one CPU, and the state of threads across switches. */
#include "tests/kernel/ktest.h"

enum {
	ROUNDS = 6000,
	AVX_BIT = 28,
};

static bool have_avx(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> AVX_BIT & 1;
}

/* Fills ymm0 to ymm15 (or xmm) with a pattern of its own, and looks again and again whether it is still there. */
__asm__(".text\n"
	"fpu_fill:\n"
	"	test %esi, %esi\n	jz 1f\n"
	"	vmovq %rdi, %xmm0\n	vpunpcklqdq %xmm0, %xmm0, %xmm0\n	vinsertf128 $1, "
	"%xmm0, %ymm0, %ymm0\n"
	"	vmovaps %ymm0, %ymm7\n	vmovaps %ymm0, %ymm15\n	ret\n"
	"1:	movq %rdi, %xmm0\n	movq %rdi, %xmm7\n	movq %rdi, %xmm15\n	ret\n"
	"fpu_check:\n"
	"	test %esi, %esi\n	jz 1f\n"
	"	vextractf128 $1, %ymm15, %xmm1\n	vmovq %xmm1, %rax\n	jmp 2f\n"
	"1:	movq %xmm15, %rax\n"
	"2:	movq %xmm7, %rcx\n	xor %rdi, %rax\n	xor %rdi, %rcx\n	or %rcx, "
	"%rax\n	ret\n");

void fpu_fill(uint64_t pattern, bool avx);
uint64_t fpu_check(uint64_t pattern, bool avx);

static void fpu_user(void)
{
	uint64_t pattern = kt_shared()[2], count;
	bool avx = kt_shared()[3];

	fpu_fill(pattern, avx);
	while (kt_shared()[0] < ROUNDS) {
		if (fpu_check(pattern, avx))
			kt_shared()[1]++;
		if (kt_shared()[0]++ % 64 == 0)
			(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, lab_tsc() + 1000, &count);
	}
	kt_stop();
}

static void test_fpu(void)
{
	struct domain d[4];
	bool good = true;

	for (unsigned i = 0; i < 4; i++) {
		domain_make(&d[i], KT_FRAMES);
		d[i].shared[2] = 0x1111111111111111 * (i + 1);
		d[i].shared[3] = have_avx();
		domain_run(&d[i], i % 2 % lab_root->cpu_count, KT_LOW, fpu_user);
	}
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned n = 0; n < 500 && d[i].shared[0] < ROUNDS; n++)
			sleep_ms(10);
		good &= d[i].shared[0] == ROUNDS && d[i].shared[1] == 0;
	}
	lab_check(good, "vector registers are each thread's own, on all CPUs");
	for (unsigned i = 0; i < 4; i++)
		domain_end(&d[i]);
}

/* Two threads on two CPUs hand a count to and fro by semaphores. */
static sel_t ping, pong;
static volatile uint64_t rallies;

static void player(void)
{
	uint64_t count;

	for (;;) {
		(void)!sys_ctrl_sm(ping, SM_DOWN, 0, &count);
		rallies++;
		(void)!sys_ctrl_sm(pong, SM_UP, 0, &count);
	}
}

static void test_ping_pong(void)
{
	uint64_t count;
	bool good = true;
	sel_t ec;

	ping = lab_sel();
	pong = lab_sel();
	lab_must(sys_create_sm(ping, lab_root->pd, 0), "create sm");
	lab_must(sys_create_sm(pong, lab_root->pd, 0), "create sm");
	ec = lab_thread(1, KT_PRIO, player);
	for (unsigned i = 0; i < 300 && good; i++) {
		lab_must(sys_ctrl_sm(ping, SM_UP, 0, &count), "up");
		good = wait_sm(pong, 1000);
	}
	lab_check(good && rallies == 300, "300 wake-ups across CPUs and back, none lost");
	lab_must(sys_revoke(ec, REVOKE_SELF), "end thread on the other CPU");
	lab_equal(sys_create_ec(lab_sel(), lab_root->pd, lab_root->cpu_count, lab_va(1), 0x1000,
				0x1000),
		  S_BAD_CPU, "there is no CPU behind the last");
}

static void spinner(void)
{
	for (;;)
		kt_shared()[0]++;
}

/* Domains that run on the other CPU die at any moment. */
static void test_remote_death(void)
{
	uint64_t quota = root_quota();

	for (unsigned i = 0; i < 30; i++) {
		struct domain d;

		domain_make(&d, KT_FRAMES);
		domain_run(&d, 1, KT_PRIO, spinner);
		for (volatile unsigned n = 0; n < i * 1000; n++)
			;
		domain_end(&d);
	}
	lab_equal(root_quota(), quota,
		  "30 domains killed while they ran on another CPU gave everything back");
}

/* Maps and unmaps its own memory in a loop on one CPU while root does the same on the other. */
static void mapper(void)
{
	for (;;) {
		kt_shared()[1] |=
			sys_map(KT_SEL_FREE, KT_SEL_PD, 0x200000000, 0, 16 * PAGE_SIZE, RIGHT_RW);
		*(volatile uint64_t *)0x200000000 = 1;
		kt_shared()[1] |= sys_unmap(KT_SEL_PD, 0x200000000, 16 * PAGE_SIZE);
		kt_shared()[0]++;
	}
}

static void test_mapping_race(void)
{
	struct domain d;
	sel_t mo = lab_memory(16 * PAGE_SIZE, PAGE_SIZE);
	bool good = true;

	domain_make(&d, KT_FRAMES);
	lab_must(sys_delegate(mo, d.pd, KT_SEL_FREE, RIGHT_ALL), "delegate");
	domain_run(&d, 1, KT_PRIO, mapper);
	UNTIL(d.shared[0]);
	for (unsigned i = 0; i < 150; i++) {
		good &= sys_map(mo, d.pd, 0x300000000, 0, 16 * PAGE_SIZE, RIGHT_RW) == S_OK;
		good &= sys_unmap(d.pd, 0x300000000, 16 * PAGE_SIZE) == S_OK;
	}
	lab_check(good && d.shared[1] == S_OK && d.shared[0] > 0,
		  "two CPUs change one address space");
	lab_must(sys_revoke(mo, REVOKE_CHILDREN), "revoke");
	UNTIL(d.shared[1] != S_OK || state_of(d.ec) == EC_STATE_FAULTED);
	lab_check(d.shared[1] != S_OK || state_of(d.ec) == EC_STATE_FAULTED,
		  "until its memory is revoked");
	domain_end(&d);
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

/*
 * Shoot-downs: a thread on the other CPU reads or writes one page without end while root takes it away here. No access that began after the call
 * returned may succeed.
 */
enum {
	SHOTS = 40,
	TOUCHES = 1000, /* before it is taken away */
};

#define PAGE_AT 0x74000000ull

enum shot { SHOT_UNMAP, SHOT_WRITE_PROTECT, SHOT_REVOKE, SHOT_KINDS };

/* Shared words: 0 accesses, 1 root's call has returned, 2 accesses that succeeded though they began then, 3 it writes, 4 the value it read. */
static void toucher(void)
{
	volatile uint64_t *page = (volatile uint64_t *)PAGE_AT, *shared = kt_shared();
	bool writes = shared[3];

	for (;;) {
		bool late = shared[1];

		if (writes)
			*page = shared[0];
		else
			shared[4] = *page;
		if (late)
			shared[2]++;
		shared[0]++;
	}
}

static enum status shoot(enum shot kind, const struct domain *d, sel_t mo)
{
	if (kind == SHOT_REVOKE)
		return sys_revoke(mo, REVOKE_CHILDREN);
	return sys_unmap(d->pd, PAGE_AT, PAGE_SIZE);
}

/* True: the thread stopped at its first access after the call. */
static bool one_shot(enum shot kind, sel_t mo)
{
	struct domain d;
	bool good;

	domain_make(&d, KT_FRAMES);
	d.shared[3] = kind == SHOT_WRITE_PROTECT;
	lab_must(sys_map(mo, d.pd, PAGE_AT, 0, PAGE_SIZE, RIGHT_RW), "map the page");
	domain_run(&d, 1, KT_PRIO, toucher);
	UNTIL(d.shared[0] > TOUCHES);
	lab_must(shoot(kind, &d, mo), "take it away");
	d.shared[1] = 1;
	if (kind == SHOT_WRITE_PROTECT)
		lab_must(sys_map(mo, d.pd, PAGE_AT, 0, PAGE_SIZE, RIGHT_R), "map it to be read");
	UNTIL(state_of(d.ec) == EC_STATE_FAULTED);
	good = d.shared[0] > TOUCHES && state_of(d.ec) == EC_STATE_FAULTED && d.shared[2] == 0;
	domain_end(&d);
	return good;
}

static void test_shoot_down(void)
{
	static const char *const what[SHOT_KINDS] = {
		"after an unmap no CPU reads the page",
		"after a write-protection no CPU writes it",
		"after a revoke no CPU reads the page",
	};
	sel_t mo = lab_memory(PAGE_SIZE, PAGE_SIZE);

	for (enum shot kind = 0; kind < SHOT_KINDS; kind++) {
		bool good = true;

		for (unsigned i = 0; i < SHOTS && good; i++) {
			struct lab_mark mark = lab_mark();

			good = one_shot(kind, mo);
			if (good)
				lab_release(mark);
		}
		lab_check(good, what[kind]);
	}
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

void test_cpus(void)
{
	test_fpu();
	if (lab_root->cpu_count < 2)
		return;
	test_ping_pong();
	test_remote_death();
	test_mapping_race();
	test_shoot_down();
}
