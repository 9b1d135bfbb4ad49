// SPDX-License-Identifier: Apache-2.0
/* What changes when a CPU goes from one thread to another. */
#include "kernel/inc/pd.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/layout.h"

/* The I/O bitmap of the domain shows in this CPU's window behind its TSS. */
void load_ports(struct cpu *cpu, struct pd *pd)
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
	if (cpu->tss_short)
		desc_task(cpu);
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
