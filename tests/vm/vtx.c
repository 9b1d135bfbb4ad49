// SPDX-License-Identifier: Apache-2.0
/* What VT-x leaves to its kernel: events whose delivery was cut, NMIs, single steps, more tags than there are. */
#include "tests/vm/vmtest.h"

GUEST(inject)
GUEST(soft)
GUEST(step)
GUEST(peek)

extern const uint8_t guest_inject_handler[], guest_soft_handler[], guest_step_handler[];

enum {
	VECTOR = 0x31,
	INT_BYTES = 2,
	DR6_BS = 1 << 14,
	TAGS_AND_SOME = 66000,
};

/* The stack is not there when the guest executes int n: the VMM makes one, and the instruction runs again. */
static void test_soft_interrupt(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(soft);
	lab_gate(&vm, VECTOR, (uint64_t)(guest_soft_handler - guest_soft));
	s->gpr[VCPU_RSP] = LAB_HOLE + 0x100;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->event.info == 0 && s->rip == LAB_CODE,
		  "a software interrupt whose delivery faults is at its instruction again");
	s->gpr[VCPU_RSP] = LAB_STACK;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL &&
			  s->gpr[VCPU_RBX] == LAB_CODE + INT_BYTES,
		  "and returns behind it");
}

static void test_nmi(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	uint64_t sp;

	MACHINE(inject);
	lab_gate(&vm, 2, (uint64_t)(guest_inject_handler - guest_inject));
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->shadow == VCPU_SHADOW_NMI,
		  "the handler of an NMI blocks others");
	sp = s->gpr[VCPU_RSP];
	vcpu_skip(s, s->insn_len);
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 2 &&
			  s->gpr[VCPU_RSP] == sp,
		  "the next one comes when the first has returned");
	vcpu_skip(s, s->insn_len);
	s->gpr[VCPU_RSP] = LAB_HOLE + 0x100;
	s->shadow = 0;
	s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_MEMORY && s->shadow == 0 &&
			  s->event.info == (VCPU_EVENT_VALID | VCPU_EVENT_NMI | 2),
		  "one whose delivery faults is given back and blocks nothing");
	s->gpr[VCPU_RSP] = LAB_STACK;
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RBX] == 3,
		  "and delivered by the next run");
}

static void test_step(void)
{
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;

	MACHINE(step);
	lab_gate(&vm, 1, (uint64_t)(guest_step_handler - guest_step));
	lab_check(lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RAX] & DR6_BS,
		  "a single step says so in DR6");
	lab_check(s->gpr[VCPU_RBX] > LAB_CODE && s->gpr[VCPU_RBX] < LAB_CODE + 16,
		  "behind the instruction");
}

/* Each change of the space takes a new tag: after 65,535 of them they begin again. */
static void test_tags(void)
{
	uint64_t at = LAB_RAM, *page[2];
	struct lab_vcpu v;
	struct vcpu_state *s;
	struct lab_vm vm;
	bool good = true;
	sel_t mo[2];

	MACHINE(peek);
	for (unsigned i = 0; i < 2; i++) {
		page[i] = lab_alloc(PAGE_SIZE, &mo[i]);
		*page[i] = 100 + i;
	}
	s->gpr[VCPU_RSI] = at;
	for (unsigned i = 0; i < TAGS_AND_SOME && good; i++) {
		lab_must(sys_map(mo[i % 2], vm.space, at, 0, PAGE_SIZE, RIGHT_R), "map a page");
		good &= lab_run(&v, 0, 0) == VM_EXIT_HYPERCALL && s->gpr[VCPU_RAX] == 100 + i % 2;
		vcpu_skip(s, s->insn_len);
		s->rip = LAB_CODE;
		lab_must(sys_unmap(vm.space, at, PAGE_SIZE), "unmap it");
	}
	lab_check(good, "66,000 changes of a space, more than there are TLB tags, are all seen");
}

void test_vtx(void)
{
	struct lab_vcpu v;
	struct lab_vm vm;

	lab_name = "vm_vtx";
	lab_vm_make(&vm, guest_peek, guest_peek_end);
	lab_vcpu_make(&v, &vm, 0);
	if (!(v.s->caps & VCPU_CAP_VTX))
		return;
	test_soft_interrupt();
	test_nmi();
	test_step();
	if (lab_root->cpu_count == 1) /* with more, Bochs takes too long for it */
		test_tags();
}
