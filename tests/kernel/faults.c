// SPDX-License-Identifier: Apache-2.0
/* A domain tries what it was not given; each try is an exception that root is told of, and nothing else happens. */
#include "tests/kernel/ktest.h"

enum {
	VECTOR_UD = 6,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_DE = 0,
	VECTOR_BP_GP = VECTOR_GP, /* int n: no gate is open */
	ERROR_PRESENT = 1,
	ERROR_WRITE = 2,
	ERROR_USER = 4,
	ERROR_FETCH = 16,
};

static void touch_null(void)
{
	uint64_t null = 0x10;

	__asm__ volatile("movq $1, (%0)" : : "r"(null) : "memory");
	kt_stop();
}

static void touch_kernel(void)
{
	(void)*(volatile uint64_t *)0xffffffff80000000;
	kt_stop();
}

static void touch_pool(void)
{
	*(volatile uint64_t *)0xffffff0000000000 = 1;
	kt_stop();
}

static void touch_other(void)
{
	(void)*(volatile uint64_t *)ROOT_INFO_VA;
	kt_stop();
}

static void write_text(void)
{
	*(volatile uint8_t *)(uint64_t)write_text = 0x90;
	kt_stop();
}

static void run_data(void)
{
	((void (*)(void))KT_SHARED)();
	kt_stop();
}

static void use_port(void)
{
	__asm__ volatile("outb %0, %1" : : "a"((uint8_t)0), "Nd"((uint16_t)0x3f8));
	kt_stop();
}

static void use_last_port(void)
{
	__asm__ volatile("inb %%dx, %%al" : : "d"(0xffff) : "eax");
	kt_stop();
}

static void use_msr(void)
{
	__asm__ volatile("rdmsr" : : "c"(0xc0000080) : "eax", "edx");
	kt_stop();
}

static void use_cli(void)
{
	__asm__ volatile("cli");
	kt_stop();
}

static void use_cr(void)
{
	__asm__ volatile("mov %%cr4, %%rax" : : : "rax");
	kt_stop();
}

static void use_sgdt(void)
{
	char gdt[10];

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	kt_stop();
}

static void use_int(void)
{
	__asm__ volatile("int $0x80");
	kt_stop();
}

static void use_timer_vector(void)
{
	__asm__ volatile("int $240");
	kt_stop();
}

static void use_vmrun(void)
{
	__asm__ volatile("xor %%eax, %%eax; .byte 0x0f, 0x01, 0xd8" : : : "rax");
	kt_stop();
}

static void use_sysret(void)
{
	__asm__ volatile("sysretq");
	kt_stop();
}

static void use_no_address(void)
{
	__asm__ volatile("mov $0x8000000000000000, %%rax; mov (%%rax), %%rax" : : : "rax");
	kt_stop();
}

static void divide(void)
{
	__asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; xor %%edx, %%edx; div %%ecx"
			 :
			 :
			 : "rax", "rcx", "rdx");
	kt_stop();
}

static const struct
try {
	const char *what;
	void (*fn)(void);
	uint64_t vector;
	uint64_t error; /* bits that must be set */
}
tries[] = {
	{ "a domain tries the page at 0: told, and stopped", touch_null, VECTOR_PF,
	  ERROR_WRITE | ERROR_USER },
	{ "a domain tries kernel code: told, and stopped", touch_kernel, VECTOR_PF, ERROR_USER },
	{ "a domain tries kernel memory: told, and stopped", touch_pool, VECTOR_PF,
	  ERROR_WRITE | ERROR_USER },
	{ "a domain tries a page of another domain: told, and stopped", touch_other, VECTOR_PF,
	  ERROR_USER },
	{ "a domain tries writing to code: told, and stopped", write_text, VECTOR_PF,
	  ERROR_WRITE | ERROR_PRESENT },
	{ "a domain tries running data: told, and stopped", run_data, VECTOR_PF,
	  ERROR_FETCH | ERROR_PRESENT },
	{ "a domain tries a port not granted: told, and stopped", use_port, VECTOR_GP, 0 },
	{ "a domain tries the last port: told, and stopped", use_last_port, VECTOR_GP, 0 },
	{ "a domain tries an MSR: told, and stopped", use_msr, VECTOR_GP, 0 },
	{ "a domain tries cli: told, and stopped", use_cli, VECTOR_GP, 0 },
	{ "a domain tries a control register: told, and stopped", use_cr, VECTOR_GP, 0 },
	{ "a domain tries sgdt (UMIP): told, and stopped", use_sgdt, VECTOR_GP, 0 },
	{ "a domain tries int 0x80: told, and stopped", use_int, VECTOR_BP_GP, 0 },
	{ "a domain tries the timer's vector: told, and stopped", use_timer_vector, VECTOR_BP_GP,
	  0 },
	{ "a domain tries vmrun: told, and stopped", use_vmrun, VECTOR_GP, 0 },
	{ "a domain tries sysret: told, and stopped", use_sysret, VECTOR_GP, 0 },
	{ "a domain tries what is no address: told, and stopped", use_no_address, VECTOR_GP, 0 },
	{ "a domain tries dividing by zero: told, and stopped", divide, VECTOR_DE, 0 },
};

static void run_try(const struct try *t, sel_t done)
{
	struct domain d;
	uint64_t before = seen.count, v;
	bool good;
	sel_t pt = fault_portal(0, done, 77);

	domain_make(&d, KT_FRAMES);
	domain_run(&d, 0, 0, t->fn);
	lab_must(sys_ctrl_ec(d.ec, EC_SET_FAULT_PT, pt, 0, &v, &v), "set fault portal");
	lab_must(sys_create_sc(d.sc, d.pd, d.ec, KT_PRIO, 0, 0), "create sc");
	wait_sm(done, 1000);
	UNTIL(state_of(d.ec) == EC_STATE_FAULTED);
	good = seen.count == before + 1 && seen.id == 77 && seen.vector == t->vector &&
	       (seen.error & t->error) == t->error && state_of(d.ec) == EC_STATE_FAULTED;
	if (!lab_check(good, t->what)) {
		lab_number(seen.vector);
		lab_text(" vector, error ");
		lab_number(seen.error);
		lab_text("\n");
	}
	domain_end(&d);
}

static void test_unhandled(void)
{
	struct domain d;

	domain_make(&d, KT_FRAMES);
	domain_run(&d, 0, KT_PRIO, touch_null);
	UNTIL(state_of(d.ec) == EC_STATE_FAULTED);
	lab_equal(state_of(d.ec), EC_STATE_FAULTED,
		  "without a portal the thread stops, and the rest goes on");
	domain_end(&d);
}

static void resume_entry(uint64_t id, uint64_t words)
{
	struct utcb *u = utcb_self();

	(void)id;
	(void)words;
	u->msg[0] = FAULT_REPLY_SET;
	u->msg[FAULT_IP] += 2; /* behind ud2 */
	u->msg[FAULT_RAX] = 4711;
	u->msg[FAULT_FLAGS] = ~0ull;
	sys_ipc_reply_wait(FAULT_WORDS);
}

static void undefined(void)
{
	uint64_t v = 0, flags;

	__asm__ volatile("ud2; pushfq; pop %1" : "+a"(v), "=r"(flags));
	kt_shared()[0] = v;
	kt_shared()[1] = flags;
	kt_stop();
}

static void test_resume(void)
{
	struct domain d;
	sel_t mo, ec = lab_sel(), pt = lab_sel();
	uint64_t stack = (uint64_t)lab_alloc(0x4000, &mo) + 0x4000, v;

	lab_must(sys_create_ec(ec, lab_root->pd, EC_LOCAL, lab_va(1), stack - 8, 0),
		 "create handler");
	lab_must(sys_create_pt(pt, lab_root->pd, ec, (uint64_t)resume_entry, 0), "create portal");
	domain_make(&d, KT_FRAMES);
	domain_run(&d, 0, 0, undefined);
	lab_must(sys_ctrl_ec(d.ec, EC_SET_FAULT_PT, pt, 0, &v, &v), "set fault portal");
	lab_must(sys_create_sc(d.sc, d.pd, d.ec, KT_PRIO, 0, 0), "create sc");
	UNTIL(d.shared[1]);
	lab_equal(d.shared[0], 4711, "a handler may change registers and go on");
	lab_equal(d.shared[1] & 0x3f7000 & ~0x10000ull, 0, "but not flags that are the kernel's");
	domain_end(&d);
}

void test_faults(void)
{
	sel_t done = lab_sel();

	lab_must(sys_create_sm(done, lab_root->pd, 0), "create sm");
	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		run_try(&tries[i], done);
	test_unhandled();
	test_resume();
}
