// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that tries all that the processor has: instructions that exit or that no guest is offered, in ring 0 and ring 3; every MSR of the
 * ranges that exist; every CPUID leaf; traps where a VMM that skips an instruction forgets them. Each answer is held against the manuals.
 */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile.h"

/* What may happen: bit n is exception n, NONE is none. */
#define BIT(n) (UINT32_C(1) << (n))
#define NONE   BIT(31)
#define DE     BIT(0)
#define DB     BIT(1)
#define BP     BIT(3)
#define UD     BIT(VECTOR_UD)
#define NP     BIT(11)
#define GP     BIT(VECTOR_GP)
#define SKIP   0u

/*
 * Text; what may happen in ring 0 and in ring 3; error code; rax, rcx, rdx. rdi: 64 bytes of data that begin with a far pointer to the TSS.
 * Where two things are allowed, either the vendors differ or the emulator lets pass what CPUID does not offer, and nothing leaks by it.
 */
#define CASES(X)                                                                   \
	X("vmrun %rax", UD, UD | GP, 0, 0x1000, 0, 0)                              \
	X("vmload %rax", UD, UD | GP, 0, 0x1000, 0, 0)                             \
	X("vmsave %rax", UD, UD | GP, 0, 0x1000, 0, 0)                             \
	X("stgi", UD, UD | GP, 0, 0, 0, 0)                                         \
	X("clgi", UD, UD | GP, 0, 0, 0, 0)                                         \
	X("skinit", UD, UD | GP, 0, 0, 0, 0)                                       \
	X("invlpga", UD, UD | GP, 0, 0, 0, 0)                                      \
	X(".byte 0x0f, 0x01, 0xfe", UD, UD | GP, 0, 0, 0, 0)       /* invlpgb */   \
	X(".byte 0x0f, 0x01, 0xff", UD, UD | GP, 0, 0, 0, 0)       /* tlbsync */   \
	X(".byte 0x0f, 0x01, 0xfd", UD, UD, 0, 0, 0, 0)            /* rdpru */     \
	X(".byte 0xf3, 0x0f, 0x01, 0xfa", UD, UD, 0, 0, 0, 0)      /* mcommit */   \
	X(".byte 0xf3, 0x0f, 0x01, 0xff", UD, UD | GP, 0, 0, 0, 0) /* psmash */    \
	X(".byte 0xf2, 0x0f, 0x01, 0xff", UD, UD | GP, 0, 0, 0, 0) /* pvalidate */ \
	X("vmmcall", NONE | UD, NONE | UD, 0, 5, 0, 0)                             \
	X("vmcall", NONE | UD, NONE | UD, 0, 5, 0, 0)                              \
	X("vmlaunch", UD, UD | GP, 0, 0, 0, 0)                                     \
	X("vmresume", UD, UD | GP, 0, 0, 0, 0)                                     \
	X("vmxoff", UD, UD | GP, 0, 0, 0, 0)                                       \
	X("vmxon (%rdi)", UD, UD | GP, 0, 0, 0, 0)                                 \
	X("vmclear (%rdi)", UD, UD | GP, 0, 0, 0, 0)                               \
	X("vmptrld (%rdi)", UD, UD | GP, 0, 0, 0, 0)                               \
	X("vmptrst (%rdi)", UD, UD | GP, 0, 0, 0, 0)                               \
	X("vmread %rax, %rcx", UD, UD | GP, 0, 0, 0, 0)                            \
	X("vmwrite %rax, %rcx", UD, UD | GP, 0, 0, 0, 0)                           \
	X("invept (%rdi), %rax", UD, UD | GP, 0, 1, 0, 0)                          \
	X("invvpid (%rdi), %rax", UD, UD | GP, 0, 1, 0, 0)                         \
	X("vmfunc", UD, UD, 0, 0, 0, 0)                                            \
	X("getsec", UD, UD | GP, 0, 0, 0, 0)                                       \
	X("rsm", UD, UD, 0, 0, 0, 0)                                               \
	X("encls", UD, UD, 0, 0, 0, 0)                                             \
	X("enclu", UD, UD, 0, 0, 0, 0)                                             \
	X("pconfig", UD, UD | GP, 0, 0, 0, 0)                                      \
	X(".byte 0x66, 0x0f, 0x01, 0xcf", UD, UD, 0, 0, 0, 0) /* seamcall */       \
	X("monitor", UD, UD, 0, 0, 0, 0)                                           \
	X("mwait", UD, UD, 0, 0, 0, 0)                                             \
	X("monitorx", UD, UD, 0, 0, 0, 0)                                          \
	X("mwaitx", UD, UD, 0, 0, 0, 0)                                            \
	X("tpause %eax", UD | NONE, UD | NONE, 0, 0, 0, 0)                         \
	X("umwait %eax", UD | NONE, UD | NONE, 0, 0, 0, 0)                         \
	X("rdpmc", GP, GP, 0, 0, 0, 0)                                             \
	X("rdpmc", GP, GP, 0, 0, 0x40000000, 0)                                    \
	X("rdtscp", UD | NONE, UD | NONE, 0, 0, 0, 0)                              \
	X("rdpid %rax", UD | NONE, UD | NONE, 0, 0, 0, 0)                          \
	X("rdtsc", NONE, NONE, 0, 0, 0, 0)                                         \
	X("xgetbv", UD, UD, 0, 0, 0, 0) /* CR4.OSXSAVE is off */                   \
	X("xsetbv", UD, UD | GP, 0, 1, 0, 0)                                       \
	X("xsave (%rdi)", UD, UD, 0, 0, 0, 0)                                      \
	X("xsaves (%rdi)", UD, UD, 0, 0, 0, 0)                                     \
	X("rdpkru", UD, UD, 0, 0, 0, 0)                                            \
	X("wrpkru", UD, UD, 0, 0, 0, 0)                                            \
	X("rdfsbase %rax", UD, UD, 0, 0, 0, 0)                                     \
	X("wrgsbase %rax", UD, UD, 0, 0, 0, 0)                                     \
	X("setssbsy", UD, UD, 0, 0, 0, 0)                                          \
	X(".byte 0xf3, 0x0f, 0xc7, 0xf0", UD, UD, 0, 0, 0, 0) /* senduipi */       \
	X("xbegin 3f; 3:", UD | NONE, UD | NONE, 0, 0, 0, 0)                       \
	X("cpuid", NONE, NONE, 0, 0, 0, 0)                                         \
	X("invd", NONE, GP, 0, 0, 0, 0)                                            \
	X("wbinvd", NONE, GP, 0, 0, 0, 0)                                          \
	X("hlt", SKIP, GP, 0, 0, 0, 0)                                             \
	X("cli", NONE, GP, 0, 0, 0, 0)                                             \
	X("sti", SKIP, GP, 0, 0, 0, 0)                                             \
	X("in $0x80, %al", NONE, GP, 0, 0, 0, 0)                                   \
	X("out %al, $0x80", NONE, GP, 0, 0, 0, 0)                                  \
	X("out %al, $0xf4", SKIP, GP, 0, 0, 0, 0)                                  \
	X("outsb", SKIP, GP, 0, 0, 0, 0xf4)                                        \
	X("rep insl", SKIP, GP, 0, 0, 9, 0xf4)                                     \
	X("rdmsr", NONE, GP, 0, 0, 0x10, 0)                                        \
	X("wrmsr", SKIP, GP, 0, 0, 0xc0000080, 0)                                  \
	X("mov %cr0, %rax", NONE, GP, 0, 0, 0, 0)                                  \
	X("mov %rax, %cr0", SKIP, GP, 0, 0, 0, 0)                                  \
	X("mov %rax, %cr3", SKIP, GP, 0, 0, 0, 0)                                  \
	X("mov %rax, %cr4", SKIP, GP, 0, 0, 0, 0)                                  \
	X("mov %rax, %cr8", NONE, GP, 0, 0, 0, 0)                                  \
	X(".byte 0x0f, 0x20, 0xc8", UD, UD | GP, 0, 0, 0, 0)       /* CR1 */       \
	X(".byte 0x0f, 0x22, 0xe8", UD, UD | GP, 0, 0, 0, 0)       /* CR5 */       \
	X(".byte 0x44, 0x0f, 0x22, 0xf8", UD, UD | GP, 0, 0, 0, 0) /* CR15 */      \
	X("mov %dr7, %rax", NONE, GP, 0, 0, 0, 0)                                  \
	X("mov %rax, %dr0", NONE, GP, 0, 0, 0, 0)                                  \
	X("mov %dr4, %rax", NONE, GP, 0, 0, 0, 0) /* CR4.DE is off: DR6 */         \
	X("clts", NONE, GP, 0, 0, 0, 0)                                            \
	X("smsw %eax", NONE, NONE, 0, 0, 0, 0)                                     \
	X("lmsw %ax", NONE, GP, 0, 0x33, 0, 0)                                     \
	X("sgdt (%rdi)", SKIP, NONE, 0, 0, 0, 0)                                   \
	X("lgdt (%rdi)", SKIP, GP, 0, 0, 0, 0)                                     \
	X("lidt (%rdi)", SKIP, GP, 0, 0, 0, 0)                                     \
	X("sldt %eax", NONE, NONE, 0, 0, 0, 0)                                     \
	X("lldt %ax", NONE, GP, 0, 0, 0, 0)                                        \
	X("lldt %ax", GP, SKIP, SEL_DATA, SEL_DATA, 0, 0)                          \
	X("ltr %ax", GP, SKIP, SEL_DATA, SEL_DATA, 0, 0)                           \
	X("ltr %ax", GP, SKIP, SEL_TSS, SEL_TSS, 0, 0) /* busy */                  \
	X("mov %eax, %ds", GP, GP, 0xfff8, 0xfff8, 0, 0)                           \
	X("mov %eax, %ss", GP, SKIP, SEL_USER_DATA & ~3, SEL_USER_DATA, 0, 0)      \
	X(".byte 0x48; ljmp *(%rdi)", GP, GP, SEL_TSS, 0, 0,                       \
	  0) /* no task switches in long mode */                                   \
	X("lcall *(%rdi)", GP, GP, SEL_TSS, 0, 0, 0)                               \
	X("invlpg (%rdi)", NONE, GP, 0, 0, 0, 0)                                   \
	X("swapgs", NONE, GP, 0, 0, 0, 0)                                          \
	X("syscall", UD, UD, 0, 0, 0, 0) /* EFER.SCE is off */                     \
	X("sysretl", UD, UD | GP, 0, 0, 0, 0)                                      \
	X("sysenter", GP | UD, GP | UD, 0, 0, 0, 0)                                \
	X("sysexitl", GP | UD, GP | UD, 0, 0, 0, 0)                                \
	X("ud2", UD, UD, 0, 0, 0, 0)                                               \
	X(".byte 0x0f, 0xff, 0xc0", UD, UD, 0, 0, 0, 0) /* ud0 */                  \
	X(".byte 0x0f, 0xb9, 0xc0", UD, UD, 0, 0, 0, 0) /* ud1 */                  \
	X("int3", BP, BP, 0, 0, 0, 0)                                              \
	X(".byte 0xf1", DB | UD, DB | UD, 0, 0, 0, 0)                              \
	X("int $0x20", SKIP, GP, 0x20 * 8 + 2, 0, 0, 0)                            \
	X("int $0x55", NP, SKIP, 0x55 * 8 + 2, 0, 0, 0)                            \
	X(".byte 0xce", UD, UD, 0, 0, 0, 0) /* into */                             \
	X("div %cl", DE, DE, 0, 1, 0, 0)                                           \
	X("mov (%rax), %cl", GP, GP, 0, UINT64_C(0x800000000000), 0, 0)            \
	X("movaps 1(%rdi), %xmm0", GP, GP, 0, 0, 0, 0)                             \
	X(".byte 0xf0; nop", UD, UD, 0, 0, 0, 0)                                   \
	X(".byte 0xf0; mov %al, (%rdi)", UD | NONE, UD | NONE, 0, 0, 0, 0)         \
	X(".fill 15, 1, 0x66; nop", GP, GP, 0, 0, 0, 0)

#define ASM(text, ...)              \
	"1: " text "\n	int $0x80\n" \
	".pushsection .rodata.cases, \"a\"\n .quad 1b\n .popsection\n"
__asm__(".pushsection .rodata.cases, \"a\"\n .balign 8\n case_code:\n .popsection\n .text\n" CASES(
	ASM));

extern const uint64_t case_code[];

static const struct insn_case {
	const char *text;
	uint32_t ring0, ring3;
	uint64_t error, rax, rcx, rdx;
} cases[] = {
#define ENTRY(...) { __VA_ARGS__ },
	CASES(ENTRY)
};

enum { CASE_COUNT = sizeof(cases) / sizeof(cases[0]) };

static uint64_t data[64] __attribute__((aligned(64)));

/* The emulator's error code for a gate in long mode counts 16 bytes a gate. */
static bool same_error(uint64_t error, uint64_t want)
{
	return error == want || ((want & 2) && error == (want - 2) * 2 + 2);
}

static void run_case(unsigned n, bool user)
{
	const struct insn_case *c = &cases[n];
	uint32_t allowed = user ? c->ring3 : c->ring0, got;
	struct guest_run r = guest_ready((const void *)case_code[n], user);

	if (allowed == SKIP)
		return;
	data[0] = (uint64_t)SEL_TSS << 32;
	data[1] = SEL_TSS;
	r.gpr[RAX] = c->rax;
	r.gpr[RCX] = c->rcx;
	r.gpr[RDX] = c->rdx;
	r.gpr[RDI] = (uint64_t)data;
	guest_run(&r);
	got = r.vector == VECTOR_END ? NONE : BIT(r.vector & 31);
	if (!(got & allowed))
		guest_bad(c->text, user ? "in ring 3: vector, error" : "in ring 0: vector, error",
			  r.vector, r.error);
	else if ((got & (GP | NP)) && !same_error(r.error, c->error))
		guest_bad(c->text, "error code, wanted", r.error, c->error);
	else if ((got & (UD | GP | NP)) && r.rip != case_code[n])
		guest_bad(c->text, "exception at the wrong place: rip, wanted", r.rip,
			  case_code[n]);
}

static void test_instructions(void)
{
	guest_begin();
	guest_gate(0x55, false);
	for (unsigned n = 0; n < CASE_COUNT; n++) {
		run_case(n, false);
		run_case(n, true);
	}
	guest_gate(0x55, true);
	guest_end("instructions of every kind were tried in ring 0 and ring 3");
}

/* --- hypercalls --- */

__asm__("call_amd: vmmcall\n	int $0x80\ncall_intel: vmcall\n	int $0x80\n");
extern const uint8_t call_amd[], call_intel[];

static void test_hypercall(void)
{
	struct guest_run amd = guest_ready(call_amd, false), intel = guest_ready(call_intel, false);
	const struct guest_run *good;

	amd.gpr[RAX] = intel.gpr[RAX] = 5;
	guest_run(&amd);
	guest_run(&intel);
	good = amd.vector == VECTOR_END ? &amd : &intel;
	guest_check(good->vector == VECTOR_END && good->gpr[RAX] == (uint64_t)-1000,
		    "a hypercall is answered: unknown");
}

/* --- CPUID --- */

static const struct range leaves[] = { { 0, 0x200 },
				       { 0x40000000, 0x40000200 },
				       { 0x80000000, 0x80000200 },
				       { 0x8ffffff0, 0x90000010 },
				       { 0xc0000000, 0xc0000010 },
				       { 0xfffffff0, 0xffffffff } };

static void test_cpuid(void)
{
	uint32_t r[4], again[4], changed = 0;

	for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
		for (uint64_t leaf = leaves[i].first; leaf <= leaves[i].last; leaf++)
			for (uint32_t sub = 0; sub < (leaf < 0x20 ? 66u : 2u); sub++) {
				cpuid((uint32_t)leaf, sub, r);
				cpuid((uint32_t)leaf, sub, again);
				for (unsigned k = 0; k < 4; k++)
					changed += r[k] != again[k];
			}
	guest_equal(changed, 0, "CPUID, all leaves and subleaves: the same answer twice");
	cpuid(1, 0, r);
	guest_check(!(r[2] & (BIT(3) | BIT(5) | BIT(6))) && (r[2] & NONE),
		    "no MONITOR, VMX or SMX, and a hypervisor says so");
	cpuid(0x80000001, 0, r);
	guest_check(!(r[2] & BIT(2)) && !(r[3] & BIT(27)), "no SVM, no RDTSCP");
	cpuid(0x8000000a, 0, r);
	guest_check(!(r[0] | r[1] | r[2] | r[3]), "no SVM leaf");
	cpuid(7, 0, r);
	guest_check(!(r[1] & (BIT(2) | BIT(4) | BIT(11))) && !(r[3] & (BIT(26) | BIT(27))),
		    "no SGX, no transactions, no speculation controls");
}

/* --- extended state --- */

__asm__("xcr_set: xsetbv\n	int $0x80\n");
extern const uint8_t xcr_set[];

static uint64_t read_xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

static uint64_t set_xcr(uint32_t index, uint64_t value, bool user)
{
	struct guest_run r = guest_ready(xcr_set, user);

	r.gpr[RCX] = index;
	r.gpr[RAX] = (uint32_t)value;
	r.gpr[RDX] = value >> 32;
	guest_run(&r);
	return r.vector;
}

static bool xcr0_valid(uint64_t v, uint64_t offered)
{
	if ((v & ~offered) || !(v & 1) || ((v & 4) && !(v & 2)))
		return false;
	return !(v & 0xe0) || ((v & 0xe0) == 0xe0 && (v & 4));
}

/* What an emulator without the intercept lets in does not live longer than to the next exit. */
static void try_xcr0(uint64_t v, uint64_t offered)
{
	uint64_t got = set_xcr(0, v, false), now;
	uint32_t r[4];

	cpuid(0, 0, r);
	now = read_xcr0();
	if ((now & ~offered) || !(now & 1) || (got != VECTOR_END && got != VECTOR_GP))
		guest_bad("XCR0 has what was offered, whatever is tried", "value, has", v, now);
	if (xcr0_valid(v, offered) && (got != VECTOR_END || now != v))
		guest_bad("XCR0 takes what is valid", "value, vector", v, got);
}

static void test_xcr(void)
{
	uint64_t cr4, offered, before;
	uint32_t r[4];

	cpuid(1, 0, r);
	if (!(r[2] & BIT(26)))
		return (void)guest_check(true, "no XSAVE here");
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 1 << 18));
	cpuid(0xd, 0, r);
	offered = r[0] | (uint64_t)r[3] << 32;
	before = read_xcr0();
	guest_begin();
	for (uint32_t v = 0; v < 0x1000; v++)
		try_xcr0(v, offered);
	for (unsigned bit = 12; bit < 64; bit++)
		if (set_xcr(0, 3 | UINT64_C(1) << bit, false) != VECTOR_GP)
			guest_bad("XCR0 refuses unknown bits", "bit, -", bit, 0);
	guest_check(set_xcr(1, 1, false) == VECTOR_GP &&
			    set_xcr(UINT32_MAX, 1, false) == VECTOR_GP &&
			    set_xcr(0, 1, true) == VECTOR_GP,
		    "other registers and ring 3 are refused");
	set_xcr(0, before, false);
	guest_end("XCR0 takes what is valid, and nothing else");
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

/* --- debug registers --- */

__asm__("dr_plain: nop\n	nop\n	int $0x80\n"
	"dr_guard: mov %dr0, %rax\n	int $0x80\n"
	"dr_write: mov %rax, %dr7\n	int $0x80\n"
	"dr6_write: mov %rax, %dr6\n	int $0x80\n"
	"dr_alias: mov %dr5, %rax\n	int $0x80\n");
extern const uint8_t dr_plain[], dr_guard[], dr_write[], dr6_write[], dr_alias[];

static uint64_t read_dr6(void)
{
	uint64_t v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

static void set_dr(uint64_t dr0, uint64_t dr7)
{
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr6; mov %2, %%dr7"
			 :
			 : "r"(dr0), "r"(UINT64_C(0xffff0ff0)), "r"(dr7));
}

static void test_debug(void)
{
	struct guest_run r = guest_ready(dr_plain, false);
	uint64_t cr4;

	set_dr((uint64_t)dr_plain + 1, 0x402);
	guest_run(&r);
	guest_check(r.vector == VECTOR_DB && r.rip == (uint64_t)dr_plain + 1 && (read_dr6() & 1),
		    "a breakpoint of the guest's own traps");
	set_dr(0, 0x400 | 0x2000); /* GD; the trap clears it */
	r = guest_ready(dr_guard, false);
	guest_run(&r);
	guest_check((r.vector == VECTOR_DB && r.rip == (uint64_t)dr_guard) ||
			    r.vector == VECTOR_END,
		    "guarded debug registers trap (the emulator knows no guard)");
	set_dr(0, 0x400);
	r = guest_ready(dr_write, false);
	r.gpr[RAX] = UINT64_C(1) << 32;
	guest_run(&r);
	guest_check(r.vector == VECTOR_GP || r.vector == VECTOR_END,
		    "the upper half of DR7 is tried");
	r = guest_ready(dr6_write, false);
	r.gpr[RAX] = UINT64_MAX;
	guest_run(&r);
	guest_check(r.vector == VECTOR_GP || r.vector == VECTOR_END, "and that of DR6");
	set_dr(0, 0x400);
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | 8));
	r = guest_ready(dr_alias, false);
	guest_run(&r);
	guest_equal(r.vector, VECTOR_UD, "DR5 is undefined with CR4.DE");
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

/* --- single steps over what exits --- */

#define STEPS(X)                                \
	X("nop", 0, 0, 0)                       \
	X("cpuid", 0, 0, 0)                     \
	X("rdmsr", 0, 0x1a0, 0)                 \
	X("wrmsr", 0, 0x8b, 0)                  \
	X("in %dx, %al", 0, 0, 0x80)            \
	X("out %al, %dx", 0, 0, 0x80)           \
	X("wbinvd", 0, 0, 0)                    \
	X("mov (%rax), %ecx", 0xfec00000, 0, 0) \
	X("movl $0, (%rax)", 0xfec00000, 0, 0)  \
	X("mov %rax, %cr8", 0, 0, 0)            \
	X("mov %dr7, %rax", 0, 0, 0)

#define STEP_ASM(text, ...)                 \
	"1: " text "\n2:	nop\n	int $0x80\n" \
	".pushsection .rodata.steps, \"a\"\n .quad 1b, 2b\n .popsection\n"
__asm__(".pushsection .rodata.steps, \"a\"\n .balign 8\n step_code:\n .popsection\n .text\n" STEPS(
	STEP_ASM));

extern const uint64_t step_code[][2];

static const struct {
	const char *text;
	uint64_t rax, rcx, rdx;
} steps[] = { STEPS(ENTRY) };

static void test_single_step(void)
{
	guest_begin();
	for (unsigned n = 0; n < sizeof(steps) / sizeof(steps[0]); n++) {
		struct guest_run r = guest_ready((const void *)step_code[n][0], false);

		set_dr(0, 0x400);
		r.rflags |= 0x100;
		r.gpr[RAX] = steps[n].rax;
		r.gpr[RCX] = steps[n].rcx;
		r.gpr[RDX] = steps[n].rdx;
		guest_run(&r);
		if (r.vector != VECTOR_DB || r.rip != step_code[n][1])
			guest_bad("a single step stops behind what was stepped", steps[n].text,
				  r.vector, r.rip - step_code[n][0]);
		else if (!(read_dr6() & 0x4000))
			guest_bad("DR6 says that it was a single step", steps[n].text, read_dr6(),
				  0);
	}
	set_dr(0, 0x400);
	guest_end("a single step over each instruction that exits traps behind it");
}

uint32_t guest_main(const char *words)
{
	(void)words;
	test_instructions();
	test_hypercall();
	test_cpuid();
	test_xcr();
	test_debug();
	test_single_step();
	hostile_msrs();
	guest_text("done ");
	guest_text(guest_name);
	guest_print();
	return guest_failures() ? 1 : 7;
}
