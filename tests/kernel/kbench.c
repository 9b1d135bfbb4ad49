// SPDX-License-Identifier: Apache-2.0
/* What kernel calls cost: instructions under icount, median of all samples, printed as JSON lines. */
#include "tests/kernel/ktest.h"

enum {
	SAMPLES = 2048,
	PEER_IPC = 395, /* seL4 on the same emulator: call and reply-wait between address spaces */
	PEER_SYSCALL = 340, /* Linux 6.1 */
	PEER_IPC_10 = 1572, /* seL4, 10 words */
	PEER_FAULT = 1303,  /* seL4, fault to handler and back */
	PEER_WAKE = 11461,  /* Linux 6.1: two FIFO threads by futex */
};

const char *lab_name = "kbench";

static uint32_t sample[SAMPLES];
static sel_t pt, bench_sm, fault_pt;

static void report(const char *name, uint32_t peer)
{
	for (uint32_t i = 1; i < SAMPLES; i++) {
		uint32_t x = sample[i], k = i;

		for (; k && sample[k - 1] > x; k--)
			sample[k] = sample[k - 1];
		sample[k] = x;
	}
	lab_text("{\"name\": \"");
	lab_text(name);
	lab_text("\", \"value\": ");
	lab_number(sample[SAMPLES / 2]);
	lab_text(", \"unit\": \"instructions\", \"peer\": ");
	if (peer)
		lab_number(peer);
	else
		lab_text("null");
	lab_text("}\n");
}

static inline uint64_t ticks(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

#define MEASURE(name, peer, ...)                                 \
	do {                                                     \
		for (uint32_t i = 0; i < SAMPLES; i++) {         \
			uint64_t start = ticks();                \
			__VA_ARGS__;                             \
			sample[i] = (uint32_t)(ticks() - start); \
		}                                                \
		report(name, peer);                              \
	} while (0)

/* The shortest server: replies what it got. rsi is the number of words, as ipc_reply_wait wants it in rdi. */
__asm__(".text\n"
	"echo_entry:\n"
	"	mov %rsi, %rdi\n"
	"	mov $1, %eax\n"
	"	syscall\n");
void echo_entry(uint64_t id, uint64_t words);

static void resume_entry(uint64_t id, uint64_t words)
{
	struct utcb *u = utcb_self();

	(void)id;
	(void)words;
	u->msg[0] = FAULT_REPLY_SET;
	u->msg[FAULT_IP] += 2;
	sys_ipc_reply_wait(FAULT_WORDS);
}

static void measure_faults(void)
{
	uint64_t v;

	lab_must(sys_ctrl_ec(lab_root->ec, EC_SET_FAULT_PT, fault_pt, 0, &v, &v),
		 "set fault portal");
	MEASURE("fault_to_handler", PEER_FAULT, __asm__ volatile("ud2" : : : "memory"));
}

static void measure_wake(void)
{
	uint64_t count;

	MEASURE("sm_up_down", 0, (void)!sys_ctrl_sm(bench_sm, SM_UP, 0, &count);
		(void)!sys_ctrl_sm(bench_sm, SM_DOWN, 0, &count));
}

/* Two threads of equal priority in two domains take turns by semaphores. */
static void partner(void)
{
	uint64_t count;

	for (;;) {
		(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &count);
		(void)!sys_ctrl_sm(KT_SEL_PT, SM_UP, 0, &count);
	}
}

static void measure_switch(void)
{
	struct domain d;
	uint64_t count;

	domain_make(&d, KT_FRAMES);
	lab_must(sys_delegate(bench_sm, d.pd, KT_SEL_PT, RIGHT_ALL), "delegate");
	domain_run(&d, 0, 255, partner);
	MEASURE("sm_switch_roundtrip", PEER_WAKE, (void)!sys_ctrl_sm(d.sm, SM_UP, 0, &count);
		(void)!sys_ctrl_sm(bench_sm, SM_DOWN, 0, &count));
	domain_end(&d);
}

static void measure_memory(void)
{
	sel_t mo = lab_memory(0x400000, 0x200000), part = lab_sel();
	uint64_t va = 0x700000000;

	MEASURE("map_unmap_page", 0,
		(void)!sys_map(mo, lab_root->pd, va + 0x1000, 0, PAGE_SIZE, RIGHT_RW);
		(void)!sys_unmap(lab_root->pd, va + 0x1000, PAGE_SIZE));
	MEASURE("map_unmap_large", 0,
		(void)!sys_map(mo, lab_root->pd, va + 0x200000, 0, 0x200000, RIGHT_RW);
		(void)!sys_unmap(lab_root->pd, va + 0x200000, 0x200000));
	MEASURE("derive_revoke", 0, (void)!sys_derive(part, mo, 0, PAGE_SIZE, RIGHT_R);
		(void)!sys_revoke(part, REVOKE_SELF));
}

int lab_main(void)
{
	struct domain d;
	uint64_t back;
	sel_t mo, ec = lab_sel();
	uint64_t stack = (uint64_t)lab_alloc(0x4000, &mo) + 0x4000;

	domain_make(&d, KT_FRAMES);
	pt = domain_server(&d, 0, echo_entry, 0);
	bench_sm = lab_sel();
	fault_pt = lab_sel();
	lab_must(sys_create_sm(bench_sm, lab_root->pd, 0), "create sm");
	lab_must(sys_create_ec(ec, lab_root->pd, EC_LOCAL, lab_va(1), stack - 8, 0),
		 "create handler");
	lab_must(sys_create_pt(fault_pt, lab_root->pd, ec, (uint64_t)resume_entry, 0),
		 "create portal");
	MEASURE("rdtsc_rdtsc", 0, (void)0);
	MEASURE("syscall_null", PEER_SYSCALL, (void)!sys_ctrl_sc(SEL_NULL, &back));
	MEASURE("ipc_roundtrip", PEER_IPC, (void)!sys_ipc_call(pt, 0, &back));
	MEASURE("ipc_roundtrip_8w", PEER_IPC_10, (void)!sys_ipc_call(pt, 8, &back));
	MEASURE("ipc_roundtrip_10_words", PEER_IPC_10, (void)!sys_ipc_call(pt, 10, &back));
	measure_faults();
	measure_wake();
	measure_switch();
	measure_memory();
	return 0;
}
