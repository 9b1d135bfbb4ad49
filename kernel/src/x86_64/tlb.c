// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/tlb.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/space.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

uint64_t tlb_sent;

static bool uses(const struct cpu *cpu, const struct space *s)
{
	return s->pd ? cpu->pd == s->pd : cpu->guest == s;
}

static void ask(struct cpu *cpu, uint32_t request)
{
	__atomic_store_n(&cpu->asked, request, __ATOMIC_SEQ_CST);
	lapic_ipi(cpu->apic_id, VECTOR_SHOOTDOWN);
}

static void await(struct cpu *cpu)
{
	while (__atomic_load_n(&cpu->asked, __ATOMIC_ACQUIRE))
		cpu_relax();
}

/* Which page tables a CPU has loaded changes only under the kernel lock, which the caller has. */
void tlb_shoot(struct space *s)
{
	struct cpu *self = cpu_self();

	if (space_is_dma(s)) {
		if (s->dma_domain)
			iommu_ops->flush(s->dma_domain);
		return;
	}
	s->tlb_gen++;
	for (uint32_t i = 0; i < cpu_count; i++) {
		struct cpu *cpu = cpus[i];

		if (!uses(cpu, s))
			continue;
		if (cpu == self) {
			arch_flush_local(cpu);
			continue;
		}
		ask(cpu, REQUEST_FLUSH);
		tlb_sent++;
	}
	for (uint32_t i = 0; i < cpu_count; i++)
		if (cpus[i] != self)
			await(cpus[i]);
}

/* The vCPU does not run, and under the lock nobody starts it. */
void vcpu_release(struct vcpu *v)
{
	struct cpu *cpu = cpus[v->cpu];

	if (cpu == cpu_self())
		return vm_ops->release(v);
	cpu->releases = v;
	ask(cpu, REQUEST_RELEASE);
	await(cpu);
}

/* Also called while waiting for the lock: the sender has it and waits for this CPU. */
void tlb_answer(void)
{
	struct cpu *cpu = cpu_self();

	uint32_t asked = __atomic_load_n(&cpu->asked, __ATOMIC_ACQUIRE);

	if (!asked)
		return;
	if (asked & REQUEST_RELEASE)
		vm_ops->release(cpu->releases);
	if (asked & REQUEST_FLUSH) {
		cpu->stats->shootdowns++;
		arch_flush_local(cpu);
	}
	__atomic_store_n(&cpu->asked, 0, __ATOMIC_RELEASE);
}
