// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/lab.h"

enum {
	VA_FIRST = 0x10000000,
	STACK_SIZE = 0x4000,
	DEBUG_EXIT_PORT = 0xf4,
	EFER_LONG = 0x500, /* LME LMA */
	EFER_SCE = 1,
	CR4_BASE = 0x620, /* PAE OSFXSR OSXMMEXCPT */
	LAB_CODE_MAX = 0x1000,
};

#define CR0_BASE UINT64_C(0x80010033) /* PG WP NE ET MP PE */

const struct root_info *lab_root;
static int failed;
static sel_t next_sel;
static uint64_t next_va = VA_FIRST;
static uint64_t mem_used;

static void put(char c)
{
	uint64_t a, b;

	(void)!sys_ctrl_hw(lab_root->hw, HW_PUTC, (uint64_t)c, 0, &a, &b);
}

void lab_text(const char *text)
{
	while (*text)
		put(*text++);
}

void lab_number(uint64_t value)
{
	char digits[21];
	unsigned n = sizeof(digits) - 1;

	digits[n] = 0;
	do
		digits[--n] = (char)('0' + value % 10);
	while (value /= 10);
	lab_text(digits + n);
}

bool lab_check(bool good, const char *what)
{
	lab_text(good ? "ok " : "not ok ");
	lab_text(lab_name);
	lab_text(": ");
	lab_text(what);
	lab_text("\n");
	if (!good)
		failed = 1;
	return good;
}

bool lab_equal(uint64_t got, uint64_t want, const char *what)
{
	if (got != want) {
		lab_text("# got ");
		lab_number(got);
		lab_text(", want ");
		lab_number(want);
		lab_text("\n");
	}
	return lab_check(got == want, what);
}

int lab_failed(void)
{
	return failed;
}

static _Noreturn void finish(int code)
{
	uint64_t a, b;

	lab_text(code ? "RESULT FAIL\n" : "RESULT PASS\n");
	(void)!sys_ctrl_hw(lab_root->hw, HW_OUT, DEBUG_EXIT_PORT,
			   (uint64_t)code | UINT64_C(4) << 32, &a, &b);
	for (;;)
		(void)!sys_ctrl_hw(lab_root->hw, HW_HALT, 0, 0, &a, &b);
}

void lab_must(enum status status, const char *what)
{
	if (status == S_OK)
		return;
	lab_text("# status ");
	lab_number(status);
	lab_text("\n");
	lab_check(false, what);
	finish(1);
}

_Noreturn void lab_start(const struct root_info *root)
{
	lab_root = root;
	next_sel = root->first_free_sel;
	finish(lab_main());
}

__asm__(".globl _start\n"
	".section .text._start, \"ax\", @progbits\n"
	"_start: xor %ebp, %ebp\n"
	"	and $-16, %rsp\n"
	"	call lab_start\n"
	".text\n");

struct lab_mark lab_mark(void)
{
	return (struct lab_mark){ next_sel, next_va, mem_used };
}

void lab_release(struct lab_mark mark)
{
	next_sel = mark.sel;
	next_va = mark.va;
	mem_used = mark.memory;
}

sel_t lab_sel(void)
{
	return next_sel++;
}

uint64_t lab_va(uint64_t pages)
{
	uint64_t va = next_va;

	next_va += (pages + 1) * PAGE_SIZE;
	return va;
}

static const struct root_mem *largest(void)
{
	const struct root_mem *best = &lab_root->mem[0];

	for (uint32_t i = 1; i < lab_root->mem_count; i++)
		if (lab_root->mem[i].size > best->size)
			best = &lab_root->mem[i];
	return best;
}

uint64_t lab_memory_at;

sel_t lab_memory(uint64_t size, uint64_t align)
{
	const struct root_mem *m = largest();
	uint64_t base = (m->base + mem_used + align - 1) & ~(align - 1);
	sel_t sel = lab_sel();

	lab_must(sys_derive(sel, m->sel, base - m->base, size, RIGHT_ALL), "derive memory");
	mem_used = base - m->base + size;
	lab_memory_at = base;
	return sel;
}

void *lab_alloc(uint64_t size, sel_t *mo)
{
	uint64_t align = size >= 0x200000 ? 0x200000 : PAGE_SIZE;
	uint64_t va;
	uint8_t *p;

	next_va = (next_va + align - 1) & ~(align - 1);
	va = lab_va(size / PAGE_SIZE);
	*mo = lab_memory(size, align);
	lab_must(sys_map(*mo, lab_root->pd, va, 0, size, RIGHT_RW), "map memory");
	p = (uint8_t *)va;
	for (uint64_t i = 0; i < size; i += 8)
		*(volatile uint64_t *)(p + i) = 0;
	return p;
}

sel_t lab_thread(uint32_t cpu, uint64_t prio, void (*fn)(void))
{
	sel_t mo, ec = lab_sel();
	uint64_t stack = (uint64_t)lab_alloc(STACK_SIZE, &mo) + STACK_SIZE;

	lab_must(sys_create_ec(ec, lab_root->pd, cpu, lab_va(1), stack - 8, (uint64_t)fn),
		 "create thread");
	lab_must(sys_create_sc(lab_sel(), lab_root->pd, ec, prio, 0, 0), "create sc");
	return ec;
}

_Noreturn void lab_thread_end(void)
{
	sel_t sm = lab_sel();
	uint64_t count;

	lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
	for (;;)
		(void)!sys_ctrl_sm(sm, SM_DOWN, 0, &count);
}

uint64_t lab_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static uint64_t *words(const struct lab_vm *vm, uint64_t gpa)
{
	return (uint64_t *)(vm->mem + gpa);
}

void lab_gate(const struct lab_vm *vm, unsigned vector, uint64_t offset)
{
	uint64_t *gate = words(vm, LAB_IDT) + vector * 2;

	gate[0] = ((LAB_CODE + offset) & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32 |
		  ((LAB_CODE + offset) >> 16) << 48;
	gate[1] = 0;
}

void lab_vm_make(struct lab_vm *vm, const uint8_t *code, const uint8_t *code_end)
{
	vm->space = lab_sel();
	vm->mem = lab_alloc(LAB_RAM, &vm->mo);
	lab_must(sys_create_space(vm->space, lab_root->pd, SPACE_GUEST), "create space");
	lab_must(sys_map(vm->mo, vm->space, 0, 0, LAB_RAM, RIGHT_RW | RIGHT_X), "map guest memory");
	words(vm, LAB_PML4)[0] = LAB_PDPT | 3;
	words(vm, LAB_PDPT)[0] = LAB_PD | 3;
	for (uint64_t i = 0; i < 512; i++)
		words(vm, LAB_PD)[i] = i << 21 | 0x83;
	words(vm, LAB_GDT)[1] = UINT64_C(0x00af9b000000ffff);
	words(vm, LAB_GDT)[2] = UINT64_C(0x00cf93000000ffff);
	for (size_t i = 0; code + i < code_end; i++)
		vm->mem[LAB_CODE + i] = code[i];
}

void lab_vcpu_reset(struct lab_vcpu *v, uint64_t offset)
{
	struct vcpu_state *s = v->s;

	for (unsigned i = 0; i < VCPU_GPRS; i++)
		s->gpr[i] = 0;
	s->gpr[VCPU_RSP] = LAB_STACK;
	s->rip = LAB_CODE + offset;
	s->rflags = 2;
	s->event.info = s->shadow = s->window = 0;
	s->cr0 = CR0_BASE;
	s->cr3 = LAB_PML4;
	s->cr4 = CR4_BASE;
	s->cr2 = s->cr8 = 0;
	s->xcr0 = s->xcr0_max ? 1 : 0;
	for (unsigned i = VCPU_ES; i <= VCPU_GS; i++)
		s->seg[i] = (struct vcpu_seg){ 16, 0xc93, 0xffffffff, 0 };
	s->seg[VCPU_CS] = (struct vcpu_seg){ 8, 0xa9b, 0xffffffff, 0 };
	s->seg[VCPU_LDTR] = (struct vcpu_seg){ 0, 0, 0, 0 };
	s->seg[VCPU_TR] = (struct vcpu_seg){ 0, 0x8b, 0x67, 0 };
	s->gdtr = (struct vcpu_seg){ .limit = 23, .base = LAB_GDT };
	s->idtr = (struct vcpu_seg){ .limit = 0xfff, .base = LAB_IDT };
	s->dr6 = 0xffff0ff0;
	s->dr7 = 0x400;
	s->star = s->lstar = s->cstar = s->sfmask = s->kernel_gs_base = 0;
	s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
	s->efer = EFER_LONG | EFER_SCE;
	s->pat = UINT64_C(0x0007040600070406);
	s->tsc_offset = 0;
	s->dirty = VCPU_G_ALL;
}

/* The guests' code has SVM's hypercall instruction; VT-x has another one of the same length. */
static void fit_hypercalls(const struct lab_vm *vm)
{
	uint8_t *p = vm->mem + LAB_CODE;

	for (unsigned i = 0; i < LAB_CODE_MAX - 2; i++)
		if (p[i] == 0x0f && p[i + 1] == 0x01 && p[i + 2] == 0xd9)
			p[i + 2] = 0xc1;
}

void lab_vcpu_make(struct lab_vcpu *v, const struct lab_vm *vm, uint64_t offset)
{
	uint64_t va = lab_va(1);

	v->sel = lab_sel();
	v->s = (struct vcpu_state *)va;
	lab_must(sys_create_vcpu(v->sel, lab_root->pd, vm->space, va), "create vcpu");
	if (v->s->caps & VCPU_CAP_VTX)
		fit_hypercalls(vm);
	lab_vcpu_reset(v, offset);
}

uint64_t lab_run(const struct lab_vcpu *v, sel_t sm, uint64_t deadline)
{
	uint64_t reason = 0;
	enum status status = sys_vcpu_run(v->sel, sm, deadline, &reason);

	return status == S_OK ? reason : 0x100 + (uint64_t)status;
}
