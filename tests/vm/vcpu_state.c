// SPDX-License-Identifier: Apache-2.0
/* Unit test: state page <-> VMCB, exits of SVM, TLB tags. */
#include <stdio.h>
#include <string.h>
#include "kernel/inc/asid.h"
#include "kernel/inc/x86_64/state_svm.h"

static int failed;
static struct vmcb v;
static struct vcpu_state s;
static uint64_t dr[4];

static void check(int good, const char *what)
{
	printf("%sok vcpu_state: %s\n", good ? "" : "not ", what);
	failed |= !good;
}

static void fresh(void)
{
	memset(&v, 0, sizeof(v));
	memset(&s, 0, sizeof(s));
	svm_vmcb_init(&v, 0x1000, 0x2000, 0x3000);
}

static uint64_t seed = 1;

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 11 ^ seed << 40;
}

/* A page with every field of every group set, within what the hardware keeps. */
static void fill_page(struct vcpu_state *p)
{
	uint64_t *words = (uint64_t *)p;

	for (size_t i = 0; i < offsetof(struct vcpu_state, reserved1) / 8; i++)
		words[i] = next();
	for (unsigned i = 0; i < VCPU_SEGS; i++)
		p->seg[i].attr &= VCPU_ATTR_ALL;
	p->gdtr.attr = p->idtr.attr = 0;
	p->cr0 |= 1;
	p->cr8 &= 0xf;
	p->rflags = (p->rflags | 2) & ~(UINT64_C(1) << 17);
	p->efer &= ~UINT64_C(0x1000);
	p->shadow = 1;
	p->event.info = 0;
}

static void test_round_trip(void)
{
	struct vcpu_state in, out;

	fresh();
	fill_page(&in);
	out = in;
	svm_state_load(&v, dr, &in, VCPU_G_ALL);
	memset(&out.gpr[VCPU_RAX], 0, 8);
	memset(&out.gpr[VCPU_RSP], 0, 8);
	memset(&out.rip, 0, offsetof(struct vcpu_state, xcr0) - offsetof(struct vcpu_state, rip));
	memset(out.seg, 0, offsetof(struct vcpu_state, pdpte) - offsetof(struct vcpu_state, seg));
	out.shadow = 0;
	svm_state_store(&out, &v, dr, VCPU_G_ALL);
	check(memcmp(&in, &out, sizeof(in)) == 0, "all groups survive a load and a store");
	check((v.efer & 0x1000) != 0 && v.cpl == (in.seg[VCPU_SS].attr >> 5 & 3),
	      "EFER.SVME is forced, CPL follows SS");
}

static void test_groups(void)
{
	int good = 1;

	for (unsigned g = 0; g < 9; g++) {
		struct vcpu_state in, out = { 0 };
		struct vmcb before;

		fresh();
		fill_page(&in);
		svm_state_load(&v, dr, &in, 0);
		before = v;
		svm_state_load(&v, dr, &in, 1u << g);
		good &= (memcmp(&before, &v, sizeof(v)) != 0) == ((1u << g) != VCPU_G_XCR);
		svm_state_store(&out, &v, dr, 1u << g);
		good &= ((out.cr3 == in.cr3) == (g == 0)) &&
			((out.lstar == in.lstar) == (g == 4)) &&
			((out.dr[2] == in.dr[2]) == (g == 3)) &&
			((out.pat == in.pat) == (g == 6)) &&
			((out.gdtr.base == in.gdtr.base) == (g == 2)) &&
			((out.seg[3].base == in.seg[3].base) == (g == 1)) &&
			((out.sysenter_eip == in.sysenter_eip) == (g == 5)) &&
			((out.tsc_offset == in.tsc_offset) == (g == 7));
	}
	check(good, "a group moves only with its own bit");
}

static void test_always(void)
{
	fresh();
	s.rip = 0x1234;
	s.gpr[VCPU_RAX] = 7;
	s.gpr[VCPU_RSP] = 9;
	s.event = (struct vcpu_event){
		VCPU_EVENT_VALID | VCPU_EVENT_ERROR | VCPU_EVENT_EXCEPTION | 14 | 0x70000000, 5
	};
	s.window = 1;
	svm_state_load(&v, dr, &s, 0);
	check(v.rip == 0x1234 && v.rax == 7 && v.rsp == 9 && v.rflags == 2,
	      "rip, rax, rsp, flags load");
	check(v.event == (UINT64_C(5) << 32 | 0x80000b0e) && s.event.info == 0,
	      "the event is taken out of the page, reserved bits dropped");
	check((v.vintr & (SVM_V_IRQ | SVM_V_IGN_TPR)) == (SVM_V_IRQ | SVM_V_IGN_TPR),
	      "a window asks for a virtual interrupt");
	s.window = 0;
	svm_state_load(&v, dr, &s, 0);
	check(!(v.vintr & SVM_V_IRQ) && v.vintr & SVM_V_INTR_MASKING && v.event == 0,
	      "no window, no event: none left over");
}

static enum svm_action exit_with(uint64_t code, uint64_t info1, uint64_t info2, uint32_t features)
{
	v.exit_code = code;
	v.exit_info1 = info1;
	v.exit_info2 = info2;
	return svm_exit_decode(&v, &s, features);
}

static void test_interrupt(void)
{
	const uint64_t deliver = SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_PRIO;

	fresh();
	s.rflags = 0x202;
	s.window = 1;
	s.event.info = VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31;
	svm_state_load(&v, dr, &s, 0);
	check(v.event == 0 && s.event.info == 0 && (v.vintr & deliver) == deliver &&
		      v.vintr >> SVM_V_VECTOR_SHIFT == 0x31 && !(v.intercept1 & SVM_I1_VINTR),
	      "an interrupt that can be taken is a virtual one, without an exit");
	check(exit_with(SVM_EXIT_INTR, 0, 0, 0) == SVM_HOST_EVENT &&
		      s.event.info == (VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31),
	      "one that the guest did not take is given back");
	v.vintr &= ~(uint64_t)SVM_V_IRQ;
	check(exit_with(SVM_EXIT_INTR, 0, 0, 0) == SVM_HOST_EVENT && s.event.info == 0,
	      "one that it took is not");
	svm_state_load(&v, dr, &s, 0);
	check((v.vintr & deliver) == deliver && v.vintr >> SVM_V_VECTOR_SHIFT == 0 &&
		      v.intercept1 & SVM_I1_VINTR,
	      "the window behind it opens at the next entry");
	exit_with(SVM_EXIT_CPUID, 0, 0, 0);
	check(s.event.info == 0, "a window is no interrupt");
	v.exit_event = VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | 0x31;
	exit_with(SVM_EXIT_NPF, 6, 0x5000, 0);
	check(s.event.info == (VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31),
	      "a virtual interrupt cut short is an interrupt again");
	v.exit_event = 0;
	s.window = 0;
	s.rflags = 2;
	svm_state_load(&v, dr, &s, 0);
	check(v.event == (VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31) && !(v.vintr & SVM_V_IRQ),
	      "with interrupts off it goes in at once");
	s.rflags = 0x202;
	s.shadow = VCPU_SHADOW_STI;
	s.event.info = VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31;
	svm_state_load(&v, dr, &s, 0);
	check(v.event == (VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31) && !(v.vintr & SVM_V_IRQ),
	      "and in the shadow of STI");
}

static void test_pause(void)
{
	fresh();
	svm_intercept_pause(&v, true);
	check(v.intercept1 & SVM_I1_PAUSE, "a guest that spins exits");
	v.rip = 0x100;
	v.shadow = SVM_SHADOW;
	v.rflags = 0x10202;
	check(exit_with(SVM_EXIT_PAUSE, 0, 0, 0) == SVM_YIELD && v.rip == 0x102 && !v.shadow &&
		      v.rflags == 0x202,
	      "and goes on behind its PAUSE");
	v.next_rip = 0x105;
	check(exit_with(SVM_EXIT_PAUSE, 0, 0, SVM_HAS_NEXT_RIP) == SVM_YIELD && v.rip == 0x105,
	      "which may have prefixes");
	v.rflags = 0x100;
	svm_intercept_pause(&v, true);
	check(!(v.intercept1 & SVM_I1_PAUSE), "but not while it steps");
}

static void test_cpl(void)
{
	fresh();
	s.seg[VCPU_SS].attr = 0xf3;
	svm_state_load(&v, dr, &s, VCPU_G_ALL);
	check(v.cpl == 0, "real mode runs at CPL 0");
	s.cr0 = 1;
	s.rflags = 1 << 17;
	s.seg[VCPU_SS].attr = 0x93;
	svm_state_load(&v, dr, &s, VCPU_G_ALL);
	check(v.cpl == 3, "virtual 8086 mode runs at CPL 3");
}

static void test_io(void)
{
	fresh();
	v.rip = 0x100;
	check(exit_with(SVM_EXIT_IO, 0x03f80011, 0x102, 0) == SVM_TO_VMM && s.exit == VM_EXIT_IO &&
		      s.insn_len == 2 && s.qual[0] == (0x3f8 | 1 << 16 | VM_IO_IN),
	      "in al, 3f8");
	exit_with(SVM_EXIT_IO, 0x0cf8004c, 0x103, SVM_HAS_NEXT_RIP);
	check(s.qual[0] == (0xcf8 | 4 << 16 | VM_IO_STRING | VM_IO_REP) && s.insn_len == 3,
	      "rep outsd, next rip from the exit");
}

static void test_memory(void)
{
	static const uint8_t bytes[15] = { 0x8b, 0x07 };

	fresh();
	exit_with(SVM_EXIT_NPF, UINT64_C(0x100000006), 0xfee00020, 0);
	check(s.exit == VM_EXIT_MEMORY && s.qual[0] == 0xfee00020 && s.qual[1] == VM_ACCESS_WRITE &&
		      s.insn_len == 0 && s.insn_bytes == 0,
	      "write to unmapped memory");
	exit_with(SVM_EXIT_NPF, SVM_NPF_WALK | 5, 0x1000, 0);
	check(s.qual[1] == (VM_ACCESS_READ | VM_ACCESS_MAPPED | VM_ACCESS_WALK),
	      "walk of page tables");
	v.fetched = 2;
	memcpy(v.fetch, bytes, sizeof(bytes));
	exit_with(SVM_EXIT_NPF, 0x14, 0x1000, SVM_HAS_DECODE);
	check(s.qual[1] == VM_ACCESS_EXEC && s.insn_bytes == 2 && s.insn[0] == 0x8b,
	      "fetch, with decode assists");
}

static void test_plain(void)
{
	fresh();
	exit_with(SVM_EXIT_CPUID, 0, 0, 0);
	check(s.exit == VM_EXIT_CPUID && s.insn_len == 2, "cpuid");
	v.rip = 0x10;
	v.next_rip = 0x15;
	exit_with(SVM_EXIT_CPUID, 0, 0, SVM_HAS_NEXT_RIP);
	check(s.insn_len == 5, "cpuid with prefixes, length from next rIP");
	exit_with(SVM_EXIT_MSR, 1, 0, 0);
	check(s.exit == VM_EXIT_MSR_WRITE && s.insn_len == 2, "wrmsr");
	exit_with(UINT64_MAX, 0, 0, 0);
	check(s.exit == VM_EXIT_INVALID, "refused state");
	s.exit = 0;
	exit_with(UINT32_MAX, 0, 0, 0);
	check(s.exit == VM_EXIT_INVALID, "refused state, as QEMU says it");
	exit_with(0x12345, 1, 2, 0);
	check(s.exit == VM_EXIT_UNHANDLED && s.raw[0] == 0x12345 && s.raw[1] == 1 && s.raw[2] == 2,
	      "an unknown code is passed on raw");
	exit_with(SVM_EXIT_CR_WRITE + 4, SVM_MOV_VALID | 3, 0, SVM_HAS_DECODE);
	check(s.exit == VM_EXIT_CR && s.qual[0] == (4 | VM_CR_WRITE | VM_CR_GPR_VALID | 3 << 8),
	      "mov cr4, rbx");
}

static void test_policy(void)
{
	static const uint16_t undefined[] = { SVM_EXIT_VMRUN,  SVM_EXIT_VMLOAD,  SVM_EXIT_VMSAVE,
					      SVM_EXIT_STGI,   SVM_EXIT_CLGI,    SVM_EXIT_SKINIT,
					      SVM_EXIT_RDTSCP, SVM_EXIT_INVLPGA, SVM_EXIT_MWAIT };
	int good = 1;

	fresh();
	for (size_t i = 0; i < sizeof(undefined) / sizeof(undefined[0]); i++)
		good &= exit_with(undefined[i], 0, 0, 0) == SVM_RESUME && v.event == 0x80000306;
	check(good, "instructions not offered raise #UD in the guest");
	check(exit_with(SVM_EXIT_RDPMC, 0, 0, 0) == SVM_RESUME && v.event == 0x80000b0d,
	      "rdpmc raises #GP in the guest");
	check(exit_with(SVM_EXIT_EXC + 1, 0, 0, 0) == SVM_RESUME && v.event == 0x80000301,
	      "#DB goes back to the guest");
	check(exit_with(SVM_EXIT_EXC + 18, 0, 0, 0) == SVM_MACHINE_CHECK, "#MC is the host's");
	check(exit_with(SVM_EXIT_DR_READ + 7, 0, 0, 0) == SVM_LOAD_DR,
	      "first use of debug registers");
	svm_intercept_dr(&v, false);
	check(exit_with(SVM_EXIT_DR_READ + 7, 0, 0, 0) == SVM_TO_VMM && s.exit == VM_EXIT_DR,
	      "and not twice");
}

static void test_cut_event(void)
{
	fresh();
	v.exit_event = UINT64_C(0x80000030);
	exit_with(SVM_EXIT_NPF, 6, 0x5000, 0);
	check(s.event.info == 0x80000030, "an interrupt cut short is given back");
	v.exit_event = UINT64_C(0x80000480);
	exit_with(SVM_EXIT_NPF, 6, 0x5000, 0);
	check(s.event.info == 0, "int n runs again by itself");
	v.exit_event = UINT64_C(7) << 32 | 0x80000b0e;
	check(exit_with(SVM_EXIT_INTR, 0, 0, 0) == SVM_HOST_EVENT && s.event.info == 0x80000b0e &&
		      s.event.error == 7,
	      "a host interrupt does not lose the guest's exception");
	exit_with(SVM_EXIT_EXC + 17, 0, 0, 0);
	check(s.exit == VM_EXIT_UNHANDLED && s.event.error == 7,
	      "#AC within a delivery is for the VMM");
}

static void test_nmi(void)
{
	fresh();
	s.event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2;
	svm_state_load(&v, dr, &s, 0);
	svm_state_store(&s, &v, dr, 0);
	check(v.event == 0x80000202 && s.shadow == VCPU_SHADOW_NMI, "in the handler of an NMI");
	svm_state_load(&v, dr, &s, 0);
	check(v.intercept1 & SVM_I1_IRET && v.event == 0 && !v.shadow,
	      "iret exits; interrupts are not held back");
	check(exit_with(SVM_EXIT_IRET, 0, 0, 0) == SVM_RESUME && v.event == 0, "and runs then");
	svm_state_store(&s, &v, dr, 0);
	check(s.shadow == 0 && !(v.intercept1 & SVM_I1_IRET), "the handler is over");
}

/* 40 vCPUs on two CPUs of 15 tags each, their spaces changing: under its tag a vCPU never finds what another one, or itself before a change, has left. */
static void test_asid_stale(void)
{
	static struct {
		uint32_t vcpu;
		uint64_t flushes;
	} left[2][16];
	struct asid_tag tags[40] = { 0 };
	uint64_t flushes[40] = { 0 }, wraps = 0;
	struct asid_pool pool[2];
	bool good = true;

	asid_pool_init(&pool[0], 15);
	asid_pool_init(&pool[1], 15);
	for (unsigned n = 0; n < 200000; n++) {
		uint32_t k = (uint32_t)(next() % 40), cpu = next() >> 9 & 1, tag, flush;

		flushes[k] += (next() >> 9) % 8 == 0;
		flush = asid_take(&pool[cpu], &tags[k], cpu, flushes[k]);
		tag = tags[k].asid;
		wraps += (flush & ASID_FLUSH_ALL) != 0;
		if (flush & ASID_FLUSH_ALL)
			memset(left[cpu], 0, sizeof(left[cpu]));
		good &= !left[cpu][tag].vcpu ||
			(left[cpu][tag].vcpu == k + 1 && left[cpu][tag].flushes == flushes[k]);
		left[cpu][tag].vcpu = k + 1;
		left[cpu][tag].flushes = flushes[k];
	}
	check(good && wraps > 1000, "no vCPU finds under its tag what another one left");
}

static void test_asid(void)
{
	struct asid_pool pool;
	struct asid_tag tags[40] = { 0 };
	unsigned flushes = 0;
	int unique = 1;

	asid_pool_init(&pool, 15);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 40; i++) {
			flushes += asid_take(&pool, &tags[i], 0, 0) & ASID_FLUSH_ALL;
			for (unsigned k = 0; k < 40; k++)
				unique &= k == i || tags[k].generation != tags[i].generation ||
					  tags[k].asid != tags[i].asid;
			unique &= tags[i].asid >= 1 && tags[i].asid <= 15;
		}
	}
	check(unique, "40 vCPUs on 15 tags: never two the same in one generation");
	check(flushes == 8, "a flush at each wrap and at no other time");
	flushes = asid_take(&pool, &tags[39], 0, 0);
	check(!flushes && tags[39].asid == 15, "a vCPU that stays keeps its tag");
	tags[39].asid = 0;
	flushes = asid_take(&pool, &tags[39], 0, 1);
	check(tags[39].asid == 1 && tags[39].flushes == 1 && flushes & ASID_FLUSH_SPACE,
	      "a flushed space gets a new tag and is flushed");
	tags[39].asid = 0;
	flushes = asid_take(&pool, &tags[39], 1, 1);
	check(tags[39].asid != 0 && flushes == ASID_FLUSH_SPACE,
	      "another CPU gives a new tag and flushes the space");
	asid_pool_init(&pool, 1);
	tags[0] = tags[1] = (struct asid_tag){ 0 };
	asid_take(&pool, &tags[0], 0, 0);
	asid_take(&pool, &tags[1], 0, 0);
	check(asid_take(&pool, &tags[0], 0, 0) == ASID_FLUSH_ALL,
	      "a tag lost to a wrap alone does not flush the space");
}

int main(void)
{
	test_round_trip();
	test_groups();
	test_always();
	test_interrupt();
	test_pause();
	test_cpl();
	test_io();
	test_memory();
	test_plain();
	test_policy();
	test_cut_event();
	test_nmi();
	test_asid();
	test_asid_stale();
	return failed;
}
