// SPDX-License-Identifier: Apache-2.0
/* The exit loop of services/vmm, with exits from a script. */
#include <string.h>
#include "services/vmm/pvclock.h"
#include "tests/unit/vmm_harness.h"

#define OK(cond, what) check_that("vmm_run", cond, what)

static struct harness h;

static struct script {
	struct vcpu_state set;   /* exit, insn_len, qual and registers of the next exit */
	uint64_t deadline;       /* given with the last entry */
	struct vcpu_event event; /* given with it */
	uint32_t window;
} script;

/* One exit, then the end. */
static bool once(struct harness *x, uint64_t deadline)
{
	script.deadline = deadline;
	script.event = x->state.event;
	script.window = x->state.window;
	x->state.event.info = 0;
	if (script.set.exit == VM_EXIT_NONE)
		return false;
	x->state.exit = script.set.exit;
	x->state.insn_len = script.set.insn_len;
	memcpy(x->state.qual, script.set.qual, sizeof(x->state.qual));
	script.set.exit = VM_EXIT_NONE;
	return true;
}

/* One exit in the middle of an event's delivery. */
static bool delivery(struct harness *x, uint64_t deadline)
{
	bool more = once(x, deadline);

	x->state.event.info = script.event.info;
	return more;
}

static void start(void)
{
	harness_start(&h, false);
	memset(&script, 0, sizeof(script));
	h.guest = once;
	h.state.rip = 0x1000;
	h.state.rflags = 0x202;
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
}

static enum machine_end one(enum vm_exit exit, uint32_t len, uint64_t q0, uint64_t q1)
{
	script.set.exit = exit;
	script.set.insn_len = len;
	script.set.qual[0] = q0;
	script.set.qual[1] = q1;
	h.m.end = MACHINE_RUNS;
	return machine_run(&h.m, 0);
}

static bool gp_injected(void)
{
	return script.event.info ==
	       (VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | VCPU_EVENT_ERROR | 13);
}

static void test_io(void)
{
	start();
	h.state.gpr[VCPU_RAX] = 0xffffffff00000041;
	one(VM_EXIT_IO, 2, 0x3f8 | 1 << VM_IO_SIZE_SHIFT, 0);
	OK(h.m.uart.tx_len + h.out_len == 1 && h.state.rip == 0x1002, "out: a byte, and past it");
	one(VM_EXIT_IO, 1, 0x3fd | 1 << VM_IO_SIZE_SHIFT | VM_IO_IN, 0);
	OK(h.state.gpr[VCPU_RAX] == 0xffffffff00000060, "in: a byte leaves the rest");
	one(VM_EXIT_IO, 1, 0x9999 | 4 << VM_IO_SIZE_SHIFT | VM_IO_IN, 0);
	OK(h.state.gpr[VCPU_RAX] == 0xffffffff,
	   "in of 32 bits clears the upper half; nobody is all ones");
}

/* Exits with a string instruction, then answers the entry that only fetches state, then ends. */
static bool string_guest(struct harness *x, uint64_t deadline)
{
	if (deadline == 1) {
		x->state.exit = VM_EXIT_TIMEOUT;
		return true;
	}
	return once(x, deadline);
}

static void test_io_string(void)
{
	start();
	h.guest = string_guest;
	h.state.seg[VCPU_DS].base = 0x100;
	h.state.gpr[VCPU_RSI] = 0x2000;
	h.state.gpr[VCPU_RCX] = 5;
	h.state.gpr[VCPU_RDX] = 0x3f8;
	memcpy(h.ram + 0x1000, "\xf3\x6e", 2);
	memcpy(h.ram + 0x2100, "hallo", 5);
	one(VM_EXIT_IO, 2, 0x3f8 | 1 << VM_IO_SIZE_SHIFT | VM_IO_STRING | VM_IO_REP, 0);
	OK(h.state.gpr[VCPU_RCX] == 0 && h.state.gpr[VCPU_RSI] == 0x2005 && h.state.rip == 0x1002,
	   "rep outsb runs to its end");
	OK(h.out_len == 5 && memcmp(h.out, "hallo", 5) == 0, "and writes the string");
}

static void test_single_step(void)
{
	start();
	h.guest = string_guest;
	h.state.rflags |= 0x10100;
	one(VM_EXIT_CPUID, 2, 0, 0);
	OK(script.event.info == (VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | 1) &&
		   h.state.rip == 0x1002 && (h.state.dr6 & 0x4000) && (h.state.dirty & VCPU_G_DR) &&
		   !(h.state.rflags & 0x10000),
	   "a single step over an instruction that exits traps behind it");
}

static void test_cpuid(void)
{
	start();
	h.state.gpr[VCPU_RAX] = CPUID_HYPERVISOR;
	one(VM_EXIT_CPUID, 2, 0, 0);
	OK(h.state.gpr[VCPU_RBX] == 0x4b4d564b, "the hypervisor leaf");
	h.state.gpr[VCPU_RAX] = 1;
	h.state.gpr[VCPU_RCX] = 0;
	h.state.cr4 = 1 << 18;
	one(VM_EXIT_CPUID, 2, 0, 0);
	OK((h.state.gpr[VCPU_RCX] >> 21 & 1) && (h.state.gpr[VCPU_RCX] >> 27 & 1) &&
		   !(h.state.gpr[VCPU_RCX] >> 5 & 1) && !(h.state.gpr[VCPU_RCX] >> 3 & 1),
	   "x2APIC and OSXSAVE shown, VMX and MONITOR hidden");
	h.state.gpr[VCPU_RAX] = 0x80000001;
	one(VM_EXIT_CPUID, 2, 0, 0);
	OK(!(h.state.gpr[VCPU_RCX] >> 2 & 1) && (h.state.gpr[VCPU_RDX] >> 29 & 1),
	   "SVM hidden, long mode shown");
}

static void msr(enum vm_exit exit, uint32_t index, uint64_t value)
{
	h.state.gpr[VCPU_RCX] = index;
	h.state.gpr[VCPU_RAX] = (uint32_t)value;
	h.state.gpr[VCPU_RDX] = value >> 32;
	one(exit, 2, 0, 0);
}

static void test_msr(void)
{
	start();
	msr(VM_EXIT_MSR_READ, 0x1b, 0);
	OK(h.state.gpr[VCPU_RAX] == 0xfee00900 && h.state.rip == 0x1002, "the APIC base");
	msr(VM_EXIT_MSR_READ, 0x12345, 0);
	OK(gp_injected() && h.state.rip == 0x1002, "an unknown register faults, in place");
	msr(VM_EXIT_MSR_WRITE, 0xc0000080, 0x1000);
	OK(gp_injected(), "SVME cannot be set");
	msr(VM_EXIT_MSR_WRITE, 0xc0000080, 0x901);
	OK(h.state.efer == 0x901 && (h.state.dirty & VCPU_G_EFER), "SCE, LME and NXE can");
	h.state.cr0 |= 0x80000000;
	msr(VM_EXIT_MSR_WRITE, 0xc0000080, 0x801);
	OK(gp_injected(), "LME cannot change under paging");
	msr(VM_EXIT_MSR_WRITE, 0x277, 0x0202020202020202);
	OK(gp_injected(), "a reserved memory type faults");
	msr(VM_EXIT_MSR_WRITE, 0xc0000082, UINT64_C(1) << 60);
	OK(gp_injected(), "an entry point that is not canonical faults");
	msr(VM_EXIT_MSR_WRITE, 0x3b, 1000);
	OK(h.state.tsc_offset == 1000 - h.m.tsc_base && (h.state.dirty & VCPU_G_TSC),
	   "TSC_ADJUST moves the offset");
	msr(VM_EXIT_MSR_WRITE, 0x10, 5000000);
	OK(h.state.tsc_offset + h.tsc == 5000000, "writing the TSC does too");
	msr(VM_EXIT_MSR_WRITE, MSR_PV_SYSTEM_TIME, 0x3001);
	OK(h.ram[0x3000] == 2, "the clock page is written");
	msr(VM_EXIT_MSR_WRITE, MSR_PV_SYSTEM_TIME, 0xd0000001);
	OK(gp_injected(), "but not outside of RAM");
}

static void test_mmio_refused(void)
{
	static const uint8_t movaps[] = { 0x0f, 0x28, 0x05, 0, 0, 0xe0, 0xfe };

	start();
	h.state.cr0 = 1;
	h.state.seg[VCPU_CS].attr = VCPU_ATTR_P | VCPU_ATTR_DB;
	h.state.seg[VCPU_SS].attr = VCPU_ATTR_P | VCPU_ATTR_DPL;
	memcpy(h.ram + 0x1000, movaps, sizeof(movaps));
	OK(one(VM_EXIT_MEMORY, 0, 0xfee00000, VM_ACCESS_READ) != MACHINE_BAD_ACCESS &&
		   script.event.info == (VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | 6),
	   "what is not carried out is undefined to a program");
	h.state.seg[VCPU_SS].attr = VCPU_ATTR_P;
	OK(one(VM_EXIT_MEMORY, 0, 0xfee00000, VM_ACCESS_READ) == MACHINE_BAD_ACCESS,
	   "and ends the VM in its kernel");
	memcpy(h.ram + 0x1000, "\xa1\x30\x00\xe0\xfe", 5);
	h.state.event.info = VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | 14;
	h.guest = delivery;
	OK(one(VM_EXIT_MEMORY, 0, 0xfee00030, VM_ACCESS_READ) == MACHINE_BAD_ACCESS,
	   "an event that is delivered onto a device ends the VM");
}

static void test_mmio(void)
{
	start();
	h.state.cr0 = 1;
	h.state.seg[VCPU_CS].attr = VCPU_ATTR_P | VCPU_ATTR_DB;
	memcpy(h.ram + 0x1000, "\xa1\x30\x00\xe0\xfe", 5);
	one(VM_EXIT_MEMORY, 0, 0xfee00030, VM_ACCESS_READ);
	OK(h.state.gpr[VCPU_RAX] == 0x50014 && h.state.rip == 0x1005, "a load from the APIC page");
	h.state.rip = 0x1000;
	memcpy(h.ram + 0x1000, "\x0f\xae\x38", 3);
	OK(one(VM_EXIT_MEMORY, 0, 0xd0000000, VM_ACCESS_READ) == MACHINE_BAD_ACCESS,
	   "an instruction nobody can carry out ends the VM");
	OK(one(VM_EXIT_MEMORY, 0, 0xd0000000, VM_ACCESS_EXEC) == MACHINE_BAD_ACCESS,
	   "running device memory ends the VM");
	OK(one(VM_EXIT_MEMORY, 0, 0x1000, VM_ACCESS_READ) == MACHINE_BAD_ACCESS,
	   "a fault in RAM is nobody's");
	h.state.rip = 0xd0000000;
	OK(one(VM_EXIT_MEMORY, 0, 0xd0000000, VM_ACCESS_READ) == MACHINE_BAD_ACCESS,
	   "code that cannot be read ends the VM");
}

static void test_interrupts(void)
{
	start();
	lapic_raise(&h.m.cpu[0].lapic, 0x55, false);
	one(VM_EXIT_NONE, 0, 0, 0);
	OK(script.event.info == (VCPU_EVENT_VALID | 0x55), "a pending vector is injected");
	start();
	lapic_raise(&h.m.cpu[0].lapic, 0x55, false);
	h.state.rflags = 2;
	one(VM_EXIT_NONE, 0, 0, 0);
	OK(script.event.info == 0 && script.window, "with interrupts off the window is asked for");
	start();
	lapic_raise(&h.m.cpu[0].lapic, 0x55, false);
	h.state.event.info = VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | 14;
	one(VM_EXIT_NONE, 0, 0, 0);
	OK((script.event.info & 0xff) == 14 && script.window, "an event under way goes first");
	start();
	lapic_raise(&h.m.cpu[0].lapic, 0x55, false);
	h.state.shadow = VCPU_SHADOW_STI;
	one(VM_EXIT_NONE, 0, 0, 0);
	OK(script.event.info == 0 && script.window, "nothing behind sti");
	start();
	h.m.cpu[0].lapic.nmi = true;
	h.state.rflags = 2;
	one(VM_EXIT_NONE, 0, 0, 0);
	OK((script.event.info & ~VCPU_EVENT_VALID) == (VCPU_EVENT_NMI | 2), "an NMI needs no flag");
}

static void test_halt(void)
{
	start();
	OK(one(VM_EXIT_HLT, 1, 0, 0) == MACHINE_HALTED && h.sleeps == 1,
	   "hlt with nothing to come sleeps");
	start();
	h.state.rflags = 2;
	OK(one(VM_EXIT_HLT, 1, 0, 0) == MACHINE_HALTED && h.sleeps == 0,
	   "hlt with interrupts off is the end");
	start();
	mem_out(&h, 0xfee00320, 4, 0x66);
	mem_out(&h, 0xfee003e0, 4, 0xb);
	mem_out(&h, 0xfee00380, 4, LAPIC_HZ / 10);
	one(VM_EXIT_HLT, 1, 0, 0);
	OK(h.sleeps == 1 && (script.event.info & 0xff) == 0x66 && h.state.rip == 0x1001,
	   "a timer ends the sleep with its interrupt");
}

static void test_others(void)
{
	start();
	OK(one(VM_EXIT_SHUTDOWN, 0, 0, 0) == MACHINE_TRIPLE, "a triple fault");
	OK(one(VM_EXIT_UNHANDLED, 0, 0, 0) == MACHINE_BAD_EXIT, "an unknown exit ends the VM");
	OK(one(VM_EXIT_INVALID, 0, 0, 0) == MACHINE_BAD_EXIT, "so does a refused state");
	OK(one((enum vm_exit)31, 0, 0, 0) == MACHINE_BAD_EXIT, "and a number that is no exit");
	OK(one(VM_EXIT_NONE, 0, 0, 0) == MACHINE_NO_ENTRY, "and a kernel that refuses");
	start();
	h.state.gpr[VCPU_RCX] = 0;
	h.state.gpr[VCPU_RAX] = 7;
	one(VM_EXIT_XSETBV, 3, 0, 0);
	OK(h.state.xcr0 == 7 && (h.state.dirty & VCPU_G_XCR), "xsetbv");
	h.state.gpr[VCPU_RAX] = 5;
	one(VM_EXIT_XSETBV, 3, 0, 0);
	OK(gp_injected(), "AVX without SSE faults");
	h.state.gpr[VCPU_RAX] = 0x207;
	one(VM_EXIT_XSETBV, 3, 0, 0);
	OK(gp_injected(), "state the CPU does not have faults");
	one(VM_EXIT_HYPERCALL, 3, 0, 0);
	OK(h.state.gpr[VCPU_RAX] == (uint64_t)-1000, "a hypercall is unknown");
}

int main(void)
{
	test_io();
	test_io_string();
	test_single_step();
	test_cpuid();
	test_msr();
	test_mmio();
	test_mmio_refused();
	test_interrupts();
	test_halt();
	test_others();
	harness_stop(&h);
	return harness_result();
}
