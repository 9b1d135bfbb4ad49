// SPDX-License-Identifier: Apache-2.0
/* What the common kernel asks of the processor; kernel/src/x86_64 has it, the host tests bring their own. */
#pragma once
#include "kernel/inc/cpu.h"
#include "kernel/inc/ptab.h"
#include "kernel/inc/x86_64/switch.h"

/* Page tables. */
extern const struct ptab_format ptab_host;
extern unsigned int cpu_leaf_level;        /* highest with leaves in the processor's own tables */
extern uint64_t kernel_root;               /* physical: page tables without a user half */
void space_install_kernel(uint64_t *root); /* the kernel half into a new root table */
void arch_load_pd(struct cpu *cpu,
		  struct pd *pd);           /* address space and ports; NULL: the kernel's own */
void arch_flush_local(struct cpu *cpu);     /* everything but the kernel half */
void kmap_window(uint64_t va, uint64_t pa); /* replaces one read-only page */
void kmap(uint64_t va, uint64_t pa, uint64_t size, bool write, bool exec,
	  bool device); /* while booting */

/* Threads. */
void fpu_reset(void *area);
void fpu_save(struct ec *e);
void fpu_drop(struct ec *e); /* its state is no longer wanted */
/* Guests: with nobody's state in the registers, in an area made by fpu_reset, under the guest's XCR0. */
extern uint64_t fpu_mask; /* components of XSAVE in use; 0: the CPU has FXSAVE only */
/* n bytes that a user gave: into an area, without what XRSTOR would refuse. */
void fpu_import(void *area, const void *from, uint64_t n);
void fpu_load_guest(const void *area, uint64_t xcr0);
void fpu_save_guest(void *area, uint64_t xcr0); /* xcr0: what fpu_xcr0 says */
uint64_t fpu_xcr0(void);

uint64_t image_pa(const void *p); /* physical address of something in the kernel's image */
void fpu_flush(struct cpu *cpu);  /* nobody's state is in the registers afterwards */

/* Local APIC. */
void lapic_init(void);
void lapic_eoi(void);
void lapic_ipi(uint32_t apic_id, uint8_t vector);
void lapic_start_cpu(uint32_t apic_id, uint64_t page);
void lapic_timer(uint64_t deadline); /* TSC value; 0: off */
uint64_t lapic_base(void);
void lapic_calibrate(void);
extern uint64_t tsc_khz;

/* CPUs. */
void cpu_features(bool print);
struct cpu *cpu_create(uint32_t id, uint32_t apic_id);
void smp_start(void);
_Noreturn void halt_all(void);
_Noreturn void machine_reset(void);
const char *symbol_name(uint64_t ip, uint64_t *offset);
void fpu_init(void);
