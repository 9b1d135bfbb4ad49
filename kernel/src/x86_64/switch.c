// SPDX-License-Identifier: Apache-2.0
/* What changes when a CPU goes from one thread to another. */
#include "kernel/inc/pd.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/fpu.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/msr.h"

/* The I/O bitmap of the domain shows in this CPU's window behind its TSS. */
static void load_ports(struct cpu *cpu, struct pd *pd)
{
	if (!pd || !pd->io[0] || !pd->io[IO_BITMAP_FRAMES - 1]) {
		cpu->tss->io_base = IO_NONE;
		return;
	}
	if (cpu->io_pd != pd) {
		for (uint64_t i = 0; i < IO_BITMAP_FRAMES; i++)
			kmap_window(PERCPU_VA + cpu->id * (uint64_t)PERCPU_SIZE + IO_WINDOW +
					    i * FRAME_SIZE,
				    ptr_pa(pd->io[i]));
		cpu->io_pd = pd;
	}
	cpu->tss->io_base = IO_WINDOW - TSS_PAGE;
}

void arch_load_pd(struct cpu *cpu, struct pd *pd)
{
	uint64_t root = pd ? pd->space.ptab.root : kernel_root;

	load_ports(cpu, pd);
	if (cpu->pd == pd)
		return;
	cpu->pd = pd;
	write_cr3(root);
}

void arch_flush_local(struct cpu *cpu)
{
	(void)cpu;
	write_cr3(read_cr3());
}

void arch_enter(struct cpu *cpu, struct ec *e)
{
	cpu->ec = e;
	cpu->tss->rsp[0] = (uint64_t)&e->regs + sizeof(e->regs);
	if (cpu->pd != e->pd)
		arch_load_pd(cpu, e->pd);
	fpu_switch(cpu, e);
	wrmsr(MSR_FS_BASE, e->utcb_va);
}
