// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/guest64.h"

enum {
	COM1 = 0x3f8,
	CAN_SEND = 0x20,
	LINE = 512,
	INFO_CMDLINE = 4,
	IST_STACK = 4096,
	ICR = 0x300,
	ICR_HIGH = 0x310,
	INIT = 0x4500,
	STARTUP = 0x4600,
	GATE = 0x8e,
	GATE_USER = 0xee,
};

#define APIC UINT64_C(0xfee00000)

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
};

struct gate {
	uint16_t low, selector;
	uint8_t ist, attr;
	uint16_t middle;
	uint32_t high, reserved;
};

struct __attribute__((packed)) tss {
	uint32_t reserved0;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, iomap;
};

_Static_assert(sizeof(struct gate) == 16, "gate");
_Static_assert(sizeof(struct tss) == 104, "TSS");
_Static_assert(offsetof(struct guest_run, rip) == 152, "known to guest64_entry.S");

extern const uint8_t guest_stubs[], guest_ap[], guest_ap_end[];
extern uint64_t guest_gdt[10];
void guest_start(const struct info *info);
void guest_second_start(void);
void guest_trap(struct guest_frame *f);
void guest_enter(const struct guest_run *r);
_Noreturn void guest_leave(void);

uint64_t guest_gdt[] = {
	0,
	UINT64_C(0x00af9b000000ffff), /* code, 64 bits */
	UINT64_C(0x00cf93000000ffff), /* data */
	UINT64_C(0x00cf9b000000ffff), /* code, 32 bits */
	UINT64_C(0x00cff3000000ffff), /* data, ring 3 */
	UINT64_C(0x00affb000000ffff), /* code, ring 3 */
	0,
	0,                            /* TSS */
	UINT64_C(0x00cffb000000ffff), /* code, ring 3, 32 bits */
	UINT64_C(0x00cf93000000ffff), /* window */
};

__asm__(".globl guest_gdtr\n.section .rodata\nguest_gdtr: .word 79\n .quad guest_gdt\n.text\n");

const char *guest_name = "guest";
void (*guest_irq)(struct guest_frame *f);
static struct guest_run *running;
static struct gate idt[256];
static struct tss tss;
static uint8_t ist[IST_STACK] __attribute__((aligned(16)));
static uint32_t failures, before;
static char line[LINE];
static unsigned length;

/* Compilers call these two. */
void *memcpy(void *to, const void *from, size_t n)
{
	void *start = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
	return start;
}

void *memset(void *to, int c, size_t n)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	return start;
}

void guest_text(const char *s)
{
	while (*s && length < LINE - 2)
		line[length++] = *s++;
}

void guest_hex(uint64_t v)
{
	char digits[17];
	unsigned n = sizeof(digits) - 1;

	digits[n] = 0;
	do
		digits[--n] = "0123456789abcdef"[v & 15];
	while (v >>= 4);
	guest_text("0x");
	guest_text(digits + n);
}

void guest_number(uint64_t v)
{
	char digits[21];
	unsigned n = sizeof(digits) - 1;

	digits[n] = 0;
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	guest_text(digits + n);
}

void guest_print(void)
{
	line[length++] = '\n';
	for (unsigned i = 0; i < length; i++) {
		while (!(in8(COM1 + 5) & CAN_SEND))
			;
		out8(COM1, (uint8_t)line[i]);
	}
	length = 0;
}

static void verdict(bool good, const char *what)
{
	guest_text(good ? "ok " : "not ok ");
	guest_text(guest_name);
	guest_text(": ");
	guest_text(what);
	failures += !good;
}

bool guest_check(bool good, const char *what)
{
	verdict(good, what);
	guest_print();
	return good;
}

bool guest_equal(uint64_t got, uint64_t want, const char *what)
{
	verdict(got == want, what);
	if (got != want) {
		guest_text(": got ");
		guest_hex(got);
		guest_text(", want ");
		guest_hex(want);
	}
	guest_print();
	return got == want;
}

void guest_bad(const char *what, const char *why, uint64_t a, uint64_t b)
{
	verdict(false, what);
	guest_text(": ");
	guest_text(why);
	guest_text(" ");
	guest_hex(a);
	guest_text(" ");
	guest_hex(b);
	guest_print();
}

uint32_t guest_failures(void)
{
	return failures;
}

void guest_begin(void)
{
	before = failures;
}

bool guest_end(const char *what)
{
	return guest_check(failures == before, what);
}

bool guest_word(const char *words, const char *word)
{
	while (*words) {
		const char *w = word;

		while (*w && *words == *w)
			words++, w++;
		if (!*w && (!*words || *words == ' '))
			return true;
		while (*words && *words != ' ')
			words++;
		while (*words == ' ')
			words++;
	}
	return false;
}

static _Noreturn void finish(uint32_t value)
{
	out8(EXIT_PORT, (uint8_t)value);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void lost(const struct guest_frame *f)
{
	guest_bad("an exception that nobody awaits", "vector, rip", f->vector, f->rip);
	finish(1);
}

void guest_trap(struct guest_frame *f)
{
	struct guest_run *r = running;
	uint64_t gpr[16] = { f->rax, f->rcx, f->rdx, f->rbx, f->rsp, f->rbp, f->rsi, f->rdi,
			     f->r8,  f->r9,  f->r10, f->r11, f->r12, f->r13, f->r14, f->r15 };

	if (!r || (f->vector >= 32 && f->vector != VECTOR_END) || f->vector == VECTOR_NMI) {
		if (guest_irq)
			guest_irq(f);
		else
			lost(f);
		return;
	}
	running = NULL;
	for (unsigned i = 0; i < 16; i++)
		r->gpr[i] = gpr[i];
	r->rip = f->rip;
	r->rflags = f->rflags;
	r->cs = f->cs;
	r->vector = f->vector;
	r->error = f->error;
	__asm__ volatile("mov %%cr2, %0" : "=r"(r->cr2));
	guest_leave();
}

struct guest_run guest_ready(const void *code, bool user)
{
	struct guest_run r = { .rflags = 2, .rip = (uint64_t)code };

	r.gpr[RSP] = GUEST_STACK;
	r.cs = user ? SEL_USER_CODE64 : SEL_CODE64;
	r.ss = user ? SEL_USER_DATA : SEL_DATA;
	return r;
}

void guest_run(struct guest_run *r)
{
	running = r;
	guest_enter(r);
}

void guest_window(uint32_t base)
{
	guest_gdt[SEL_WINDOW / 8] = UINT64_C(0x00cf93000000ffff) |
				    (uint64_t)(base & 0xffffff) << 16 |
				    (uint64_t)(base >> 24) << 56;
}

void guest_gate(unsigned vector, bool present)
{
	uint64_t to = (uint64_t)guest_stubs + 16 * vector;

	idt[vector] = (struct gate){ .low = (uint16_t)to,
				     .selector = SEL_CODE64,
				     .attr = vector == VECTOR_END || vector == 3 ? GATE_USER : GATE,
				     .middle = (uint16_t)(to >> 16) };
	if (vector == 8)
		idt[vector].ist = 1;
	if (!present)
		idt[vector].attr &= 0x7f;
}

static void load_idt(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} r = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lidt %0" : : "m"(r));
}

static void load_tables(void)
{
	uint64_t base = (uint64_t)&tss;

	for (unsigned i = 0; i < 256; i++)
		guest_gate(i, true);
	tss.rsp[0] = GUEST_STACK - 0x10000;
	tss.ist[0] = (uint64_t)ist + IST_STACK;
	tss.iomap = sizeof(tss);
	guest_gdt[SEL_TSS / 8] = (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
				 UINT64_C(0x89) << 40 | (base >> 24 & 0xff) << 56;
	guest_gdt[SEL_TSS / 8 + 1] = base >> 32;
	load_idt();
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

static void (*second_work)(void);

void guest_second_start(void)
{
	load_idt();
	second_work();
}

static void message(uint32_t what)
{
	*(volatile uint32_t *)(APIC + ICR_HIGH) = 1u << 24;
	*(volatile uint32_t *)(APIC + ICR) = what;
}

void guest_second(void (*work)(void))
{
	second_work = work;
	memcpy((void *)GUEST_LOW, guest_ap, (size_t)(guest_ap_end - guest_ap));
	message(INIT);
	message(STARTUP | GUEST_LOW >> 12);
}

void guest_start(const struct info *info)
{
	const char *words = info->flags & INFO_CMDLINE ? (const char *)(uint64_t)info->cmdline : "";
	static char name[32];

	load_tables();
	for (unsigned i = 0; *words && *words != ' ' && i < sizeof(name) - 1; i++)
		name[i] = *words++;
	guest_name = name;
	while (*words == ' ')
		words++;
	finish(guest_main(words));
}
