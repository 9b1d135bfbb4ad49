// SPDX-License-Identifier: Apache-2.0
/* Each exit a VMM handles: what the page says, and that the guest goes on with the answer. */
#include "tests/vm/vmtest.h"

GUEST(cpuid)
GUEST(io)
GUEST(mmio)
GUEST(msr)
GUEST(window)
GUEST(inject)
GUEST(slow)
GUEST(error)
GUEST(fpu)
GUEST(avx)
GUEST(dr)
GUEST(tsc)
GUEST(touch)
GUEST(peek)

enum {
	RFLAGS_IF = 1 << 9,
};

extern const uint8_t guest_inject_handler[], guest_slow_handler[], guest_error_handler[];

static void test_cpuid(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(cpuid);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_CPUID, "cpuid exits");
	lab_check(s->gpr[VCPU_RAX] == 0x40000000 && s->gpr[VCPU_RCX] == 7 &&
			  s->gpr[VCPU_R15] == 0x1122334455667788 && s->insn_len == 2,
		  "its registers and length");
	s->gpr[VCPU_RAX] = 0x11;
	s->gpr[VCPU_RBX] = 0x22;
	vcpu_skip(s, s->insn_len);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "the guest goes on to its hypercall");
	lab_check(s->gpr[VCPU_RAX] == 0x11 && s->gpr[VCPU_RBX] == 0x22 && s->insn_len == 3,
		  "with the answer");
	vcpu_skip(s, s->insn_len);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HLT, "hlt exits");
	vcpu_skip(s, s->insn_len);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "and can be passed");
	lab_check(s->runs >= 4, "stays are counted");
}

static void test_io(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(io);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_IO && s->qual[0] == (0x3f8 | 1 << 16) &&
			  (s->gpr[VCPU_RAX] & 0xff) == 0x5a,
		  "out %al, 3f8");
	vcpu_skip(s, s->insn_len);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_IO && s->qual[0] == (0xcf8 | 4 << 16 | VM_IO_IN),
		  "in cf8, %eax");
	s->gpr[VCPU_RAX] = 0x12345678;
	vcpu_skip(s, s->insn_len);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RAX] == 0x12345678,
		  "the value read arrives");
	vcpu_skip(s, s->insn_len);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_IO &&
			  s->qual[0] == (0x1f0 | 2 << 16 | VM_IO_STRING | VM_IO_REP) &&
			  s->gpr[VCPU_RCX] == 4 && s->gpr[VCPU_RSI] == LAB_DATA,
		  "rep outsw exits once with its count");
	vcpu_skip(s, s->insn_len);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "and is passed whole");
}

/* The linear address beside it comes with VT-x alone. */
static uint64_t access_of(const struct vcpu_state *s)
{
	return s->qual[1] & ~(uint64_t)VM_ACCESS_LINEAR;
}

static void test_mmio(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(mmio);
	s->exit_mtd[VM_EXIT_MEMORY] = VCPU_G_CR | VCPU_G_SEG | VCPU_G_EFER;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->qual[0] == LAB_HOLE &&
			  access_of(s) == VM_ACCESS_READ,
		  "read of a hole: address and access");
	lab_check(!(s->caps & VCPU_CAP_VTX) ||
			  (s->qual[1] & VM_ACCESS_LINEAR && s->qual[2] == LAB_HOLE),
		  "with the linear address where the CPU tells it");
	lab_check(s->valid == (VCPU_G_CR | VCPU_G_SEG | VCPU_G_EFER) && s->cr3 == LAB_PML4 &&
			  s->seg[VCPU_CS].attr == 0xa9b && (s->efer & 0x1500) == 0x500,
		  "what a decoder needs was stored, SVME hidden");
	s->gpr[VCPU_RAX] = 99;
	vcpu_skip(s, 2);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->qual[0] == LAB_HOLE + 4 &&
			  access_of(s) == VM_ACCESS_WRITE && s->gpr[VCPU_RAX] == 99,
		  "write to a hole");
	vcpu_skip(s, 3);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->qual[0] == LAB_HOLE &&
			  access_of(s) == VM_ACCESS_EXEC,
		  "fetch from a hole");
}

static void test_msr(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	static const uint32_t index[] = { 0xc0000080, 0x277, 0x10, 0xc0010117, 0x1b };
	static const uint8_t exit[] = { VM_EXIT_MSR_READ, VM_EXIT_MSR_WRITE, VM_EXIT_MSR_READ,
					VM_EXIT_MSR_WRITE, VM_EXIT_MSR_READ };
	bool good = true;

	MACHINE(msr);
	s->exit_mtd[VM_EXIT_HYPERCALL] = VCPU_G_SYSCALL;
	for (unsigned i = 0; i < 5; i++) {
		good &= lab_run(&v, 0, 0) == exit[i] && s->gpr[VCPU_RCX] == index[i];
		vcpu_skip(s, s->insn_len);
	}
	lab_check(good, "EFER, PAT, TSC, HSAVE_PA, APIC_BASE exit");
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_R8] == 0x1234 &&
			  s->gpr[VCPU_R9] == 0xffff8000 && s->lstar == 0xffff800000001234,
		  "LSTAR is the guest's own and passes");
}

static void test_window(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t at;

	MACHINE(window);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && !vcpu_interruptible(s), "cli");
	s->window = 1;
	vcpu_skip(s, 3);
	at = s->rip;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_WINDOW && s->rip == at + 3 && vcpu_interruptible(s),
		  "the window opens behind sti and one more instruction");
	s->window = 0;
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "and the guest goes on");
}

static void test_inject(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(inject);
	lab_gate(&vm, 0x31, (uint64_t)(guest_inject_handler - guest_inject));
	lab_gate(&vm, 2, (uint64_t)(guest_inject_handler - guest_inject));
	s->rflags |= RFLAGS_IF;
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 1 &&
			  s->event.info == 0,
		  "an interrupt reaches its handler");
	vcpu_skip(s, 3);
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 2, "an NMI too");
	vcpu_skip(s, 3);
	lab_equal(lab_run(&v, 0, lab_tsc() + lab_root->tsc_khz * 10), VM_EXIT_TIMEOUT,
		  "afterwards the guest spins on");

	MACHINE(slow);
	lab_gate(&vm, 0x31, (uint64_t)(guest_slow_handler - guest_slow));
	s->rflags |= RFLAGS_IF;
	s->gpr[VCPU_R8] = lab_tsc() + lab_root->tsc_khz * 400;
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 1 &&
			  s->gpr[VCPU_RSP] == LAB_STACK - 5 * 8,
		  "an interrupt reaches a slow handler once");

	MACHINE(error);
	lab_gate(&vm, 14, (uint64_t)(guest_error_handler - guest_error));
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | VCPU_EVENT_ERROR | 14;
	s->event.error = 0x13;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 0x13,
		  "an exception with its error code");
}

/* The stack of the handler is not there: the delivery is cut short and given back. */
static void test_cut(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(inject);
	lab_gate(&vm, 0x31, (uint64_t)(guest_inject_handler - guest_inject));
	s->gpr[VCPU_RSP] = LAB_HOLE + 0x100;
	s->rflags |= RFLAGS_IF;
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_INTR | 0x31;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->event.info == 0x80000031 &&
			  s->qual[1] & VM_ACCESS_WRITE,
		  "an interrupt whose delivery faults is given back");
	s->gpr[VCPU_RSP] = LAB_STACK;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 1,
		  "and delivered by the next run");
}

static void test_fpu(void)
{
	struct lab_vcpu a, b;
	struct lab_vm vm;
	bool good = true;

	lab_vm_make(&vm, guest_fpu, guest_fpu_end);
	lab_vcpu_make(&a, &vm, 0);
	lab_vcpu_make(&b, &vm, 0);
	a.s->gpr[VCPU_RAX] = 0xa;
	b.s->gpr[VCPU_RAX] = 0xb;
	for (unsigned i = 0; i < 10; i++) {
		uint64_t mine = i, back;

		__asm__ volatile("movq %0, %%xmm0; movq %0, %%xmm15"
				 :
				 : "r"(mine)
				 : "xmm0", "xmm15");
		good &= lab_run(&a, 0, 0) == VM_EXIT_HYPERCALL;
		good &= lab_run(&b, 0, 0) == VM_EXIT_HYPERCALL;
		__asm__ volatile("movq %%xmm15, %0" : "=r"(back));
		good &= back == mine;
		vcpu_skip(a.s, 3);
		vcpu_skip(b.s, 3);
	}
	good &= a.s->gpr[VCPU_RBX] == 0xa && a.s->gpr[VCPU_RCX] == 0xa;
	good &= b.s->gpr[VCPU_RBX] == 0xb && b.s->gpr[VCPU_RCX] == 0xb;
	lab_check(good, "two guests and the VMM keep their vector registers apart");
}

/* Not every emulator intercepts xsetbv; then the kernel finds out what the guest did. */
static void test_avx(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t exit;

	MACHINE(avx);
	if (!(s->xcr0_max & 4)) {
		lab_check(true, "no AVX on this machine # SKIP");
		return;
	}
	s->gpr[VCPU_R8] = 0x77;
	exit = lab_run(&v, 0, 0);
	if (exit == VM_EXIT_XSETBV) {
		vcpu_skip(s, s->insn_len);
		s->xcr0 = s->gpr[VCPU_RAX];
		s->dirty = VCPU_G_XCR;
		exit = lab_run(&v, 0, 0);
	}
	lab_equal(exit, VM_EXIT_HYPERCALL, "AVX works once xcr0 allows it");
	vcpu_skip(s, 3);
	__asm__ volatile("vzeroall" : : : "xmm2");
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_R9] == 0x77 &&
			  s->gpr[VCPU_RAX] == 7,
		  "upper halves are kept; the guest reads its own xcr0");
	s->xcr0 = 5;
	s->dirty = VCPU_G_XCR;
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_INVALID, "an impossible xcr0 is refused");
}

static void test_dr(void)
{
	struct lab_vcpu a, b;
	struct lab_vm vm;
	bool good = true;

	lab_vm_make(&vm, guest_dr, guest_dr_end);
	lab_vcpu_make(&a, &vm, 0);
	lab_vcpu_make(&b, &vm, 0);
	a.s->gpr[VCPU_RAX] = 0x1000;
	a.s->gpr[VCPU_RBX] = 0x2000;
	b.s->gpr[VCPU_RAX] = 0x3000;
	b.s->gpr[VCPU_RBX] = 0x4000;
	a.s->exit_mtd[VM_EXIT_HYPERCALL] = VCPU_G_DR;
	for (unsigned i = 0; i < 2; i++) {
		good &= lab_run(&a, 0, 0) == VM_EXIT_HYPERCALL;
		good &= lab_run(&b, 0, 0) == VM_EXIT_HYPERCALL;
		vcpu_skip(a.s, 3);
		vcpu_skip(b.s, 3);
	}
	good &= a.s->gpr[VCPU_RCX] == 0x1000 && a.s->gpr[VCPU_RDX] == 0x2000;
	good &= b.s->gpr[VCPU_RCX] == 0x3000 && b.s->gpr[VCPU_RDX] == 0x4000;
	lab_check(good && a.s->dr[0] == 0x1000 && a.s->dr[3] == 0x2000,
		  "guests have debug registers of their own");
}

static void test_tsc(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t before;

	MACHINE(tsc);
	s->tsc_offset = -lab_tsc();
	before = lab_tsc();
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "rdtsc does not exit");
	lab_check((s->gpr[VCPU_RDX] << 32 | s->gpr[VCPU_RAX]) + (0 - s->tsc_offset) - before <
			  lab_root->tsc_khz * 1000,
		  "and is offset");
}

static void test_memory(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(touch);
	s->gpr[VCPU_RSI] = LAB_RAM;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL &&
			  s->gpr[VCPU_RAX] == (LAB_RAM - 0x40000) / 0x1000 &&
			  vm.mem[LAB_RAM - 0x1000] == 1,
		  "guest and VMM see the same memory");
	lab_must(sys_unmap(vm.space, 0, LAB_RAM), "unmap guest memory");
	lab_vcpu_reset(&v, 0);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_MEMORY, "unmapped memory is gone at once");
	lab_must(sys_map(vm.mo, vm.space, 0, 0, LAB_RAM, RIGHT_R | RIGHT_X), "map read-only");
	lab_vcpu_reset(&v, 0);
	s->gpr[VCPU_RSI] = LAB_RAM;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->qual[1] & VM_ACCESS_WRITE &&
			  s->qual[1] & VM_ACCESS_MAPPED,
		  "a write to read-only memory exits and says so");
}

enum {
	GIB = 1 << 30,
	LAB_HIGH = GIB, /* second GiB of the guest */
	DEVICE_GIB = 2, /* no RAM and no local APIC there; q35 has its configuration space in it */
	DEVICE_OFFSET = 0x30000000,
};

static uint64_t frames_used(void)
{
	uint64_t quota, used;

	lab_must(sys_ctrl_kmem(lab_root->pd, lab_root->pd, 0, &quota, &used), "ask the account");
	return used;
}

static bool has_gib_pages(void)
{
	uint32_t a = 0x80000001, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return d >> 26 & 1;
}

/* 1 GiB without a table of its own: the leaf is that large. */
static void test_large(void)
{
	uint64_t va = lab_va(1), device = DEVICE_GIB * (uint64_t)GIB, before;
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(peek);
	lab_must(sys_map(lab_root->mo_dev, lab_root->pd, va, device + DEVICE_OFFSET, PAGE_SIZE,
			 RIGHT_R),
		 "map a device");
	lab_must(sys_map(vm.mo, vm.space, LAB_RAM, 0, PAGE_SIZE, RIGHT_R), "make room for records");
	before = frames_used();
	lab_must(sys_map(lab_root->mo_dev, vm.space, LAB_HIGH, device, GIB, RIGHT_R), "map 1 GiB");
	lab_equal(frames_used() - before, has_gib_pages() ? 0 : 1,
		  "1 GiB is one page where the processor has such");
	*(uint64_t *)(void *)(vm.mem + LAB_PDPT + 8) = LAB_HIGH | 0x83;
	s->gpr[VCPU_RSI] = LAB_HIGH + DEVICE_OFFSET;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL &&
			  s->gpr[VCPU_RAX] == *(volatile uint64_t *)va && s->gpr[VCPU_RAX] != 0,
		  "through which the guest reads what the host reads");
	lab_must(sys_unmap(vm.space, LAB_HIGH, GIB), "unmap 1 GiB");
	vcpu_skip(s, s->insn_len);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY, "and it goes in one piece");
}

void test_exits(void)
{
	lab_name = "vm_exits";
	test_cpuid();
	test_io();
	test_mmio();
	test_msr();
	test_window();
	test_inject();
	test_cut();
	test_fpu();
	test_avx();
	test_dr();
	test_tsc();
	test_memory();
	test_large();
}
