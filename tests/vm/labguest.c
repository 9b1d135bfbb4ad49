// SPDX-License-Identifier: Apache-2.0
/*
 * Guest of tests/system/test_vmrun.py: does what the words of its command line say, then ends with 7.
 * Multiboot 1, 32 bits, no paging.
 *   exit N    ends with N by the exit port            triple    a triple fault
 *   hole      reads where nothing is                  fetch     runs where nothing is
 *   flood     prints without end                      spin      interrupts off, for ever
 *   svm       tries to be a hypervisor                ports     reads every I/O port
 *   msrs      reads many MSRs                         halt      halts with interrupts off
 *   memory    writes and checks all memory            smash     writes to all ports and device memory
 */
#include <stdint.h>

enum {
	COM1 = 0x3f8,
	EXIT_PORT = 0xf4,
	CAN_SEND = 0x20,
	CODE = 16,
	MMIO_PAGES = 0x2000,
	PAGE = 0x1000,
	MEMORY_FIRST = 0x200000,
	INFO_CMDLINE = 4,
};

#define HOLE       UINT32_C(0xd0000000)
#define MMIO_FIRST UINT32_C(0xfe000000)

struct info {
	uint32_t flags, mem_lower, mem_upper, boot_device;
	const char *cmdline;
};

struct gate {
	uint16_t low, selector, attr, high;
};

static struct gate idt[32];

__asm__(".section .multiboot, \"a\"\n"
	"	.align 4\n"
	"	.long 0x1badb002, 0, -0x1badb002\n"
	".text\n"
	".globl _start\n"
	"_start: mov $stack_top, %esp\n"
	"	lgdt gdtr\n"
	"	ljmp $16, $1f\n"
	"1:	push %ebx\n"
	"	call guest_main\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	/* faults without and with an error code: on at the address in edi */
	"fault:	mov %edi, (%esp)\n"
	"	iret\n"
	"error:	add $4, %esp\n"
	"	mov %edi, (%esp)\n"
	"	iret\n"
	/* the loader's segments need not be in memory: flat code 16, data 24 */
	"	.align 8\n"
	"gdt:	.quad 0, 0, 0x00cf9b000000ffff, 0x00cf93000000ffff\n"
	"gdtr:	.word 31\n"
	"	.long gdt\n"
	".bss\n"
	"	.skip 16384\n"
	"stack_top:\n"
	".text\n");

extern char fault[], error[];
void guest_main(const struct info *info);

static void out(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "d"(port));
}

static uint8_t in(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static void text(const char *s)
{
	for (; *s; s++) {
		while (!(in(COM1 + 5) & CAN_SEND))
			;
		out(COM1, (uint8_t)*s);
	}
}

static int starts(const char *s, const char *with)
{
	while (*with)
		if (*s++ != *with++)
			return 0;
	return 1;
}

static uint32_t number(const char *s)
{
	uint32_t v = 0;

	while (*s == ' ')
		s++;
	while (*s >= '0' && *s <= '9')
		v = v * 10 + (uint32_t)(*s++ - '0');
	return v;
}

static void catch_faults(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint32_t base;
	} r = { sizeof(idt) - 1, (uint32_t)idt };

	for (unsigned i = 0; i < 32; i++) {
		uint32_t to = (uint32_t)((i >= 10 && i <= 14) || i == 8 || i == 17 ? error : fault);

		idt[i] = (struct gate){ (uint16_t)to, CODE, 0x8e00, (uint16_t)(to >> 16) };
	}
	__asm__ volatile("lidt %0" : : "m"(r));
}

/* The instruction, then on, whether it faulted or not. */
#define TRY(insn, ...) \
	__asm__ volatile("mov $1f, %%edi\n" insn "\n1:" : : __VA_ARGS__ : "edi", "memory")

static void try_svm(void)
{
	catch_faults();
	TRY("wrmsr", "c"(0xc0000080), "a"(0x1000), "d"(0));
	TRY("wrmsr", "c"(0xc0010117), "a"(0), "d"(0));
	TRY("vmrun", "a"(0));
	TRY("vmload", "a"(0));
	TRY("vmsave", "a"(0));
	TRY("stgi", "a"(0));
	TRY("clgi", "a"(0));
	TRY("skinit", "a"(0));
	TRY("invlpga", "a"(0), "c"(0));
	TRY("vmmcall", "a"(0xffffffff));
}

static void read_msrs(void)
{
	static const uint32_t base[] = { 0, 0x170, 0x200, 0x400, 0x800, 0xc0000080, 0xc0010000 };
	uint32_t lo, hi;

	catch_faults();
	for (unsigned i = 0; i < sizeof(base) / sizeof(base[0]); i++)
		for (uint32_t m = base[i]; m < base[i] + 128; m++)
			__asm__ volatile("mov $1f, %%edi\nrdmsr\n1:"
					 : "=a"(lo), "=d"(hi)
					 : "c"(m)
					 : "edi", "memory");
}

static void smash(void)
{
	uint32_t x = 12345;

	for (uint32_t port = 0; port < 0x10000; port++) {
		x = x * 1103515245 + 12345;
		/* not the ones that end the guest */
		if (port != EXIT_PORT && port != 0xcf9 && port != 0x64 && (port & 0xff00) != 0x600)
			out((uint16_t)port, (uint8_t)(x >> 16));
	}
	for (uint32_t i = 0; i < MMIO_PAGES; i++)
		*(volatile uint32_t *)(MMIO_FIRST + i * PAGE) = x + i;
}

static int check_memory(uint32_t kib)
{
	uint32_t end = 0x100000 + kib * 1024;

	for (uint32_t p = MEMORY_FIRST; p < end; p += PAGE)
		*(volatile uint32_t *)p = p;
	for (uint32_t p = MEMORY_FIRST; p < end; p += PAGE)
		if (*(volatile uint32_t *)p != p)
			return 1;
	return 0;
}

static void triple(void)
{
	__asm__ volatile("lidt %0; ud2" : : "m"((struct gate){ 0 }));
}

static void end(uint32_t value)
{
	text("guest: ends\n");
	out(EXIT_PORT, (uint8_t)value);
}

/* One word of the command line. */
static void act(const struct info *info, const char *what)
{
	if (starts(what, "exit"))
		end(number(what + 4));
	if (starts(what, "triple"))
		triple();
	if (starts(what, "hole") && *(volatile uint8_t *)HOLE != 0xff)
		end(1);
	if (starts(what, "fetch"))
		((void (*)(void))HOLE)();
	while (starts(what, "flood"))
		text("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\n");
	if (starts(what, "ports"))
		for (uint32_t port = 0; port < 0x10000; port++)
			in((uint16_t)port);
	if (starts(what, "svm"))
		try_svm();
	if (starts(what, "msrs"))
		read_msrs();
	if (starts(what, "smash"))
		smash();
	if (starts(what, "memory") && check_memory(info->mem_upper))
		end(1);
	while (starts(what, "spin"))
		;
	if (starts(what, "halt"))
		__asm__ volatile("cli; hlt");
}

static void act_all(const struct info *info, const char *words)
{
	while (*words) {
		act(info, words);
		while (*words && *words != ' ')
			words++;
		while (*words == ' ')
			words++;
	}
	end(7);
}

void guest_main(const struct info *info)
{
	text("guest: hello\n");
	act_all(info, info->flags & INFO_CMDLINE ? info->cmdline : "");
}
