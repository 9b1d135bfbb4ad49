// SPDX-License-Identifier: Apache-2.0
/* Interrupt messages: which local APICs they are for, and what they do there. Intel SDM volume 3, sections 11.6 and 9.4. */
#include "services/vmm/boot.h"
#include "services/vmm/machine.h"

enum shorthand { TO_DEST = 0, TO_SELF = 1, TO_ALL = 2, TO_OTHERS = 3 };

static void deliver_to(struct machine *m, struct machine_cpu *cpu, const struct apic_msg *msg)
{
	switch (msg->delivery) {
	case DELIVER_FIXED:
	case DELIVER_LOWEST:
		lapic_raise(&cpu->lapic, msg->vector, msg->level);
		break;
	case DELIVER_NMI:
		cpu->lapic.nmi = true;
		break;
	case DELIVER_INIT:
		cpu->init = true;
		cpu->startup = false;
		break;
	case DELIVER_STARTUP: /* means nothing to a vCPU that does not wait for it */
		if (!cpu->init && cpu->activity != CPU_WAITS)
			return;
		cpu->startup = true;
		cpu->start_page = msg->vector;
		break;
	default: /* ExtINT comes by LINT0 */
		return;
	}
	machine_kick(m, cpu);
}

/* Of the vCPUs in `set`: the one of lowest priority, and of equals the next in turn. */
static struct machine_cpu *arbitrate(struct machine *m, uint32_t set)
{
	struct machine_cpu *best = NULL;

	for (unsigned i = 1; i <= m->cpus; i++) {
		struct machine_cpu *cpu = &m->cpu[(m->arbiter + i) % m->cpus];

		if (!(set >> (cpu - m->cpu) & 1) || !lapic_enabled(&cpu->lapic))
			continue;
		if (best == NULL || lapic_priority(&cpu->lapic) < lapic_priority(&best->lapic))
			best = cpu;
	}
	return best;
}

static void deliver(struct machine *m, const struct apic_msg *msg, uint32_t set)
{
	struct machine_cpu *one;

	if (msg->delivery == DELIVER_LOWEST) {
		one = arbitrate(m, set);
		if (one == NULL)
			return;
		m->arbiter = (unsigned)(one - m->cpu);
		set = UINT32_C(1) << m->arbiter;
	}
	for (unsigned i = 0; i < m->cpus; i++)
		if (set >> i & 1)
			deliver_to(m, &m->cpu[i], msg);
}

static uint32_t matching(const struct machine *m, const struct apic_msg *msg)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < m->cpus; i++)
		if (lapic_matches(&m->cpu[i].lapic, msg))
			set |= UINT32_C(1) << i;
	return set;
}

void machine_deliver(struct machine *m, const struct apic_msg *msg)
{
	/* reserved there: SDM volume 3, 11.11.2; 82093AA, 3.2.4 */
	if (msg->delivery != DELIVER_STARTUP)
		deliver(m, msg, matching(m, msg));
}

void machine_send_ipi(struct machine *m, struct machine_cpu *from)
{
	struct lapic *l = &from->lapic;
	uint32_t self = UINT32_C(1) << (from - m->cpu), all = (UINT32_C(1) << m->cpus) - 1, set;

	l->ipi_sent = false;
	switch (l->ipi_shorthand) {
	case TO_DEST:
		set = matching(m, &l->ipi);
		break;
	case TO_OTHERS:
		set = all & ~self;
		break;
	default: /* with self: for fixed interrupts only */
		set = l->ipi_shorthand == TO_SELF ? self : all;
		if (l->ipi.delivery != DELIVER_FIXED)
			set &= ~self;
		break;
	}
	deliver(m, &l->ipi, set);
}

void machine_take_init(struct machine *m, struct machine_cpu *cpu)
{
	if (cpu->init && cpu == &m->cpu[0]) {
		machine_ends(m, MACHINE_RESET); /* it would start in firmware, and there is none */
		return;
	}
	if (cpu->init) {
		cpu->init = false;
		lapic_reset(&cpu->lapic);
		boot_reset_state(cpu->s);
		cpu->activity = CPU_WAITS;
		cpu->timers_moved = true;
	}
	if (!cpu->startup)
		return;
	cpu->startup = false;
	boot_enter16(cpu->s, cpu->start_page);
	cpu->activity = CPU_RUNS;
}
