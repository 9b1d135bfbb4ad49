// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/tlb.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/space.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

uint64_t tlb_sent;

static bool uses(const struct cpu *cpu, const struct space *s)
{
	return s->pd ? cpu->pd == s->pd : cpu->guest == s;
}

/* Which page tables a CPU has loaded changes only under the kernel lock, which the caller has. */
void tlb_shoot(struct space *s)
{
	struct cpu *self = cpu_self();

	s->tlb_gen++;
	for (uint32_t i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];

		if (!uses(cpu, s))
			continue;
		if (cpu == self) {
			arch_flush_local(cpu);
			continue;
		}
		__atomic_store_n(&cpu->shoot, true, __ATOMIC_SEQ_CST);
		lapic_ipi(cpu->apic_id, VECTOR_SHOOTDOWN);
		tlb_sent++;
	}
	for (uint32_t i = 0; i < cpu_count; i++)
		while (__atomic_load_n(&cpus[i]->shoot, __ATOMIC_ACQUIRE) && cpus[i] != self)
			cpu_relax();
}

/* Also called while waiting for the lock: the sender has it and waits for this CPU. */
void tlb_answer(void)
{
	struct cpu *cpu = cpu_self();

	if (!__atomic_load_n(&cpu->shoot, __ATOMIC_ACQUIRE))
		return;
	cpu->stats->shootdowns++;
	arch_flush_local(cpu);
	__atomic_store_n(&cpu->shoot, false, __ATOMIC_RELEASE);
}
