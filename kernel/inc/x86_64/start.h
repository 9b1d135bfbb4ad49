// SPDX-License-Identifier: Apache-2.0
/* Steps of starting up, in the order of kernel_main. */
#pragma once
#include "boot/bootinfo.h"
#include "kernel/inc/cpu.h"

void kernel_main(struct bootinfo *from); /* physical address, still mapped */
void kernel_main_ap(struct cpu *cpu);

/* Leaves the loader's page tables for the kernel's own; its lower half stays until smp_start. */
void kernel_tables(void);
void kernel_tables_done(void);

/* This CPU's control registers, descriptors, FPU, APIC. */
void cpu_start(struct cpu *cpu);
