// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/syscall.h"
#include "abi/decode.h"
#include "kernel/inc/console.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/lock.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/pt.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

static void (*const calls[CALL_COUNT])(struct ec *) = CALL_TABLE;

/* Chooses who leaves the kernel on this CPU. */
static inline void leave(struct cpu *cpu)
{
	if (__builtin_expect(cpu->resched | !cpu->ec, 0))
		sched_run();
	unlock_kernel();
}

void syscall_entry(struct ec *e)
{
	struct cpu *cpu = cpu_self();
	uint64_t number = e->regs.rax;

	lock_kernel();
	cpu->stats->calls++;
	if (__builtin_expect(cpu->resched, 0))
		ec_restart(e); /* somebody may have stopped this thread meanwhile */
	else if (number < CALL_COUNT)
		calls[number](e);
	else
		ec_status(e, S_BAD_CALL);
	leave(cpu);
}

static void user_exception(struct cpu *cpu, struct ec *e)
{
	const struct regs *r = &e->regs;
	uint64_t cr2 = read_cr2();

	cpu->stats->faults++;
	trace(TRACE_FAULT, (uint32_t)r->vector, r->rip);
	if (cpu->sc->state != SC_RUNNING || ipc_send_fault(e, r->vector, r->error, cr2))
		return; /* stopped by another CPU meanwhile, or taken */
	kprintf("fault: %s/%s vector %lu error %lx ip %lx cr2 %lx sp %lx: stopped\n", e->pd->name,
		e->name, r->vector, r->error, r->rip, cr2, r->rsp);
	ec_stop_faulted(e);
}

static void interrupt(struct cpu *cpu, uint8_t vector)
{
	cpu->stats->interrupts++;
	if (vector != VECTOR_SPURIOUS)
		lapic_eoi();
	iommu_poll();
	switch (vector) {
	case VECTOR_TIMER:
		return sched_tick();
	case VECTOR_RESCHED:
	case VECTOR_SHOOTDOWN:
	case VECTOR_SPURIOUS:
		return;
	case VECTOR_HALT:
		halt_all();
	default:
		if (vector >= IRQ_VECTOR_FIRST && vector < IRQ_VECTOR_FIRST + IRQ_VECTORS)
			irq_deliver(vector);
	}
}

void trap_user(struct ec *e)
{
	struct cpu *cpu = cpu_self();

	tlb_answer();
	lock_kernel();
	if (e->regs.vector < 32)
		user_exception(cpu, e);
	else
		interrupt(cpu, (uint8_t)e->regs.vector);
	leave(cpu);
}

void trap_kernel(struct regs *r)
{
	if (r->vector < 32)
		kernel_exception(r);
	tlb_answer();
	lock_kernel();
	interrupt(cpu_self(), (uint8_t)r->vector);
	unlock_kernel();
}

void first_run(void)
{
	lock_kernel();
	sched_run();
	unlock_kernel();
}
