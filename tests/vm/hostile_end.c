// SPDX-License-Identifier: Apache-2.0
/*
 * Attacks that may end a VM, one a VM: its command line names it. What must come is either what a processor does, or that VM's end with the reason in
 * its VMM's last line; tests/system/test_hostile_end.py has the table.
 */
#include "tests/vm/guest64.h"

#define HOLE UINT64_C(0xd8000000)
#define APIC UINT64_C(0xfee00000)

static void halt(void)
{
	__asm__ volatile("cli; hlt");
}

static void triple(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}

static void fetch(void)
{
	((void (*)(void))HOLE)();
}

static void fetch_device(void)
{
	((void (*)(void))APIC)();
}

static void tables(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(HOLE));
}

static void tables_far(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(UINT64_C(0xffffffff000)));
}

static void tables_device(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(APIC));
}

static void stack(void)
{
	__asm__ volatile("mov %0, %%rsp; ud2" : : "r"(HOLE + 0x1000));
}

static void gates(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} r = { 0xfff, HOLE };

	__asm__ volatile("lidt %0; ud2" : : "m"(r));
}

static void vector_insn(void)
{
	__asm__ volatile("movups (%0), %%xmm0" : : "r"(HOLE));
}

/* A processor refuses these; an emulator that takes them has its state refused at the next entry. */
static void bits(void)
{
	for (unsigned bit = 32; bit < 64; bit++)
		__asm__ volatile("mov %0, %%cr4; mov %1, %%cr4"
				 :
				 : "r"(0x620 | UINT64_C(1) << bit), "r"(UINT64_C(0x620)));
	__asm__ volatile("mov %0, %%cr0; out %%al, $0x80"
			 :
			 : "r"(UINT64_C(0x80010033) | UINT64_C(1) << 40));
}

static void init(void)
{
	*(volatile uint32_t *)(APIC + 0x310) = 0;
	*(volatile uint32_t *)(APIC + 0x300) = 0x4500;
	__asm__ volatile("out %al, $0x80");
}

/* From 64 bits down to 32 without paging, then a jump to a task. */
__asm__(".balign 16\n"
	"legacy_gdt: .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x0000890000000067\n"
	"legacy_gdtr: .word 31\n	.long legacy_gdt\n	.long 0\n"
	"legacy_target: .long 0, 0x18\n"
	".globl leave_long\n"
	"leave_long: lgdt legacy_gdtr\n"
	"	push $8\n	push $1f\n	lretq\n"
	".code32\n"
	"1:	mov %cr0, %eax\n	and $0x7fffffff, %eax\n	mov %eax, %cr0\n"
	"	mov $0xc0000080, %ecx\n	xor %eax, %eax\n	xor %edx, %edx\n	wrmsr\n"
	"	mov $0x10, %eax\n	mov %eax, %ds\n	mov %eax, %ss\n"
	"	ljmp $0x18, $0\n"
	"	hlt\n"
	".code64\n");
extern void leave_long(void);

static const struct {
	const char *word;
	void (*act)(void);
} acts[] = {
	{ "halt", halt },
	{ "triple", triple },
	{ "fetch", fetch },
	{ "fetch-device", fetch_device },
	{ "tables", tables },
	{ "tables-far", tables_far },
	{ "tables-device", tables_device },
	{ "stack", stack },
	{ "gates", gates },
	{ "vector", vector_insn },
	{ "bits", bits },
	{ "init", init },
	{ "task", leave_long },
};

/* The others are being started still, and who writes the log with them. */
static void wait_second(void)
{
	uint64_t start = guest_tsc();
	uint32_t r[4];

	do
		cpuid(0x40000010, 0, r);
	while (guest_tsc() - start < r[0] * UINT64_C(1000));
}

uint32_t guest_main(const char *words)
{
	wait_second();
	for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (guest_word(words, acts[i].word))
			acts[i].act();
	return 7;
}
