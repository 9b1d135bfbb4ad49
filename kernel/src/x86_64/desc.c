// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/x86_64/desc.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/msr.h"

enum {
	TRAP_ENTRY_BYTES = 16,
	GDT_TSS = SEG_TSS / 8,
	GATE_KERNEL = 0x8e00, /* present, ring 0, interrupt gate */
};

#define TSS_BUSY (1ull << 41)

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t flags; /* IST in the low bits */
	uint16_t offset_mid;
	uint32_t offset_high;
	uint32_t reserved;
};

struct __attribute__((packed)) table_register {
	uint16_t limit;
	uint64_t base;
};

_Static_assert(sizeof(struct gate) == 16, "IDT gate");

extern const char trap_table[], trap_nmi[], trap_double_fault[], trap_machine_check[],
	syscall_start[];

static struct gate idt[IDT_ENTRIES];

static void set_gate(unsigned int vector, const char *to, unsigned int ist)
{
	uint64_t a = (uint64_t)to;

	idt[vector] = (struct gate){ .offset_low = (uint16_t)a,
				     .selector = SEG_KCODE,
				     .flags = (uint16_t)(GATE_KERNEL | ist),
				     .offset_mid = (uint16_t)(a >> 16),
				     .offset_high = (uint32_t)(a >> 32) };
}

/* No gate is open to ring 3: int n there is a general protection fault. */
void idt_init(void)
{
	for (unsigned int i = 0; i < IDT_ENTRIES; i++)
		set_gate(i, trap_table + (uint64_t)i * TRAP_ENTRY_BYTES, 0);
	set_gate(2, trap_nmi, IST_NMI);
	set_gate(8, trap_double_fault, IST_DF);
	set_gate(18, trap_machine_check, IST_MC);
}

uint64_t idt_base(void)
{
	return (uint64_t)idt;
}

static void fill_gdt(struct cpu *cpu)
{
	uint64_t tss = (uint64_t)cpu->tss, limit = IO_WINDOW - TSS_PAGE + 2 * 4096 - 1;
	uint64_t gdt[GDT_ENTRIES] = {
		0,
		0x00af9b000000ffff, /* kernel code */
		0x00cf93000000ffff, /* kernel data */
		0,
		0x00cff3000000ffff, /* user data */
		0x00affb000000ffff, /* user code */
		limit | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56,
		tss >> 32,
	};

	__builtin_memcpy(cpu->gdt, gdt, sizeof(gdt));
}

static void load_tables(struct cpu *cpu)
{
	struct table_register g = { sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt };
	struct table_register i = { sizeof(idt) - 1, (uint64_t)idt };

	__asm__ volatile("lgdt %0\n\t"
			 "lidt %1\n\t"
			 "pushq %q2\n\t"
			 "lea 1f(%%rip), %%rax\n\t"
			 "push %%rax\n\t"
			 "lretq\n"
			 "1:\tmov %3, %%ss\n\t"
			 "mov %4, %%ds\n\t"
			 "mov %4, %%es\n\t"
			 "mov %4, %%fs\n\t"
			 "mov %4, %%gs\n\t"
			 "ltr %w5\n\t"
			 "lldt %w4"
			 :
			 : "m"(g), "m"(i), "i"(SEG_KCODE), "r"(SEG_KDATA), "r"(0), "r"(SEG_TSS)
			 : "rax", "memory");
}

void desc_task(struct cpu *cpu)
{
	cpu->gdt[GDT_TSS] &= ~TSS_BUSY;
	__asm__ volatile("ltr %w0" : : "r"(SEG_TSS) : "memory");
	cpu->tss_short = false;
}

void desc_after_exit(struct cpu *cpu)
{
	struct table_register g = { sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt };

	__asm__ volatile("lgdt %0" : : "m"(g));
	cpu->tss_short = true;
	if (cpu->tss->io_base != IO_NONE)
		desc_task(cpu);
}

void desc_load(struct cpu *cpu)
{
	uint64_t area = PERCPU_VA + (uint64_t)cpu->id * PERCPU_SIZE;

	cpu->tss->ist[IST_DF - 1] = area + DF_HIGH;
	cpu->tss->ist[IST_NMI - 1] = area + NMI_HIGH;
	cpu->tss->ist[IST_MC - 1] = area + MC_HIGH;
	cpu->tss->rsp[0] = area + STACK_HIGH;
	cpu->tss->io_base = IO_NONE;
	fill_gdt(cpu);
	load_tables(cpu);
	wrmsr(MSR_GS_BASE, (uint64_t)cpu);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	wrmsr(MSR_STAR, (uint64_t)(SEG_SYSRET | 3) << 48 | (uint64_t)SEG_KCODE << 32);
	wrmsr(MSR_LSTAR, (uint64_t)syscall_start);
	wrmsr(MSR_CSTAR, (uint64_t)syscall_start);
	wrmsr(MSR_SFMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC);
}
