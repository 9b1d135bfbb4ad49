// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/sched.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/lock.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

enum {
	SLICE_US = 10000,
	REAP_BETWEEN = 16, /* units of left-over work on dead objects per switch */
};

static uint64_t slice(void)
{
	return tsc_khz * SLICE_US / 1000;
}

/* What the running context used since it was last looked at. */
static void charge(struct cpu *cpu, uint64_t now)
{
	uint64_t ticks = now - cpu->sc_start;
	struct sc *sc = cpu->sc;

	cpu->sc_start = now;
	sc->used += ticks;
	sc->left = sc->left > ticks ? sc->left - ticks : 0;
}

/* A context whose period is over has its budget again. */
static void refill(struct sc *sc, uint64_t now)
{
	if (!sc->budget) {
		if (!sc->left)
			sc->left = slice();
		return;
	}
	if (now < sc->next_period)
		return;
	sc->left = sc->budget;
	sc->next_period = now + sc->period;
}

static uint64_t earliest(const struct cpu *cpu)
{
	uint64_t at = cpu->sc ? cpu->sc_start + cpu->sc->left : UINT64_MAX;

	if (cpu->guest_until && cpu->guest_until < at)
		at = cpu->guest_until;
	if (cpu->timers.top && cpu->timers.top->key < at)
		at = cpu->timers.top->key;
	if (cpu->periods.top && cpu->periods.top->key < at)
		at = cpu->periods.top->key;
	return at;
}

/* One that is overdue is set once more: QEMU 7.2 can lose an interrupt that comes while a #VMEXIT clears a bit of the same word. */
static void program_timer(struct cpu *cpu)
{
	uint64_t at = earliest(cpu);

	if (at == UINT64_MAX)
		at = 0;
	if (at == cpu->timer_at && (at == 0 || rdtsc() < at))
		return;
	cpu->timer_at = at;
	lapic_timer(at);
}

static void deplete(struct sc *sc)
{
	sc->state = SC_DEPLETED;
	heap_insert(&cpus[sc->cpu]->periods, &sc->timer, sc->next_period);
}

static void kick(struct cpu *cpu)
{
	cpu->resched = true;
	if (cpu != cpu_self())
		lapic_ipi(cpu->apic_id, VECTOR_RESCHED);
}

void sched_ready(struct sc *sc)
{
	struct cpu *cpu = cpus[sc->cpu];

	refill(sc, rdtsc());
	if (!sc->left) {
		deplete(sc);
		if (cpu != cpu_self())
			kick(cpu);
		else
			program_timer(cpu);
		return;
	}
	sc->state = SC_READY;
	runq_put(&cpu->runq, sc, false);
	if (!cpu->sc || cpu->sc->prio < sc->prio)
		kick(cpu);
}

void sched_block(struct sc *sc)
{
	struct cpu *cpu = cpus[sc->cpu];

	if (sc->state == SC_READY)
		runq_take(&cpu->runq, sc);
	if (sc->state == SC_DEPLETED)
		heap_remove(&cpu->periods, &sc->timer);
	sc->state = SC_BLOCKED;
	if (cpu->sc != sc)
		return;
	if (cpu != cpu_self())
		return kick(cpu);
	charge(cpu, rdtsc());
	cpu->sc = NULL;
	cpu->ec = NULL;
}

/* The running context goes back to where it waits for its turn. */
static void put_back(struct cpu *cpu, uint64_t now)
{
	struct sc *sc = cpu->sc;

	charge(cpu, now);
	cpu->sc = NULL;
	cpu->ec = NULL;
	if (sc->state != SC_RUNNING)
		return;
	if (!sc->left && sc->budget)
		refill(sc, now);
	if (!sc->left && sc->budget)
		return deplete(sc);
	sc->state = SC_READY;
	cpu->stats->preemptions++;
	runq_put(&cpu->runq, sc, sc->left && !sc->yields);
	if (!sc->left)
		sc->left = slice();
}

static void idle(struct cpu *cpu)
{
	uint64_t start = rdtsc();

	arch_load_pd(cpu, NULL);
	program_timer(cpu);
	unlock_kernel();
	irq_wait();
	lock_kernel();
	cpu->stats->idle_ticks += rdtsc() - start;
}

static struct sc *choose(struct cpu *cpu)
{
	struct sc *sc;

	for (;;) {
		cpu->resched = false;
		if (reap_pending())
			reap(REAP_BETWEEN);
		sc = runq_best(&cpu->runq);
		if (sc)
			return sc;
		if (reap_pending()) {
			unlock_kernel();
			irq_window();
			lock_kernel();
		} else {
			idle(cpu);
		}
	}
}

void sched_run(void)
{
	struct cpu *cpu = cpu_self();
	struct sc *sc;

	if (cpu->sc)
		put_back(cpu, rdtsc());
	sc = choose(cpu);
	runq_take(&cpu->runq, sc);
	sc->state = SC_RUNNING;
	sc->yields = false;
	cpu->sc = sc;
	cpu->sc_start = rdtsc();
	cpu->stats->switches++;
	trace(TRACE_SWITCH, (uint32_t)sc->prio, (uint64_t)sc->cur);
	arch_enter(cpu, sc->cur);
	program_timer(cpu);
}

static void fire_deadlines(struct cpu *cpu, uint64_t now)
{
	if (cpu->guest_until <= now)
		cpu->guest_until = 0; /* this interrupt has ended the stay */
	while (cpu->timers.top && cpu->timers.top->key <= now) {
		struct ec *e = container_of(cpu->timers.top, struct ec, timer);

		heap_remove(&cpu->timers, &e->timer);
		if (e->run == EC_WAIT_SM)
			ec_wake(e, S_TIMEOUT);
	}
}

static void fire_periods(struct cpu *cpu, uint64_t now)
{
	while (cpu->periods.top && cpu->periods.top->key <= now) {
		struct sc *sc = container_of(cpu->periods.top, struct sc, timer);

		heap_remove(&cpu->periods, &sc->timer);
		sc->state = SC_BLOCKED;
		sched_ready(sc);
	}
}

void sched_tick(void)
{
	struct cpu *cpu = cpu_self();
	uint64_t now = rdtsc();

	cpu->timer_at = 0;
	fire_deadlines(cpu, now);
	fire_periods(cpu, now);
	if (cpu->sc) {
		charge(cpu, now);
		cpu->resched |= !cpu->sc->left;
	}
	program_timer(cpu);
}

bool sched_contended(void)
{
	const struct cpu *cpu = cpu_self();
	const struct sc *best = runq_best(&cpu->runq);

	return best && best->prio >= cpu->sc->prio;
}

void sched_yield(void)
{
	cpu_self()->sc->yields = true;
	cpu_self()->resched = true;
}

bool sched_pending(void)
{
	return cpu_self()->resched;
}

void timer_set(struct ec *e, uint64_t deadline)
{
	struct cpu *cpu = cpus[e->cpu];

	heap_insert(&cpu->timers, &e->timer, deadline);
	if (cpu == cpu_self())
		program_timer(cpu);
}

void timer_guest(struct cpu *cpu, uint64_t deadline)
{
	cpu->guest_until = deadline;
	program_timer(cpu);
}

void timer_clear(struct ec *e)
{
	heap_remove(&cpus[e->cpu]->timers, &e->timer);
}

void sched_init(struct cpu *cpu)
{
	runq_init(&cpu->runq);
}
