// SPDX-License-Identifier: Apache-2.0
/* Starting and stopping the other CPUs; reset. */
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/start.h"

extern const char ap_code[], ap_code_end[], ap_gdtr_base[], ap_far[], ap_cr3[], ap_cpu[],
	ap_stack[], ap_entry[];

enum {
	AP_WAIT_MS = 1000,
	KBD_COMMAND = 0x64,
	KBD_RESET = 0xfe,
	RESET_CONTROL = 0xcf9,
	RESET_FULL = 0x0e,
};

static char *page;

static void fill(const char *word, uint64_t v, uint64_t bytes)
{
	__builtin_memcpy(page + (word - ap_code), &v, bytes);
}

static void add(const char *word, uint64_t v)
{
	*(uint32_t *)(page + (word - ap_code)) += (uint32_t)v;
}

/* The page is mapped twice: at its own address to run from, and in the last CPU slot's place to write to. */
static void prepare(void)
{
	uint64_t window = PERCPU_VA + (uint64_t)CPU_MAX * PERCPU_SIZE;

	kernel_tables_done();
	kmap(bootinfo.ap_page, bootinfo.ap_page, FRAME_SIZE, false, true, false);
	kmap(window, bootinfo.ap_page, FRAME_SIZE, true, false, false);
	page = (char *)window;
	__builtin_memcpy(page, ap_code, (uint64_t)(ap_code_end - ap_code));
	add(ap_gdtr_base, bootinfo.ap_page);
	add(ap_far, bootinfo.ap_page);
	fill(ap_cr3, kernel_root, 8);
	fill(ap_entry, (uint64_t)kernel_main_ap, 8);
}

static bool start(struct cpu *cpu)
{
	uint64_t end;

	fill(ap_cpu, (uint64_t)cpu, 8);
	fill(ap_stack, cpu->stack_top, 8);
	lapic_start_cpu(cpu->apic_id, bootinfo.ap_page);
	end = rdtsc() + AP_WAIT_MS * tsc_khz;
	while (!cpu->online && rdtsc() < end)
		cpu_relax();
	return cpu->online;
}

/* A CPU that does not answer ends the list: numbers stay dense. */
void smp_start(void)
{
	uint32_t wanted = cpu_count;

	prepare();
	cpus[0]->online = true;
	for (uint32_t i = 1; i < wanted; i++)
		if (!start(cpus[i]))
			panic("CPU %u (APIC id %u) does not start", i, cpus[i]->apic_id);
	kernel_tables_done();
}

void halt_all(void)
{
	panicked = true;
	for (uint32_t i = 0; i < cpu_count; i++)
		if (cpus[i] && cpus[i]->online && cpus[i] != cpu_self())
			lapic_ipi(cpus[i]->apic_id, VECTOR_HALT);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void machine_reset(void)
{
	outb(RESET_CONTROL, RESET_FULL);
	outb(KBD_COMMAND, KBD_RESET);
	__asm__ volatile("lidt %0; ud2" : : "m"((struct { char zero[10]; }){ 0 }));
	halt_all();
}
