// SPDX-License-Identifier: Apache-2.0
/*
 * Instructions on device memory: each is run by the CPU on a buffer and by services/vmm on a device that is the same
 * buffer; registers, arithmetic flags and memory must come out the same. Then decoding in the other modes.
 */
#include <stdio.h>
#include <string.h>
#include "services/vmm/exception.h"
#include "services/vmm/insn.h"
#include "services/vmm/mmu.h"
#include "tests/unit/vmm_harness.h"

#define OK(cond, what) check_that("vmm_insn", cond, what)

/* %rdi points 64 bytes into the buffer, %rsi 128 bytes; %rcx and %rax hold values. */
#define SNIPPETS(X)                    \
	X("mov %eax, (%rdi)")          \
	X("mov %rax, 8(%rdi)")         \
	X("mov %ax, -6(%rdi)")         \
	X("mov %al, 3(%rdi)")          \
	X("mov %ah, 5(%rdi)")          \
	X("mov %r9d, (%rdi,%r8,4)")    \
	X("mov (%rdi), %eax")          \
	X("mov (%rdi), %r10")          \
	X("mov (%rdi), %dx")           \
	X("mov (%rdi), %bh")           \
	X("mov 16(%rdi,%r8,2), %r9b")  \
	X("movl $0x12345678, (%rdi)")  \
	X("movq $-2, (%rdi)")          \
	X("movw $0x1234, 2(%rdi)")     \
	X("movb $0x12, 7(%rdi)")       \
	X("movzbl (%rdi), %eax")       \
	X("movzwl (%rdi), %r11d")      \
	X("movzbw (%rdi), %cx")        \
	X("movzwq (%rdi), %rdx")       \
	X("movsbl 1(%rdi), %eax")      \
	X("movswq 2(%rdi), %rbx")      \
	X("movslq (%rdi), %rdx")       \
	X("and %eax, (%rdi)")          \
	X("and (%rdi), %rax")          \
	X("andl $0xf0f0, (%rdi)")      \
	X("andb $0x81, (%rdi)")        \
	X("or %al, (%rdi)")            \
	X("orl $-16, 4(%rdi)")         \
	X("lock orq $1, (%rdi)")       \
	X("xor %rax, (%rdi)")          \
	X("xorw $0x55, (%rdi)")        \
	X("add %eax, (%rdi)")          \
	X("add (%rdi), %cl")           \
	X("addq $127, (%rdi)")         \
	X("lock addl $-1, (%rdi)")     \
	X("sub %rax, (%rdi)")          \
	X("sub (%rdi), %eax")          \
	X("subb $0x7f, (%rdi)")        \
	X("cmp %eax, (%rdi)")          \
	X("cmp (%rdi), %eax")          \
	X("cmp (%rdi), %rcx")          \
	X("cmpl $0x7fffffff, (%rdi)")  \
	X("cmpb $0x80, (%rdi)")        \
	X("cmpw $-1, (%rdi)")          \
	X("test %eax, (%rdi)")         \
	X("testl $0x80000000, (%rdi)") \
	X("testb $1, (%rdi)")          \
	X("xchg %eax, (%rdi)")         \
	X("xchg %r12b, (%rdi)")        \
	X("stosl")                     \
	X("stosb")                     \
	X("rep stosq")                 \
	X("rep stosb")                 \
	X("lodsl")                     \
	X("lodsb")                     \
	X("movsl")                     \
	X("rep movsb")                 \
	X("rep movsq")                 \
	X("mov %eax, (%edi)")

#define ASM(text) "1: " text "\n 2: ret\n .pushsection .rodata\n .quad 1b, 2b\n .popsection\n"
__asm__(".pushsection .rodata\n .balign 8\n snippets:\n .popsection\n .text\n" SNIPPETS(ASM));

struct snippet {
	const uint8_t *first, *end;
};

extern const struct snippet snippets[];
static const char *const text[] = {
#define TEXT(t) t,
	SNIPPETS(TEXT)
};

enum { COUNT = sizeof(text) / sizeof(text[0]), BUFFER = 256, FLAGS = 0x8d5 };
#define DEVICE UINT64_C(0xd0000000)
#define CODE   UINT64_C(0x1000)

struct regs {
	uint64_t gpr[16]; /* rsp unused */
	uint64_t flags;
};

/* In the low 2 GiB, so that a 32-bit address reaches it: the tests are linked position-dependent for that. */
static uint8_t native[BUFFER], device[BUFFER];
static struct harness h;

/* Load r, call code, store r. */
void run_native(struct regs *r, const uint8_t *code);
__asm__(".text\n.globl run_native\nrun_native:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"push %rdi\n push %rsi\n"
	"mov %rdi, %rbp\n"
	"push 128(%rbp)\n popfq\n"
	"mov 0(%rbp), %rax\n mov 8(%rbp), %rcx\n mov 16(%rbp), %rdx\n mov 24(%rbp), %rbx\n"
	"mov 48(%rbp), %rsi\n mov 56(%rbp), %rdi\n mov 64(%rbp), %r8\n mov 72(%rbp), %r9\n"
	"mov 80(%rbp), %r10\n mov 88(%rbp), %r11\n mov 96(%rbp), %r12\n"
	"call *(%rsp)\n"
	"mov 8(%rsp), %rbp\n"
	"mov %rax, 0(%rbp)\n mov %rcx, 8(%rbp)\n mov %rdx, 16(%rbp)\n mov %rbx, 24(%rbp)\n"
	"mov %rsi, 48(%rbp)\n mov %rdi, 56(%rbp)\n mov %r8, 64(%rbp)\n mov %r9, 72(%rbp)\n"
	"mov %r10, 80(%rbp)\n mov %r11, 88(%rbp)\n mov %r12, 96(%rbp)\n"
	"pushfq\n pop 128(%rbp)\n"
	"add $16, %rsp\n"
	"pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n");

static uint32_t device_read(void *dev, uint32_t at, unsigned size)
{
	uint32_t v = 0;

	memcpy(&v, (uint8_t *)dev + at, size);
	return v;
}

static void device_write(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	memcpy((uint8_t *)dev + at, &value, size);
}

static void add_device(void)
{
	struct bus_range r = { .first = DEVICE,
			       .last = DEVICE + BUFFER - 1,
			       .base = DEVICE,
			       .width = 4,
			       .dev = device,
			       .read = device_read,
			       .write = device_write };

	bus_add(&h.m.memory, &r);
}

static void set_long_mode(struct vcpu_state *s)
{
	s->cr0 = 1;
	s->efer = 0x500;
	s->seg[VCPU_CS].attr = VCPU_ATTR_P | VCPU_ATTR_L;
}

/* Pointers stand for their place in the buffer. */
static uint64_t relative(uint64_t v, uint64_t base)
{
	return v - base < BUFFER ? v - base : v;
}

static bool same(const struct regs *a, const struct vcpu_state *s)
{
	for (unsigned i = 0; i < 13; i++) {
		uint64_t want = relative(a->gpr[i], (uintptr_t)native);

		if (i != VCPU_RSP && i != VCPU_RBP && want != relative(s->gpr[i], DEVICE))
			return false;
	}
	return ((a->flags ^ s->rflags) & FLAGS) == 0 && memcmp(native, device, BUFFER) == 0;
}

/* The CPU reports the address of the access; here the operand tells it. */
static uint64_t operand(const struct snippet *snip, uint64_t seed)
{
	uint64_t gpr[VCPU_GPRS] = { 0 };
	struct insn i;

	gpr[VCPU_RDI] = DEVICE + 64;
	gpr[VCPU_R8] = seed % 5;
	if (insn_decode(snip->first, (size_t)(snip->end - snip->first), 64, &i) != 0)
		return 0;
	return insn_offset(&i, gpr, CODE);
}

static bool compare(const struct snippet *snip, uint64_t seed)
{
	struct mmio_space space = { .gm = &h.m.gm, .bus = &h.m.memory };
	size_t len = (size_t)(snip->end - snip->first);
	struct regs r = { .flags = 2 | (seed & 1) };
	struct vcpu_state s;

	memset(&s, 0, sizeof(s));
	for (unsigned i = 0; i < BUFFER; i++)
		native[i] = device[i] = (uint8_t)(seed * 31 + i * (seed | 1) * 7);
	for (unsigned i = 0; i < 13; i++)
		s.gpr[i] = r.gpr[i] = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
	s.gpr[VCPU_RCX] = r.gpr[VCPU_RCX] = seed % 6;
	s.gpr[VCPU_R8] = r.gpr[VCPU_R8] = seed % 5;
	r.gpr[VCPU_RDI] = (uintptr_t)native + 64;
	r.gpr[VCPU_RSI] = (uintptr_t)native + 128;
	s.gpr[VCPU_RDI] = DEVICE + 64;
	s.gpr[VCPU_RSI] = DEVICE + 128;
	s.rflags = r.flags;
	s.rip = CODE;
	set_long_mode(&s);
	gm_write(&h.m.gm, CODE, snip->first, len);
	run_native(&r, snip->first);
	return mmio_emulate(&s, &space, operand(snip, seed), true) == MMIO_DONE &&
	       s.rip == CODE + len && same(&r, &s);
}

static void test_against_cpu(void)
{
	for (unsigned n = 0; n < COUNT; n++) {
		const struct snippet *snip = &snippets[n];
		bool good = true;

		for (uint64_t seed = 1; seed < 200 && good; seed++)
			good = compare(snip, seed);
		OK(good, text[n]);
	}
}

static int decode(const char *bytes, size_t n, unsigned bits, struct insn *i)
{
	return insn_decode((const uint8_t *)bytes, n, bits, i);
}

static void test_modes(void)
{
	struct insn i;

	OK(decode("\x89\x07", 2, 32, &i) == 0 && i.size == 4 && i.address_bits == 32, "32-bit mov");
	OK(decode("\x66\x89\x07", 3, 32, &i) == 0 && i.size == 2, "with operand prefix");
	OK(decode("\x89\x07", 2, 16, &i) == 0 && i.size == 2 && i.base == VCPU_RBX,
	   "16-bit addressing");
	OK(decode("\x89\x46\xfe", 3, 16, &i) == 0 && i.segment == VCPU_SS && i.disp == -2,
	   "bp means the stack segment");
	OK(decode("\x67\x66\x89\x07", 4, 16, &i) == 0 && i.size == 4 && i.address_bits == 32,
	   "both prefixes in 16-bit code");
	OK(decode("\xa1\x34\x12\x00\xd0", 5, 32, &i) == 0 && i.disp == 0xd0001234 && !i.to_memory,
	   "absolute 32-bit address");
	OK(decode("\x48\xa3\1\2\3\4\5\6\7\1", 10, 64, &i) == 0 && i.disp == 0x0107060504030201 &&
		   i.to_memory && i.size == 8,
	   "absolute 64-bit address");
	OK(decode("\x8b\x05\x10\0\0\0", 6, 64, &i) == 0 && i.rip_relative && i.len == 6,
	   "rip-relative");
	OK(decode("\x64\x8b\x00", 3, 64, &i) == 0 && i.segment == VCPU_FS, "segment override");
	OK(decode("\x89\xc0", 2, 64, &i) != 0, "a register operand is refused");
	OK(decode("\x0f\x01\xd8", 3, 64, &i) != 0, "other instructions are refused");
	OK(decode("\x81\x07\x01\x02", 4, 64, &i) != 0, "cut short is refused");
	OK(decode("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x07", 16, 64, &i) !=
		   0,
	   "more than 15 bytes are refused");
	OK(decode("", 0, 64, &i) != 0, "nothing is refused");
}

static void test_paging(void)
{
	uint64_t *t = (uint64_t *)(void *)(h.ram + 0x10000);
	struct vcpu_state s;
	uint64_t gpa;

	memset(&s, 0, sizeof(s));
	set_long_mode(&s);
	s.cr0 |= 0x80000000;
	s.cr3 = 0x10000;
	t[0x1ff] = 0x11003;
	t[512 + 0x1fe] = 0x12003;
	t[1024 + 3] = UINT64_C(0x80000000d0000083);
	t[1024 + 4] = 0x13003;
	t[1536 + 5] = 0x5003;
	OK(mmu_translate(&s, &h.m.gm, UINT64_C(0xffffffff80612345), MMU_FETCH, &gpa) &&
		   gpa == 0xd0012345,
	   "4-level walk to a 2 MiB page");
	OK(mmu_translate(&s, &h.m.gm, UINT64_C(0xffffffff80805678), MMU_FETCH, &gpa) &&
		   gpa == 0x5678,
	   "4-level walk to a 4 KiB page");
	OK(!mmu_translate(&s, &h.m.gm, 0, MMU_FETCH, &gpa), "what is not present is not there");
	s.cr3 = 0xfffff000;
	OK(!mmu_translate(&s, &h.m.gm, 0, MMU_FETCH, &gpa), "tables outside of RAM are not there");
}

static bool touch(struct vcpu_state *s, uint64_t linear, enum mmu_access access, uint32_t error)
{
	uint64_t gpa;

	s->event = (struct vcpu_event){ 0 };
	if (mmu_access(s, &h.m.gm, linear, access, &gpa))
		return error == 0;
	return (s->event.info & 0xff) == 14 && s->event.error == error && s->cr2 == linear;
}

/* One table: 1 is for programs, to read; 2 for the kernel; 3 for both; 4 is not there. */
static void test_rights(void)
{
	enum { P = 1, W = 2, U = 4, ACCESSED = 0x20, DIRTY = 0x40 };
	uint64_t *t = (uint64_t *)(void *)(h.ram + 0x10000), *pt = t + 1536;
	struct vcpu_state s;

	memset(&s, 0, sizeof(s));
	set_long_mode(&s);
	s.cr0 |= 0x80000000;
	s.cr3 = 0x10000;
	t[0] = 0x11007;
	t[512] = 0x12007;
	t[1024] = 0x13007;
	pt[1] = 0x5005;
	pt[2] = 0x6003;
	pt[3] = 0x7007;
	pt[4] = 0;
	OK(touch(&s, 0x1000, MMU_READ, 0) && (pt[1] & (ACCESSED | DIRTY)) == ACCESSED &&
		   (t[0] & ACCESSED),
	   "reading marks all entries as accessed");
	OK(touch(&s, 0x3000, MMU_WRITE, 0) && (pt[3] & DIRTY) && !(t[1024] & DIRTY),
	   "writing marks the page as dirty");
	OK(touch(&s, 0x1000, MMU_WRITE, 0), "a kernel without WP writes anywhere");
	s.cr0 |= 0x10000;
	OK(touch(&s, 0x1000, MMU_WRITE, P | W), "with WP it does not");
	OK(touch(&s, 0x4000, MMU_WRITE, W), "what is not there faults");
	s.cr4 |= 1 << 21;
	OK(touch(&s, 0x1000, MMU_READ, P), "SMAP keeps the kernel from a program's pages");
	s.rflags |= 1 << 18;
	OK(touch(&s, 0x1000, MMU_READ, 0), "but not with AC");
	s.seg[VCPU_SS].attr = VCPU_ATTR_P | VCPU_ATTR_DPL;
	OK(touch(&s, 0x1000, MMU_READ, 0) && touch(&s, 0x1000, MMU_WRITE, P | W | U),
	   "a program cannot write what it may read");
	OK(touch(&s, 0x2000, MMU_READ, P | U) && touch(&s, 0x4000, MMU_WRITE, W | U),
	   "nor touch the kernel's, or what is not there");
	s.event = (struct vcpu_event){ 0 };
	OK(!mmu_access(&s, &h.m.gm, UINT64_C(1) << 50, MMU_READ, &s.cr2) &&
		   (s.event.info & 0xff) == 13,
	   "an address that is not canonical is a general protection fault");
}

/* movs from the device to a page that the program may only read; a word over the end of memory. */
static void test_emulated_rights(void)
{
	struct mmio_space space = { .gm = &h.m.gm, .bus = &h.m.memory };
	uint64_t *pt = (uint64_t *)(void *)(h.ram + 0x13000);
	struct vcpu_state s;

	memset(&s, 0, sizeof(s));
	set_long_mode(&s);
	s.cr0 |= 0x80010000;
	s.cr3 = 0x10000;
	s.seg[VCPU_SS].attr = VCPU_ATTR_P | VCPU_ATTR_DPL;
	pt[8] = CODE | 5;
	pt[9] = DEVICE | 7;
	pt[10] = 0x7007;
	s.rip = 0x8000;
	s.gpr[VCPU_RSI] = 0x9000;
	s.gpr[VCPU_RDI] = 0x1000;
	memcpy(h.ram + CODE, "\xa4", 1);
	h.ram[0x5000] = 0x55;
	device[0] = 0x77;
	OK(mmio_emulate(&s, &space, DEVICE, false) == MMIO_DONE && s.rip == 0x8000 &&
		   s.event.error == 7 && s.cr2 == 0x1000 && h.ram[0x5000] == 0x55 &&
		   s.gpr[VCPU_RSI] == 0x9000,
	   "a string from a device does not write what its program may not");
	s.event = (struct vcpu_event){ 0 };
	memcpy(h.ram + CODE, "\x8b\x06", 2); /* mov (%rsi), %eax */
	memcpy(h.ram + 0x7000, "\x33\x44", 2);
	s.gpr[VCPU_RSI] = 0x9ffe;
	OK(mmio_emulate(&s, &space, DEVICE + 0xffe, false) == MMIO_DONE && s.rip == 0x8002 &&
		   s.gpr[VCPU_RAX] == 0x4433ffff,
	   "a word over a page's end takes its parts from both pages");
}

static bool string_at(struct vcpu_state *s, uint64_t di, unsigned vector)
{
	struct mmio_space space = { .gm = &h.m.gm, .bus = &h.m.memory, .ports = &h.m.ports };

	s->event = (struct vcpu_event){ 0 };
	s->rip = CODE;
	s->gpr[VCPU_RDI] = di;
	s->gpr[VCPU_RDX] = 0x1234; /* nothing there */
	h.ram[di & 0xffff] = 0x55;
	if (mmio_string_port(s, &space) != MMIO_DONE)
		return false;
	if (vector == 0)
		return s->event.info == 0 && s->rip == CODE + 1 && h.ram[di & 0xffff] == 0xff;
	return (s->event.info & 0xff) == vector && s->rip == CODE && h.ram[di & 0xffff] == 0x55 &&
	       s->gpr[VCPU_RDI] == di;
}

/* insw: the processor has not looked at es:di yet when it exits. */
static void test_segments(void)
{
	struct vcpu_state s;
	struct vcpu_seg *es = &s.seg[VCPU_ES];

	memset(&s, 0, sizeof(s));
	memcpy(h.ram + CODE, "\x6d", 1);
	es->limit = 0xffff;
	OK(string_at(&s, 0xfffe, 0), "in real mode a word ends where its segment does");
	OK(string_at(&s, 0xffff, VECTOR_GP), "and not behind it");
	s.cr0 = 1;
	s.seg[VCPU_CS].attr = VCPU_ATTR_P | VCPU_ATTR_S | 0xb;
	es->attr = VCPU_ATTR_P | VCPU_ATTR_S | 3;
	es->limit = 0x7fff;
	OK(string_at(&s, 0x7ffe, 0) && string_at(&s, 0x7fff, VECTOR_GP),
	   "a program's segment has its own limit");
	es->attr = VCPU_ATTR_P | VCPU_ATTR_S | 7;
	OK(string_at(&s, 0x7fff, VECTOR_GP) && string_at(&s, 0x8000, 0) &&
		   string_at(&s, 0xffff, VECTOR_GP),
	   "one that grows down has it below");
	es->attr = VCPU_ATTR_P | VCPU_ATTR_S | 1;
	OK(string_at(&s, 0x100, VECTOR_GP), "one to read is not written");
	es->attr = VCPU_ATTR_P | VCPU_ATTR_S | 0xb;
	OK(string_at(&s, 0x100, VECTOR_GP), "nor is code");
	es->attr = 0;
	OK(string_at(&s, 0x100, VECTOR_GP), "and there is nothing in none");
	memcpy(h.ram + CODE, "\x36\x6e", 2); /* outsb from ss:si */
	s.seg[VCPU_SS].attr = VCPU_ATTR_P | VCPU_ATTR_S | 3;
	s.seg[VCPU_SS].limit = 0xff;
	s.gpr[VCPU_RSI] = 0x100;
	OK(string_at(&s, 0x200, VECTOR_SS), "of the stack's segment it is a stack fault");
}

int main(void)
{
	harness_start(&h, false);
	add_device();
	test_against_cpu();
	test_modes();
	test_paging();
	test_rights();
	test_emulated_rights();
	test_segments();
	harness_stop(&h);
	return harness_result();
}
