// SPDX-License-Identifier: Apache-2.0
/*
 * Every form of instruction on device memory. Where nothing is, memory reads all ones and forgets what is written: so an instruction there must
 * leave the registers and flags that it leaves on RAM full of ones. What the VMM does not carry out is undefined in ring 3, and never ends the VM from there.
 */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile.h"

enum { SPAN = 256, MIDDLE = 128, FLAGS = 0x8d5 };
#define HOLE UINT64_C(0xd8000000)

/* rdi points into RAM or the hole, rsi too; rcx 5, r8 3. */
#define FORMS(X)                                \
	X("mov %eax, (%rdi)")                   \
	X("mov %rax, 8(%rdi)")                  \
	X("mov %ah, 5(%rdi)")                   \
	X("mov %r9d, (%rdi,%r8,4)")             \
	X("mov (%rdi), %eax")                   \
	X("mov (%rdi), %r10")                   \
	X("mov -3(%rdi), %r15w")                \
	X("mov (%rdi), %bh")                    \
	X("mov 1(%rdi,%r8,8), %r9b")            \
	X("movl $0x12345678, (%rdi)")           \
	X("movq $-2, (%rdi)")                   \
	X("movzbl (%rdi), %eax")                \
	X("movzwq (%rdi), %rdx")                \
	X("movsbw (%rdi), %cx")                 \
	X("movswq 2(%rdi), %rbx")               \
	X("movslq (%rdi), %rdx")                \
	X("and %eax, (%rdi)")                   \
	X("and (%rdi), %rax")                   \
	X("lock andl $0xf0f0, (%rdi)")          \
	X("or %al, (%rdi)")                     \
	X("lock orq $1, (%rdi)")                \
	X("xor %rax, (%rdi)")                   \
	X("xorw $0x55, (%rdi)")                 \
	X("add (%rdi), %cl")                    \
	X("lock addl $-1, (%rdi)")              \
	X("sub (%rdi), %eax")                   \
	X("subb $0x7f, (%rdi)")                 \
	X("cmp %eax, (%rdi)")                   \
	X("cmp (%rdi), %rcx")                   \
	X("cmpl $0x7fffffff, (%rdi)")           \
	X("test %eax, (%rdi)")                  \
	X("testl $0x80000000, (%rdi)")          \
	X("xchg %eax, (%rdi)")                  \
	X("xchg %r12b, (%rdi)")                 \
	X("stosl")                              \
	X("rep stosq")                          \
	X("lodsl")                              \
	X("rep lodsb")                          \
	X("movsl")                              \
	X("rep movsb")                          \
	X("std; rep movsw; cld")                \
	X("addr32 mov (%edi), %eax")            \
	X("addr32 rep stosl")                   \
	X(".byte 0x3e; mov (%rdi), %eax")       \
	X(".byte 0xf3; mov (%rdi), %eax")       \
	X(".byte 0x66, 0x48; mov (%rdi), %eax") \
	X(".fill 10, 1, 0x26; mov (%rdi), %eax")

/* Not carried out. */
#define OTHERS(X)                      \
	X("movups (%rdi), %xmm0")      \
	X("movdqa %xmm0, (%rdi)")      \
	X("movnti %eax, (%rdi)")       \
	X("movbe (%rdi), %eax")        \
	X("fldl (%rdi)")               \
	X("fxsave (%rdi)")             \
	X("lock cmpxchg %ecx, (%rdi)") \
	X("lock cmpxchg16b (%rdi)")    \
	X("lock xadd %eax, (%rdi)")    \
	X("bts %eax, (%rdi)")          \
	X("incl (%rdi)")               \
	X("notl (%rdi)")               \
	X("adc %eax, (%rdi)")          \
	X("shll (%rdi)")               \
	X("imul (%rdi), %eax")         \
	X("divl (%rdi)")               \
	X("pushq (%rdi)")              \
	X("popq (%rdi)")               \
	X("call *(%rdi)")              \
	X("cmpsb")                     \
	X("scasb")                     \
	X("enter $8, $2")              \
	X("mov %rdi, %rsp; push %rax") \
	X("mov %rdi, %rsp; lretq")     \
	X("verr (%rdi)")               \
	X("lar (%rdi), %eax")

#define ASM(text)                             \
	"1: " text "\n	int $0x80\n	.quad 0\n" \
	".pushsection .rodata.forms, \"a\"\n .quad 1b\n .popsection\n"
__asm__(".pushsection .rodata.forms, \"a\"\n .balign 8\n form_code:\n .popsection\n .text\n" FORMS(
	ASM) OTHERS(ASM) ".code32\n"
			 "mmio_in_32: mov (%edi), %eax\n	mov %eax, 4(%edi,%ecx,2)\n	"
			 "int $0x80\n"
			 "mmio_in_16: mov $0x48, %edx\n	mov %edx, %es\n	.byte 0x26, 0x67, 0x8b, "
			 "0x00\n"
			 "	.byte 0x26, 0x67, 0x89, 0x46, 0xfe\n	int $0x80\n"
			 ".code64\n");

extern const uint64_t form_code[];
extern const uint8_t mmio_in_32[], mmio_in_16[];

static const char *const form_text[] = {
#define TEXT(t) t,
	FORMS(TEXT)
};

static const char *const other_text[] = { OTHERS(TEXT) };

enum {
	FORM_COUNT = sizeof(form_text) / sizeof(form_text[0]),
	OTHER_COUNT = sizeof(other_text) / sizeof(other_text[0])
};

static uint8_t ram[SPAN] __attribute__((aligned(64)));

static struct guest_run at(unsigned n, uint64_t base, bool user)
{
	struct guest_run r = guest_ready((const void *)form_code[n], user);

	for (unsigned i = 0; i < 16; i++)
		if (i != RSP)
			r.gpr[i] = (n + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	r.gpr[RCX] = 5;
	r.gpr[R8] = 3;
	r.gpr[RDI] = base + MIDDLE;
	r.gpr[RSI] = base + MIDDLE + 32;
	return r;
}

static uint64_t relative(uint64_t v, uint64_t base)
{
	return v - base < SPAN ? v - base : v;
}

static void compare(unsigned n, bool user)
{
	struct guest_run there = at(n, (uint64_t)ram, user), hole = at(n, HOLE, user);

	memset(ram, 0xff, SPAN);
	guest_run(&there);
	guest_run(&hole);
	if (there.vector != hole.vector || (there.rflags ^ hole.rflags) & FLAGS)
		guest_bad(form_text[n], "vector, flags", hole.vector, there.rflags ^ hole.rflags);
	for (unsigned i = 0; i < 16; i++)
		if (relative(there.gpr[i], (uint64_t)ram) != relative(hole.gpr[i], HOLE))
			guest_bad(form_text[n], "register, value", i, hole.gpr[i]);
}

static void test_forms(void)
{
	guest_begin();
	for (unsigned n = 0; n < FORM_COUNT; n++) {
		compare(n, false);
		compare(n, true);
	}
	guest_end("every form of instruction, on a device as on memory");
	guest_begin();
	for (unsigned n = 0; n < OTHER_COUNT; n++) {
		struct guest_run r = at(FORM_COUNT + n, HOLE, true);

		guest_run(&r);
		if (r.vector != VECTOR_UD && r.vector != VECTOR_PF && r.vector != VECTOR_GP &&
		    r.vector != VECTOR_SS)
			guest_bad(other_text[n], "vector, rip", r.vector, r.rip);
	}
	guest_end("what is not carried out is an exception to a program, and not the VM's end");
}

static void test_narrow(void)
{
	struct guest_run r = guest_ready(mmio_in_32, false);

	guest_begin();
	r.cs = SEL_CODE32;
	r.gpr[RDI] = 0xfec00000; /* the IOAPIC's select register */
	r.gpr[RCX] = 3;
	*(volatile uint32_t *)UINT64_C(0xfec00000) = 1;
	guest_run(&r);
	if (r.vector != VECTOR_END || r.gpr[RAX] != 1)
		guest_bad("32-bit code", "vector, value", r.vector, r.gpr[RAX]);
	guest_window(0xfec00000);
	r = guest_ready(mmio_in_16, false);
	r.cs = SEL_CODE32;
	r.gpr[RBX] = 0xabc00008; /* bx + si is 0 in 16 bits */
	r.gpr[RSI] = 0xfff8;
	r.gpr[RBP] = 2;
	guest_run(&r);
	if (r.vector != VECTOR_END || r.gpr[RAX] != 1)
		guest_bad("16-bit addresses", "vector, value", r.vector, r.gpr[RAX]);
	guest_end("32-bit code and 16-bit addresses on device memory");
}

/* --- rights --- */

__asm__("mmio_movs: movsb\n	int $0x80\nmmio_add: add %al, (%rdi)\n	int $0x80\n");
extern const uint8_t mmio_movs[], mmio_add[];

#define KERNEL_PAGE UINT64_C(0x800000)

static void kernel_page(uint64_t flags)
{
	guest_pd[KERNEL_PAGE >> 21] = KERNEL_PAGE | flags;
	__asm__ volatile("invlpg (%0)" : : "r"(KERNEL_PAGE) : "memory");
}

static void test_rights(void)
{
	volatile uint8_t *secret = (volatile uint8_t *)KERNEL_PAGE;
	struct guest_run r = guest_ready(mmio_movs, true);

	*secret = 0x55;
	kernel_page(0x83);
	r.gpr[RSI] = HOLE;
	r.gpr[RDI] = KERNEL_PAGE;
	guest_run(&r);
	guest_check(r.vector == VECTOR_PF && r.error == 7 && r.cr2 == KERNEL_PAGE &&
			    *secret == 0x55,
		    "a program cannot write its kernel's memory by way of a device");
	kernel_page(0x85); /* its own, but only to read */
	r = guest_ready(mmio_movs, true);
	r.gpr[RSI] = HOLE;
	r.gpr[RDI] = KERNEL_PAGE;
	guest_run(&r);
	guest_check(r.vector == VECTOR_PF && r.error == 7 && *secret == 0x55,
		    "nor what it may only read");
	kernel_page(0);
	r = guest_ready(mmio_movs, false);
	r.gpr[RSI] = HOLE;
	r.gpr[RDI] = KERNEL_PAGE;
	guest_run(&r);
	guest_check(r.vector == VECTOR_PF && r.error == 2 && r.cr2 == KERNEL_PAGE,
		    "a page that is not there is a page fault, not a loop");
	kernel_page(0x87);
}

/* Half in memory, half where nothing is: memory ends at 16 MiB. */
static void test_border(void)
{
	volatile uint32_t *border = (volatile uint32_t *)(UINT64_C(0x1000000) - 2);
	volatile uint16_t *last = (volatile uint16_t *)border;

	*last = 0x1234;
	guest_equal(*border, 0xffff1234, "a word over the end of memory is read from both sides");
	*border = 0x56789abc;
	guest_equal(*last, 0x9abc, "and written on both");
}

/* Code that changes itself and then touches a device. */
static void test_self_modifying(void)
{
	uint8_t *code = (uint8_t *)GUEST_MEMORY;
	static const uint8_t read[] = { 0x8b, 0x07, 0xcd, 0x80 },
			     write[] = { 0x89, 0x07, 0xcd, 0x80 };

	guest_begin();
	for (unsigned n = 0; n < 200; n++) {
		struct guest_run r = guest_ready(code, false);

		memcpy(code, n & 1 ? write : read, sizeof(read));
		r.gpr[RDI] = 0xfec00000;
		r.gpr[RAX] = 2;
		guest_run(&r);
		if (r.vector != VECTOR_END || r.gpr[RAX] != (n == 0 ? 1u : 2u))
			guest_bad("code that changes", "round, value", n, r.gpr[RAX]);
	}
	guest_end("code that changes itself is seen as it is");
}

void hostile_mmio(void)
{
	test_forms();
	test_narrow();
	test_self_modifying();
	test_rights();
	test_border();
}
