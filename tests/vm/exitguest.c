// SPDX-License-Identifier: Apache-2.0
/*
 * Guest of tests/bench/exits.py, under the real VMM: times operations that exit, by TSC, and prints the
 * median of 2048 as JSON lines on COM1. Multiboot 1, 32 bits, no paging. Ends by port 0xf4.
 */
#include <stdint.h>

enum {
	SAMPLES = 2048,
	COM1 = 0x3f8,
	LINE_STATUS = 5,
	CAN_SEND = 0x20,
	SCRATCH = 7,
	EXIT_PORT = 0xf4,
	TOUCH = 0x2000000,
	PAGE = 0x1000,
};

#define MSR_EFER 0xc0000080u
#define IOAPIC   0xfec00000u

static uint32_t sample[SAMPLES];

__asm__(".section .multiboot, \"a\"\n"
	"	.align 4\n"
	"	.long 0x1badb002, 0, -0x1badb002\n"
	".text\n"
	".globl _start\n"
	"_start: mov $stack_top, %esp\n"
	"	call guest_main\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	".bss\n"
	"	.skip 16384\n"
	"stack_top:\n"
	".text\n");

void guest_main(void);

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
		while (!(in(COM1 + LINE_STATUS) & CAN_SEND))
			;
		out(COM1, (uint8_t)*s);
	}
}

static void number(uint32_t v)
{
	char digits[11];
	unsigned n = sizeof(digits) - 1;

	digits[n] = 0;
	do
		digits[--n] = (char)('0' + v % 10);
	while (v /= 10);
	text(digits + n);
}

/* TSC before and after the instructions, low 32 bits; nothing else between. */
#define TIMED(insns, inputs, ...)                                            \
	({                                                                   \
		uint32_t before_, after_;                                    \
                                                                             \
		__asm__ volatile("rdtsc; mov %%eax, %%esi\n" insns "\nrdtsc" \
				 : "=&S"(before_), "=&a"(after_)             \
				 : inputs                                    \
				 : "edx", "memory", ##__VA_ARGS__);          \
		after_ - before_;                                            \
	})

static uint32_t time_cpuid(uint32_t i)
{
	return TIMED("xor %%eax, %%eax; cpuid", "D"(i), "ebx", "ecx");
}

static uint32_t time_rdmsr(uint32_t i)
{
	(void)i;
	return TIMED("rdmsr", "c"(MSR_EFER));
}

static uint32_t time_in(uint32_t i)
{
	(void)i;
	return TIMED("mov %%ecx, %%edx; in %%dx, %%al", "c"(COM1 + SCRATCH));
}

static uint32_t time_out(uint32_t i)
{
	(void)i;
	return TIMED("mov %%ecx, %%edx; out %%al, %%dx", "c"(COM1 + SCRATCH));
}

static uint32_t time_mmio_read(uint32_t i)
{
	(void)i;
	return TIMED("mov (%%edi), %%ecx", "D"(IOAPIC), "ecx");
}

static uint32_t time_mmio_write(uint32_t i)
{
	(void)i;
	return TIMED("movl $0, (%%edi)", "D"(IOAPIC));
}

static uint32_t time_hypercall(uint32_t i)
{
	return TIMED("mov %%ecx, %%eax; vmmcall", "c"(i));
}

/* What the first write to a page takes beyond the second. */
static uint32_t time_touch(uint32_t i)
{
	uint32_t first = TIMED("movb $1, (%%edi)", "D"(TOUCH + i * PAGE));

	return first - TIMED("movb $1, (%%edi)", "D"(TOUCH + i * PAGE));
}

static uint32_t median(void)
{
	for (uint32_t i = 1; i < SAMPLES; i++) {
		uint32_t x = sample[i], k = i;

		for (; k && sample[k - 1] > x; k--)
			sample[k] = sample[k - 1];
		sample[k] = x;
	}
	return sample[SAMPLES / 2];
}

static void measure(const char *name, uint32_t (*op)(uint32_t), uint32_t peer)
{
	for (uint32_t i = 0; i < SAMPLES; i++)
		sample[i] = op(i);
	text("{\"name\": \"");
	text(name);
	text("\", \"value\": ");
	number(median());
	text(", \"unit\": \"instructions\", \"peer\": ");
	number(peer);
	text("}\n");
}

void guest_main(void)
{
	measure("exit_cpuid", time_cpuid, 2920);
	measure("exit_rdmsr", time_rdmsr, 2978);
	measure("exit_io_vmm", time_in, 3244);
	measure("exit_io_write_vmm", time_out, 3214);
	measure("exit_mmio_vmm", time_mmio_read, 5659);
	measure("exit_mmio_write_vmm", time_mmio_write, 5196);
	measure("hypercall_vmm", time_hypercall, 3154);
	measure("fault_first_touch_upfront", time_touch, 9843);
	out(EXIT_PORT, 0);
}
