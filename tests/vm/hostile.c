// SPDX-License-Identifier: Apache-2.0
/* Guests and VMMs that try to break out or to stop the machine; each may hurt only itself. */
#include "tests/vm/vmtest.h"

GUEST(cpuid)
GUEST(undefined)
GUEST(triple)
GUEST(stuck)
GUEST(control)
GUEST(spin)
GUEST(tell)

extern const uint8_t guest_undefined_handler[], guest_stuck_handler[], guest_control_handler[];

enum {
	RANDOM_STATES = 300,
	RANDOM_EXITS = 4,
	SVM_INSNS = 7,
};

static void test_undefined(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(undefined);
	lab_gate(&vm, 6, (uint64_t)(guest_undefined_handler - guest_undefined));
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "a guest may try all SVM instructions");
	lab_equal(s->gpr[VCPU_RBX], SVM_INSNS, "each is undefined for it");
	vcpu_skip(s, 3);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_HYPERCALL, "and rdtscp, monitor, mwait");
	lab_check(s->gpr[VCPU_RBX] >= SVM_INSNS + 2,
		  "which are not offered (QEMU lets rdtscp pass)");
}

static void test_shutdown(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(triple);
	lab_equal(lab_run(&v, 0, 0), VM_EXIT_SHUTDOWN, "a triple fault is told");
	lab_vcpu_reset(&v, 0);
	s->cr3 = LAB_HOLE;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->qual[1] & VM_ACCESS_WALK,
		  "page tables in a hole: the walk exits");
}

static void test_stuck(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(stuck);
	lab_gate(&vm, 1, (uint64_t)(guest_stuck_handler - guest_stuck));
	s->rflags |= 0x100;
	lab_equal(lab_run(&v, 0, lab_tsc() + lab_root->tsc_khz * 50), VM_EXIT_TIMEOUT,
		  "endless debug exceptions do not hold the CPU");
}

static void test_control(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t exit;

	MACHINE(control);
	lab_gate(&vm, 13, (uint64_t)(guest_control_handler - guest_control));
	exit = lab_run(&v, 0, lab_tsc() + lab_root->tsc_khz * 5000);
	/* QEMU ends a guest that sets a reserved bit, where a processor raises #GP */
	lab_check(exit == VM_EXIT_HYPERCALL || exit == VM_EXIT_INVALID,
		  "a guest sets every control bit it can");
	MACHINE(cpuid);
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_CPUID && s->gpr[VCPU_RCX] == 7,
		  "and the next guest sees nothing of it");
}

static uint64_t run_short(const struct lab_vcpu *v)
{
	return lab_run(v, 0, lab_tsc() + lab_root->tsc_khz);
}

static void expect_invalid(struct lab_vcpu *v, const char *what)
{
	lab_equal(run_short(v), VM_EXIT_INVALID, what);
	lab_vcpu_reset(v, 0);
}

static void test_refused(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(spin);
	s->cr0 |= UINT64_C(1) << 40;
	expect_invalid(&v, "CR0 with high bits is refused");
	s->cr0 |= 1 << 29;
	expect_invalid(&v, "CR0 with NW but not CD is refused");
	s->cr4 |= UINT64_C(1) << 50;
	expect_invalid(&v, "CR4 with reserved bits is refused");
	s->cr4 &= ~UINT64_C(0x20);
	expect_invalid(&v, "long mode without PAE is refused");
	s->efer |= UINT64_C(1) << 40;
	expect_invalid(&v, "EFER with reserved bits is refused");
	s->dr7 |= UINT64_C(1) << 40;
	expect_invalid(&v, "DR7 with high bits is refused");
	s->event.info = VCPU_EVENT_VALID | 1 << VCPU_EVENT_TYPE_SHIFT;
	expect_invalid(&v, "an event of no known type is refused");
	s->xcr0 = 0;
	if (s->xcr0_max)
		expect_invalid(&v, "XCR0 without x87 is refused");
	lab_equal(run_short(&v), VM_EXIT_TIMEOUT, "the same vCPU runs again after all that");
}

static uint64_t seed = 7;

static uint64_t next(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed >> 13 ^ seed << 33;
}

/* Half of the words random, so that some states get further than others. */
static void scramble(struct vcpu_state *s)
{
	uint64_t *words = (uint64_t *)(void *)s;

	for (size_t i = offsetof(struct vcpu_state, event) / 8;
	     i < offsetof(struct vcpu_state, reserved1) / 8; i++)
		if (!(next() & 7))
			words[i] = next();
	s->dirty = VCPU_G_ALL;
}

static void test_random(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	bool good = true;

	MACHINE(spin);
	for (unsigned i = 0; i < RANDOM_STATES; i++) {
		uint64_t exit;

		lab_vcpu_reset(&v, 0);
		scramble(s);
		exit = run_short(&v);
		good &= exit > VM_EXIT_NONE && exit <= VM_EXIT_LAST;
	}
	lab_check(good, "random states end in an exit");
	lab_vcpu_reset(&v, 0);
	lab_equal(run_short(&v), VM_EXIT_TIMEOUT, "and the vCPU runs again");
}

/* Memory full of random bytes as code, in 64 and 32 bits and real mode; each exit is passed over. */
static void test_random_code(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	bool good = true;

	MACHINE(spin);
	for (unsigned i = 0; i < RANDOM_STATES; i++) {
		for (unsigned k = LAB_CODE; k < LAB_STACK; k += 8)
			*(uint64_t *)(void *)(vm.mem + k) = next();
		lab_vcpu_reset(&v, next() & 0xffff);
		if (i % 3)
			s->cr0 &= i % 3 == 1 ? ~UINT64_C(0x80000000) : ~UINT64_C(0x80000001);
		if (i % 3)
			s->efer = 0, s->seg[VCPU_CS].attr = 0xc9b;
		for (unsigned k = 0; k < RANDOM_EXITS; k++) {
			uint64_t exit = run_short(&v);

			good &= exit > VM_EXIT_NONE && exit <= VM_EXIT_LAST;
			vcpu_skip(s, s->insn_len + 1);
		}
	}
	lab_check(good, "random code ends in exits");
	MACHINE(spin);
	lab_equal(run_short(&v), VM_EXIT_TIMEOUT, "and other guests run on");
}

static void test_calls(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t reason, va = lab_va(1);
	sel_t sel = lab_sel();

	MACHINE(tell);
	lab_check(sys_vcpu_run(vm.space, 0, 0, &reason) == S_BAD_CAP &&
			  sys_vcpu_run(v.sel, vm.space, 0, &reason) == S_BAD_CAP &&
			  sys_vcpu_run(SEL_NULL, 0, 0, &reason) == S_BAD_CAP,
		  "selectors of the wrong type are refused");
	lab_check(sys_create_vcpu(sel, lab_root->pd, vm.space, va + 8) == S_BAD_PARAM &&
			  sys_create_vcpu(sel, lab_root->pd, vm.space, 0xffffffff80000000) ==
				  S_BAD_PARAM &&
			  sys_create_vcpu(sel, lab_root->pd, vm.space, (uint64_t)s) == S_BUSY &&
			  sys_create_vcpu(v.sel, lab_root->pd, vm.space, va) == S_BUSY &&
			  sys_create_vcpu(sel, vm.space, vm.space, va) == S_BAD_CAP,
		  "create_vcpu refuses bad addresses, taken slots, wrong types");
	lab_must(sys_delegate(v.sel, lab_root->pd, sel, RIGHT_CTRL), "delegate");
	lab_equal(sys_vcpu_run(sel, 0, 0, &reason), S_RIGHTS, "running needs the right to");
}

void test_hostile(void)
{
	lab_name = "vm_hostile";
	test_undefined();
	test_shutdown();
	test_stuck();
	test_control();
	test_refused();
	test_random();
	test_random_code();
	test_calls();
}
