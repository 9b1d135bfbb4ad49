// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/syscall.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/start.h"

static void create_cpus(void)
{
	struct cpu_stats *stats = boot_frames(bootinfo.cpu_count * (uint64_t)FRAME_SIZE);

	klog = boot_frames(sizeof(*klog));
	trace_ring = boot_frames(sizeof(*trace_ring));
	cpu_count = bootinfo.cpu_count;
	for (uint32_t i = 0; i < cpu_count; i++) {
		cpus[i] = cpu_create(i, bootinfo.apic_id[i]);
		cpus[i]->stats = (struct cpu_stats *)((char *)stats + (uint64_t)i * FRAME_SIZE);
	}
}

static void banner(void)
{
	uint64_t free = 0;

	for (uint32_t i = 0; i < bootinfo.mem_count; i++)
		if (bootinfo.mem[i].type == BOOT_MEM_FREE)
			free += bootinfo.mem[i].size;
	kprintf("Redoubt kernel: %u CPUs, %lu MiB free, %lu MiB kernel pool, TSC %lu kHz, %u boot "
		"parts\n",
		bootinfo.cpu_count, free >> 20, bootinfo.kpool_size >> 20, bootinfo.tsc_khz,
		bootinfo.part_count);
}

void kernel_main(struct bootinfo *from)
{
	console_init();
	boot_take(from);
	__builtin_memset(from->seed, 0, sizeof(from->seed));
	pool_init(bootinfo.kpool_base, bootinfo.kpool_size);
	kernel_tables();
	create_cpus();
	idt_init();
	cpu_start(cpus[0]);
	banner();
	cpu_features(true);
	lapic_calibrate();
	iommu_start();
	vm_choose();
	vm_cpu_init(cpus[0]);
	root_start();
	smp_start();
	kprintf("kernel: %u CPUs run, root starts\n", cpu_count);
	first_run();
	run_thread();
}

void kernel_main_ap(struct cpu *cpu)
{
	cpu_start(cpu);
	vm_cpu_init(cpu);
	cpu->online = true;
	first_run();
	run_thread();
}
