// SPDX-License-Identifier: Apache-2.0
/* Unit test: state page <-> VMCS, exits of VT-x, choice of controls, words for refused states. */
#include <stdio.h>
#include <string.h>
#include "abi/types.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/vmcs.h"
#include "kernel/inc/x86_64/vmx.h"
#include "kernel/inc/x86_64/vmx_insn.h"

uint64_t vmcs[VMCS_FIELDS];
unsigned int vmwrites;

static int failed;
static struct vmx_guest g;
static struct vmx_controls controls;
static struct vcpu_state s;
static uint64_t dr[4];
static volatile uint32_t tpr;

/* As Bochs's corei7_skylake_x says. */
static const struct vmx_offer skylake = {
	.basic = 0x00d810000000002b,
	.pin = 0x0000007f00000016,
	.proc = 0xf7f9fffe04006172,
	.proc2 = 0x02177fff00000000,
	.exit = 0x007fffff00036dfb,
	.entry = 0x0000ffff000011fb,
	.ept_vpid = 0x00000f0106334141,
	.cr4_fixed1 = 0x3727ff,
};

static void check(int good, const char *what)
{
	printf("%sok vcpu_state_vmx: %s\n", good ? "" : "not ", what);
	failed |= !good;
}

static void fresh(void)
{
	memset(vmcs, 0, sizeof(vmcs));
	memset(&s, 0, sizeof(s));
	g = (struct vmx_guest){ .tpr = &tpr };
	vmx_controls_choose(&controls, &skylake, CR4_MCE);
	vmx_vmcs_init(&g, &controls);
	vmcs[VMCS_GUEST_CR0] = CR0_PE;
}

static const char *load(uint32_t dirty)
{
	return vmx_state_load(&g, &controls, dr, &s, dirty);
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
		p->seg[i].attr = (p->seg[i].attr & VCPU_ATTR_ALL) | VCPU_ATTR_P | 3;
	p->gdtr.sel = p->gdtr.attr = p->idtr.sel = p->idtr.attr = 0;
	p->cr0 = 0xffffffff;
	p->cr4 = controls.cr4_guest;
	p->cr8 &= 0xf;
	p->rflags |= 2;
	p->dr6 &= 0xffffffff;
	p->dr7 |= 0x400;
	p->lstar = p->cstar = p->kernel_gs_base = 0xffff800000001234 + next() % 4096;
	p->sfmask &= 0xffffffff;
	p->sysenter_cs &= 0xffffffff;
	p->efer &= ~(uint64_t)EFER_LMA;
	p->shadow = 1;
	p->event.info = 0;
}

static void test_round_trip(void)
{
	struct vcpu_state out;

	fresh();
	fill_page(&s);
	out = s;
	check(!load(VCPU_G_ALL), "a page with every bit a guest may have is taken");
	memset(&out.gpr[VCPU_RSP], 0, 8);
	memset(&out.rip, 0, offsetof(struct vcpu_state, xcr0) - offsetof(struct vcpu_state, rip));
	memset(out.seg, 0,
	       offsetof(struct vcpu_state, reserved1) - offsetof(struct vcpu_state, seg));
	out.shadow = 0;
	vmx_state_store(&out, &g, dr, VCPU_G_ALL);
	check(memcmp(&s, &out, sizeof(s)) == 0, "all groups survive a load and a store");
	check(vmcs[VMCS_GUEST_CR4] & CR4_VMXE && vmcs[VMCS_GUEST_CR0] & CR0_NE &&
		      !(vmcs[VMCS_GUEST_CR0] & (CR0_CD | CR0_NW)),
	      "the processor has VMXE and NE, never CD or NW");
}

static void test_groups(void)
{
	int good = 1;

	for (unsigned grp = 0; grp < 9; grp++) {
		struct vcpu_state out = { 0 };
		unsigned always;

		fresh();
		fill_page(&s);
		s.efer &= EFER_NXE;
		load(0);
		vmwrites = 0;
		load(0);
		always = vmwrites;
		vmwrites = 0;
		load(1u << grp);
		good &= (vmwrites > always) == (grp != 4 && grp != 8);
		vmx_state_store(&out, &g, dr, 1u << grp);
		good &= ((out.cr3 == s.cr3) == (grp == 0)) &&
			((out.lstar == s.lstar) == (grp == 4)) &&
			((out.dr[2] == s.dr[2]) == (grp == 3)) &&
			((out.pat == s.pat) == (grp == 6)) &&
			((out.gdtr.base == s.gdtr.base) == (grp == 2)) &&
			((out.seg[3].base == s.seg[3].base) == (grp == 1)) &&
			((out.sysenter_eip == s.sysenter_eip) == (grp == 5)) &&
			((out.tsc_offset == s.tsc_offset) == (grp == 7));
	}
	check(good, "a group moves only with its own bit");
}

static void test_long_mode(void)
{
	fresh();
	s.efer = EFER_LME | EFER_LMA;
	load(VCPU_G_EFER);
	check(vmcs[VMCS_ENTRY] & ENTRY_LONG_MODE, "LMA sets the entry control for long mode");
	s.efer = EFER_LME;
	load(VCPU_G_EFER);
	check(!(vmcs[VMCS_ENTRY] & ENTRY_LONG_MODE), "LME alone does not");
	s.cr0 = CR0_PG | CR0_PE;
	s.cr4 = CR4_PAE;
	s.pdpte[3] = 0x3001;
	load(VCPU_G_CR);
	check(vmcs[VMCS_GUEST_PDPTE + 6] == 0x3001, "PAE paging loads the PDPTEs");
	vmcs[VMCS_ENTRY] |= ENTRY_LONG_MODE;
	s.pdpte[3] = 0x4001;
	load(VCPU_G_CR);
	check(vmcs[VMCS_GUEST_PDPTE + 6] == 0x3001, "long mode does not");
}

static void test_segments(void)
{
	fresh();
	s.seg[VCPU_CS].attr = 0xa9b;
	s.seg[VCPU_DS].attr = 0;
	s.seg[VCPU_SS].attr = 0xc92;
	s.seg[VCPU_TR].attr = 0x89;
	load(VCPU_G_SEG | VCPU_G_TABLE);
	check(vmcs[VMCS_GUEST_ACCESS + 2 * VCPU_CS] == 0xa09b &&
		      vmcs[VMCS_GUEST_ACCESS + 2 * VCPU_DS] == ACCESS_UNUSABLE,
	      "access rights in VT-x's form; not present is unusable");
	check(vmcs[VMCS_GUEST_ACCESS + 2 * VCPU_SS] == 0xc093 &&
		      vmcs[VMCS_GUEST_ACCESS + 2 * VCPU_TR] == 0x8b,
	      "loaded segments are accessed, a loaded TSS is busy");
	vmcs[VMCS_GUEST_ACCESS + 2 * VCPU_SS] = ACCESS_UNUSABLE | 0xf3;
	vmx_state_store(&s, &g, dr, VCPU_G_SEG);
	check(s.seg[VCPU_SS].attr == 0x73, "an unusable SS keeps its DPL");
}

static void test_refused_by_kernel(void)
{
	fresh();
	s.cr0 = CR0_NW;
	check(load(VCPU_G_CR) != NULL, "NW without CD is refused");
	s.cr0 = 0;
	s.cr4 = CR4_VMXE;
	check(load(VCPU_G_CR) != NULL, "CR4.VMXE is refused");
	s.cr4 = 1 << 22;
	check(load(VCPU_G_CR) != NULL, "CR4.PKE is refused");
	s.kernel_gs_base = UINT64_C(1) << 63;
	check(load(VCPU_G_SYSCALL) != NULL && g.msr[4] == 0,
	      "a kernel GS base that would fault in the kernel is refused");
}

static void test_event(void)
{
	fresh();
	s.event = (struct vcpu_event){
		VCPU_EVENT_VALID | VCPU_EVENT_ERROR | VCPU_EVENT_EXCEPTION | 14 | 0x70000000, 5
	};
	s.window = 1;
	load(0);
	check(vmcs[VMCS_ENTRY_EVENT] == 0x80000b0e && vmcs[VMCS_ENTRY_ERROR] == 5 &&
		      s.event.info == 0,
	      "the event is taken out of the page, reserved bits dropped");
	check(vmcs[VMCS_PROC] & PROC_INTERRUPT_WINDOW, "a window asks for an exit");
	s.window = 0;
	load(0);
	check(!(vmcs[VMCS_PROC] & PROC_INTERRUPT_WINDOW) && vmcs[VMCS_ENTRY_EVENT] == 0,
	      "no window, no event: none left over");
	vmcs[VMCS_GUEST_CR0] = 0;
	s.event.info = VCPU_EVENT_VALID | VCPU_EVENT_ERROR | VCPU_EVENT_EXCEPTION | 13;
	load(0);
	check(vmcs[VMCS_ENTRY_EVENT] == 0x8000030d, "real mode has no error codes");
}

static void test_shadow(void)
{
	fresh();
	s.shadow = VCPU_SHADOW_STI;
	load(0);
	check(vmcs[VMCS_GUEST_BLOCKING] == BLOCKING_MOV_SS,
	      "with IF clear it was not sti that blocks");
	s.rflags = RFLAGS_IF | RFLAGS_TF;
	load(0);
	check(vmcs[VMCS_GUEST_BLOCKING] == BLOCKING_MOV_SS &&
		      vmcs[VMCS_GUEST_PENDING_DEBUG] == 1 << 14,
	      "what blocked before still does; a single step waits behind it");
	s.shadow = 0;
	load(0);
	s.shadow = VCPU_SHADOW_STI | VCPU_SHADOW_NMI;
	s.rflags = RFLAGS_IF;
	load(0);
	check(vmcs[VMCS_GUEST_BLOCKING] == (BLOCKING_STI | BLOCKING_NMI) &&
		      vmcs[VMCS_GUEST_PENDING_DEBUG] == 0,
	      "sti, and the handler of an NMI");
	vmx_state_store(&s, &g, dr, 0);
	check(s.shadow == (VCPU_SHADOW_STI | VCPU_SHADOW_NMI), "both are stored");
}

static enum vmx_action exit_with(uint32_t reason, uint64_t qualification)
{
	vmcs[VMCS_EXIT_REASON] = reason;
	vmcs[VMCS_QUALIFICATION] = qualification;
	return vmx_exit_decode(&g, &controls, &s);
}

static void test_nmi(void)
{
	fresh();
	s.shadow = VCPU_SHADOW_NMI;
	s.event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2;
	load(0);
	check(g.nmi && vmcs[VMCS_ENTRY_EVENT] == 0 && vmcs[VMCS_PROC] & PROC_NMI_WINDOW,
	      "an NMI waits for the end of the one before");
	exit_with(REASON_CPUID, 0);
	check(s.event.info == 0x80000202 && !g.nmi, "at an exit it is still the VMM's");
	load(0);
	vmcs[VMCS_GUEST_BLOCKING] = 0;
	check(exit_with(REASON_NMI_WINDOW, 0) == VMX_RESUME &&
		      vmcs[VMCS_ENTRY_EVENT] == 0x80000202 && !(vmcs[VMCS_PROC] & PROC_NMI_WINDOW),
	      "when the guest can take it, it gets it");
	vmcs[VMCS_GUEST_BLOCKING] = BLOCKING_NMI;
	vmcs[VMCS_VECTORING] = 0x80000202;
	exit_with(REASON_EPT_VIOLATION, 2);
	check(s.event.info == 0x80000202 && vmcs[VMCS_GUEST_BLOCKING] == 0,
	      "an NMI cut short does not block itself");
	vmcs[VMCS_VECTORING] = 0;
	exit_with(REASON_EPT_VIOLATION, EPTV_READ | EPTV_NMI_UNBLOCKED);
	check(vmcs[VMCS_GUEST_BLOCKING] == BLOCKING_NMI && g.blocking == BLOCKING_NMI,
	      "an IRET cut short has not unblocked NMIs");
}

static void test_io(void)
{
	fresh();
	vmcs[VMCS_EXIT_INSN_LEN] = 2;
	check(exit_with(REASON_IO, 0x03f80008) == VMX_TO_VMM && s.exit == VM_EXIT_IO &&
		      s.insn_len == 2 && s.qual[0] == (0x3f8 | 1 << 16 | VM_IO_IN),
	      "in al, 3f8");
	exit_with(REASON_IO, 0x0cf80033);
	check(s.qual[0] == (0xcf8 | 4 << 16 | VM_IO_STRING | VM_IO_REP), "rep outsd");
}

static void test_memory(void)
{
	fresh();
	vmcs[VMCS_GPA] = 0xfee00020;
	vmcs[VMCS_LINEAR] = 0xffff8000fee00020;
	exit_with(REASON_EPT_VIOLATION, EPTV_WRITE | EPTV_LINEAR | EPTV_FINAL);
	check(s.exit == VM_EXIT_MEMORY && s.qual[0] == 0xfee00020 && s.insn_len == 0 &&
		      s.qual[1] == (VM_ACCESS_WRITE | VM_ACCESS_LINEAR) &&
		      s.qual[2] == 0xffff8000fee00020,
	      "write to unmapped memory, with the linear address");
	exit_with(REASON_EPT_VIOLATION, EPTV_READ | EPTV_LINEAR | 1 << 3);
	check(s.qual[1] == (VM_ACCESS_READ | VM_ACCESS_MAPPED | VM_ACCESS_WALK | VM_ACCESS_LINEAR),
	      "walk of page tables");
	exit_with(REASON_EPT_VIOLATION, EPTV_FETCH);
	check(s.qual[1] == VM_ACCESS_EXEC && s.qual[2] == 0, "fetch");
}

static void test_plain(void)
{
	static const struct {
		uint32_t reason, exit, len;
	} exits[] = {
		{ REASON_CPUID, VM_EXIT_CPUID, 2 },
		{ REASON_RDMSR, VM_EXIT_MSR_READ, 2 },
		{ REASON_WRMSR, VM_EXIT_MSR_WRITE, 2 },
		{ REASON_HLT, VM_EXIT_HLT, 2 },
		{ REASON_VMCALL, VM_EXIT_HYPERCALL, 2 },
		{ REASON_XSETBV, VM_EXIT_XSETBV, 2 },
		{ REASON_INVD, VM_EXIT_CACHE, 2 },
		{ REASON_WBINVD, VM_EXIT_CACHE, 2 },
		{ REASON_INTERRUPT_WINDOW, VM_EXIT_WINDOW, 0 },
		{ REASON_TRIPLE_FAULT, VM_EXIT_SHUTDOWN, 0 },
		{ REASON_INIT, VM_EXIT_INIT, 0 },
		{ REASON_SIPI, VM_EXIT_INIT, 0 },
		{ REASON_EPT_MISCONFIGURED, VM_EXIT_UNHANDLED, 0 },
		{ 0x1234, VM_EXIT_UNHANDLED, 0 },
	};
	int good = 1;

	fresh();
	vmcs[VMCS_EXIT_INSN_LEN] = 2;
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		good &= exit_with(exits[i].reason, 0) == VMX_TO_VMM && s.exit == exits[i].exit &&
			s.insn_len == exits[i].len && s.raw[0] == exits[i].reason;
	check(good, "exits without more to say, with the length of their instruction");
	check(exit_with(REASON_ENTRY_FAILED | REASON_BAD_GUEST, 0) == VMX_TO_VMM &&
		      s.exit == VM_EXIT_INVALID,
	      "refused state");
	check(exit_with(REASON_ENTRY_FAILED | REASON_MACHINE_CHECK, 0) == VMX_MACHINE_CHECK,
	      "a machine check at entry is the host's");
	exit_with(REASON_TASK, 0x40000010);
	check(s.exit == VM_EXIT_TASK && s.qual[0] == 0x10 && s.insn_len == 0, "task switch");
}

static void test_policy(void)
{
	int good = 1;

	fresh();
	for (uint32_t r = REASON_VMCLEAR; r <= REASON_VMXON; r++)
		good &= exit_with(r, 0) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0x80000306;
	good &= exit_with(REASON_GETSEC, 0) == VMX_RESUME &&
		exit_with(REASON_INVEPT, 0) == VMX_RESUME;
	check(good, "instructions not offered raise #UD in the guest");
	vmcs[VMCS_GUEST_BLOCKING] = BLOCKING_STI;
	check(exit_with(REASON_RDPMC, 0) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0x80000b0d &&
		      vmcs[VMCS_GUEST_BLOCKING] == 0,
	      "rdpmc raises #GP in the guest, which ends a shadow");
	check(exit_with(REASON_DR, 0) == VMX_LOAD_DR, "first use of debug registers");
	vmx_intercept_dr(&g, false);
	check(exit_with(REASON_DR, 7 | 1 << 4 | 3 << 8) == VMX_TO_VMM && s.exit == VM_EXIT_DR &&
		      s.qual[0] == (7 | VM_CR_GPR_VALID | 3 << 8),
	      "and not twice");
}

static enum vmx_action exception(uint32_t info, uint64_t qualification)
{
	vmcs[VMCS_EXIT_EVENT] = VCPU_EVENT_VALID | info;
	return exit_with(REASON_EXCEPTION_NMI, qualification);
}

static void test_exceptions(void)
{
	fresh();
	g.dr6 = 0xffff0ff1;
	vmcs[VMCS_GUEST_DR7] = 1 << 13;
	check(exception(0x301, 0x4002) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0x80000301 &&
		      g.dr6 == 0xffff4ff2 && vmcs[VMCS_GUEST_DR7] == 0,
	      "#DB goes back to the guest, with its DR6 and without GD");
	vmcs[VMCS_EXIT_INSN_LEN] = 1;
	check(exception(0x501, 0) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0x80000501 &&
		      vmcs[VMCS_ENTRY_INSN_LEN] == 1,
	      "int1 with its length");
	check(exception(0xb11, 0) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0x80000b11,
	      "#AC goes back with its error code");
	check(exception(0x312, 0) == VMX_MACHINE_CHECK, "#MC is the host's");
	check(exception(0x202, 0) == VMX_NMI, "an NMI too");
	vmcs[VMCS_VECTORING] = 0x80000b0e;
	vmcs[VMCS_VECTORING_ERROR] = 7;
	check(exception(0xb11, 0) == VMX_TO_VMM && s.exit == VM_EXIT_UNHANDLED &&
		      s.event.error == 7,
	      "#AC within a delivery is for the VMM");
}

static void test_control_writes(void)
{
	fresh();
	s.cr0 = CR0_PE;
	s.cr4 = CR4_PAE;
	load(VCPU_G_CR);
	s.gpr[VCPU_RBX] = CR0_PE | CR0_NE | CR0_CD;
	check(exit_with(REASON_CR, 3 << 8) == VMX_RESUME &&
		      vmcs[VMCS_CR0_SHADOW] == s.gpr[VCPU_RBX] && vmcs[VMCS_ENTRY_EVENT] == 0,
	      "mov cr0: the guest believes it, and the instruction runs again");
	s.gpr[VCPU_RBX] = CR0_PE | CR0_NW;
	check(exit_with(REASON_CR, 3 << 8) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0x80000b0d,
	      "NW without CD is #GP");
	vmcs[VMCS_ENTRY_EVENT] = 0;
	vmcs[VMCS_GUEST_RSP] = CR4_PAE | CR4_MCE;
	check(exit_with(REASON_CR, 4 | 4 << 8) == VMX_RESUME && vmcs[VMCS_ENTRY_EVENT] == 0 &&
		      vmcs[VMCS_CR4_SHADOW] == (CR4_PAE | CR4_MCE),
	      "mov cr4, rsp: MCE is believed");
	s.gpr[VCPU_R9] = CR4_PAE | CR4_VMXE;
	check(exit_with(REASON_CR, 4 | 9 << 8) == VMX_RESUME &&
		      vmcs[VMCS_ENTRY_EVENT] == 0x80000b0d,
	      "CR4.VMXE is #GP");
	check(exit_with(REASON_CR, 3 | 2 << 8) == VMX_TO_VMM && s.exit == VM_EXIT_CR &&
		      s.qual[0] == (3 | VM_CR_WRITE | VM_CR_GPR_VALID | 2 << 8),
	      "any other one is for the VMM");
}

static void test_cut_event(void)
{
	static const uint32_t again[] = { 0x80000480, 0x80000501, 0x80000603 };
	int good = 1;

	fresh();
	vmcs[VMCS_VECTORING] = 0x80000030;
	exit_with(REASON_EPT_VIOLATION, 2);
	check(s.event.info == 0x80000030, "an interrupt cut short is given back");
	for (size_t i = 0; i < sizeof(again) / sizeof(again[0]); i++) {
		vmcs[VMCS_VECTORING] = again[i];
		exit_with(REASON_EPT_VIOLATION, 2);
		good &= s.event.info == 0;
	}
	check(good, "int n, int1 and int3 run again by themselves");
	vmcs[VMCS_VECTORING] = 0x80000b0e;
	vmcs[VMCS_VECTORING_ERROR] = 7;
	check(exit_with(REASON_INTERRUPT, 0) == VMX_HOST_EVENT && s.event.info == 0x80000b0e &&
		      s.event.error == 7,
	      "a host interrupt does not lose the guest's exception");
	check(exit_with(REASON_TIMER, 0) == VMX_TIMER && s.event.info == 0x80000b0e,
	      "nor does the timer");
	check(exit_with(REASON_PAUSE, 0) == VMX_YIELD && s.event.info == 0x80000b0e,
	      "nor a turn that is given away");
}

static void test_controls(void)
{
	struct vmx_offer o = skylake;
	struct vmx_controls c;

	check(!vmx_controls_choose(&c, &o, 0) && c.pin == 0x7f &&
		      c.cr4_guest == (0x3727ff & ~(uint64_t)CR4_VMXE),
	      "what Bochs offers is enough");
	check(!(c.proc & (3 << 15)) && !(c.proc2 & 1 << 3), "CR3 moves pass, rdtscp does not");
	o.proc2 &= ~((uint64_t)PROC2_UNRESTRICTED << 32);
	check(vmx_controls_choose(&c, &o, 0) != NULL, "without unrestricted guests it is refused");
	o = skylake;
	o.pin &= ~((uint64_t)PIN_TIMER << 32);
	check(vmx_controls_choose(&c, &o, 0) != NULL, "without the preemption timer");
	o = skylake;
	o.ept_vpid &= ~EPT_CAP_AD;
	check(vmx_controls_choose(&c, &o, 0) != NULL, "without accessed and dirty bits");
	o = skylake;
	o.basic &= ~VMX_BASIC_TRUE;
	check(vmx_controls_choose(&c, &o, 0) != NULL, "without true controls");
}

static void good_state(void)
{
	fresh();
	s.cr0 = CR0_PG | CR0_PE | CR0_WP;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	s.pat = 0x0007040600070406;
	for (unsigned i = VCPU_ES; i <= VCPU_GS; i++)
		s.seg[i] = (struct vcpu_seg){ 16, 0xc93, 0xffffffff, 0 };
	s.seg[VCPU_CS].attr = 0xa9b;
	s.seg[VCPU_TR] = (struct vcpu_seg){ 0, 0x8b, 0x67, 0 };
	s.dr7 = 0x400;
	s.rflags = 2;
}

static int refused_as(const char *start)
{
	const char *why;

	load(VCPU_G_ALL);
	vmcs[VMCS_EXIT_REASON] = REASON_ENTRY_FAILED | REASON_BAD_GUEST;
	why = vmx_refusal(false);
	if (strncmp(why, start, strlen(start)) == 0)
		return 1;
	printf("# got \"%s\", want \"%s\"\n", why, start);
	return 0;
}

#define REFUSED(change, start) (good_state(), change, refused_as(start))

static void test_refusal(void)
{
	int good = 1;

	good &= REFUSED(s.cr0 |= UINT64_C(1) << 40, "CR0: reserved");
	good &= REFUSED(s.cr0 &= ~(uint64_t)CR0_PE, "CR0: PG");
	good &= REFUSED(s.cr4 = 0, "CR4: long mode without PAE");
	good &= REFUSED(s.cr3 = UINT64_C(1) << 60, "CR3");
	good &= REFUSED(s.dr7 |= UINT64_C(1) << 40, "DR7");
	good &= REFUSED(s.efer |= 1 << 12, "EFER: reserved");
	good &= REFUSED(s.efer = EFER_LME, "EFER: LME and LMA");
	good &= REFUSED(s.pat = 2, "PAT");
	good &= REFUSED(s.sysenter_eip = UINT64_C(1) << 60, "SYSENTER");
	good &= REFUSED(s.seg[VCPU_CS].attr = 0, "CS: not present");
	good &= REFUSED(s.seg[VCPU_CS].attr = 0xe9b, "CS: both");
	good &= REFUSED(s.seg[VCPU_SS].attr = 0xcf3, "CS and SS");
	good &= REFUSED(s.seg[VCPU_DS].limit = 1, "a segment: limit");
	good &= REFUSED(s.seg[VCPU_ES].base = UINT64_C(1) << 32, "a segment: its base is above");
	good &= REFUSED(s.seg[VCPU_FS].base = UINT64_C(1) << 60, "a segment: its base is not");
	good &= REFUSED(s.seg[VCPU_TR].attr = 0, "TR: not a busy");
	good &= REFUSED(s.seg[VCPU_LDTR].attr = 0x93, "LDTR");
	good &= REFUSED(s.gdtr.limit = 0x10000, "GDTR");
	good &= REFUSED(s.idtr.base = UINT64_C(1) << 60, "GDTR or IDTR: a base");
	good &= REFUSED(s.rip = UINT64_C(1) << 60, "RIP: not canonical");
	good &= REFUSED(s.rflags |= UINT64_C(1) << 40, "RFLAGS: reserved");
	good &= REFUSED(s.event.info = 0x80000031, "an interrupt while");
	good &= REFUSED((void)0, "guest state (none");
	check(good, "the failing check of the guest's state is named");
	vmcs[VMCS_INSN_ERROR] = 7;
	check(strstr(vmx_refusal(true), "event") != NULL, "VM-instruction errors have words");
	vmcs[VMCS_INSN_ERROR] = 99;
	check(strstr(vmx_refusal(true), "unknown") != NULL, "and so has one nobody knows");
}

static void test_ept(void)
{
	check(ptab_ept.leaf(RIGHT_R, false) == 0x31 &&
		      ptab_ept.leaf(RIGHT_RW | RIGHT_X, true) == 0xb7,
	      "EPT leaves: rights, write-back, large");
	check(ptab_ept.leaf(RIGHT_RW | MAP_UNCACHED, false) == 3 &&
		      ptab_ept.leaf(RIGHT_W | MAP_WRITE_COMBINE, false) == 0xb,
	      "memory types; writable memory can be read");
}

int main(void)
{
	test_round_trip();
	test_groups();
	test_long_mode();
	test_segments();
	test_refused_by_kernel();
	test_event();
	test_shadow();
	test_nmi();
	test_io();
	test_memory();
	test_plain();
	test_policy();
	test_exceptions();
	test_control_writes();
	test_cut_event();
	test_controls();
	test_refusal();
	test_ept();
	return failed;
}
