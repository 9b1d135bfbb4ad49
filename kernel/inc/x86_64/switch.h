// SPDX-License-Identifier: Apache-2.0
/* What changes when a CPU goes from one thread to another; included by arch.h. On the path of every IPC. */
#pragma once
#include "kernel/inc/cpu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/msr.h"

/* The I/O bitmap of the domain, or none, into this CPU's window behind its TSS. */
void load_ports(struct cpu *cpu, struct pd *pd);

/* e's FPU state into the registers, what is there to its owner. */
void fpu_switch(struct cpu *cpu, struct ec *e);

static inline void enter_pd(struct cpu *cpu, struct pd *pd)
{
	cpu->pd = pd;
	write_cr3(pd->space.ptab.root);
	if (__builtin_expect(pd->io[0] || cpu->tss->io_base != IO_NONE, 0))
		load_ports(cpu, pd);
}

static inline void arch_enter(struct cpu *cpu, struct ec *e)
{
	cpu->ec = e;
	cpu->tss->rsp[0] = (uint64_t)&e->regs + sizeof(e->regs);
	if (cpu->pd != e->pd)
		enter_pd(cpu, e->pd);
	if (cpu->fpu != e)
		fpu_switch(cpu, e);
	wrmsr(MSR_FS_BASE, e->utcb_va);
}
