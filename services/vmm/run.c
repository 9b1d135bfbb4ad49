// SPDX-License-Identifier: Apache-2.0
/* The life of a vCPU: inject what is due, run, answer the exit. */
#include "services/vmm/exception.h"
#include "services/vmm/machine.h"
#include "services/vmm/mmu.h"
#include "services/vmm/pvclock.h"
#include "services/vmm/ticks.h"

enum {
	RF_TF = 1 << 8,
	RF_IF = 1 << 9,
	DR6_BS = 1 << 14,
};

#define HYPERCALL_UNKNOWN UINT64_C(0xfffffffffffffc18) /* -1000, what KVM answers */
#define XCR0_X87          1u
#define XCR0_SSE          2u
#define XCR0_AVX          4u
#define XCR0_AVX512       0xe0u

static unsigned number(const struct machine *m, const struct machine_cpu *cpu)
{
	return (unsigned)(cpu - m->cpu);
}

/* Groups that the exit did not bring, by an entry that is over before it reaches the guest. */
bool machine_fetch(struct machine *m, struct machine_cpu *cpu, uint32_t groups)
{
	struct vcpu_state *s = cpu->s;
	uint32_t timeout = s->exit_mtd[VM_EXIT_TIMEOUT], wake = s->exit_mtd[VM_EXIT_WAKE];
	uint32_t exit = s->exit;
	bool done;

	s->exit_mtd[VM_EXIT_TIMEOUT] = s->exit_mtd[VM_EXIT_WAKE] = groups;
	done = m->host->enter(m->host, number(m, cpu), 1) &&
	       (s->exit == VM_EXIT_TIMEOUT || s->exit == VM_EXIT_WAKE);
	s->exit_mtd[VM_EXIT_TIMEOUT] = timeout;
	s->exit_mtd[VM_EXIT_WAKE] = wake;
	if (done)
		s->exit = exit;
	else
		machine_ends(m, MACHINE_NO_ENTRY);
	return done;
}

/* --- interrupts --- */

static bool pic_wants(const struct machine *m, const struct machine_cpu *cpu)
{
	return cpu == &m->cpu[0] && lapic_takes_extint(&cpu->lapic) && pic_pending(&m->pic);
}

static bool takes_interrupt(const struct machine *m, const struct machine_cpu *cpu)
{
	return lapic_pending(&cpu->lapic) >= 0 || pic_wants(m, cpu);
}

static bool has_interrupt(const struct machine *m, const struct machine_cpu *cpu)
{
	return cpu->lapic.nmi || takes_interrupt(m, cpu);
}

static void inject_interrupt(struct machine *m, struct machine_cpu *cpu)
{
	int vector = lapic_pending(&cpu->lapic);

	if (vector >= 0)
		lapic_accept(&cpu->lapic, (uint8_t)vector);
	else
		vector = pic_ack(&m->pic);
	cpu->s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_INTR | (uint32_t)vector;
}

static void inject(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;

	s->window = 0;
	if (!has_interrupt(m, cpu))
		return;
	if (cpu->lapic.nmi && !(s->event.info & VCPU_EVENT_VALID) && s->shadow == 0) {
		s->event.info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | VECTOR_NMI;
		cpu->lapic.nmi = false;
	} else if (takes_interrupt(m, cpu) && vcpu_interruptible(s)) {
		inject_interrupt(m, cpu);
	}
	/* an NMI that another holds back waits for the next exit, whatever it is for */
	s->window = takes_interrupt(m, cpu) || (cpu->lapic.nmi && !(s->shadow & VCPU_SHADOW_NMI));
}

/* --- exits --- */

static void set_accumulator(struct vcpu_state *s, unsigned size, uint64_t value)
{
	uint64_t mask = (UINT64_C(1) << 8 * size) - 1;

	s->gpr[VCPU_RAX] = size == 4 ? value : (s->gpr[VCPU_RAX] & ~mask) | (value & mask);
}

/* ins, outs: rare, so the groups are fetched. */
static void exit_io_string(struct machine *m, struct machine_cpu *cpu)
{
	struct mmio_space space = { .gm = &m->gm, .bus = &m->memory, .ports = &m->ports };

	if (machine_fetch(m, cpu, MMU_GROUPS) && mmio_string_port(cpu->s, &space) != MMIO_DONE)
		machine_ends(m, MACHINE_BAD_ACCESS);
}

static void exit_io(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	uint32_t q = (uint32_t)s->qual[0];
	unsigned size = (q & VM_IO_SIZE) >> VM_IO_SIZE_SHIFT;

	if (q & VM_IO_STRING) {
		exit_io_string(m, cpu);
		return;
	}
	if (q & VM_IO_IN)
		set_accumulator(s, size, bus_read(&m->ports, q & VM_IO_PORT, size));
	else
		bus_write(&m->ports, q & VM_IO_PORT, size, s->gpr[VCPU_RAX]);
	vcpu_skip(s, s->insn_len);
}

static void exit_memory(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	struct mmio_space space = { .gm = &m->gm, .bus = &m->memory, .ports = &m->ports };
	bool write = s->qual[1] & VM_ACCESS_WRITE, data = write || (s->qual[1] & VM_ACCESS_READ);
	enum mmio_result r;

	/* with an event it was the event's delivery that touched the device, not the instruction at rip */
	if (!data || (s->qual[1] & VM_ACCESS_WALK) || (s->event.info & VCPU_EVENT_VALID) ||
	    gm_ptr(&m->gm, s->qual[0], 1) != NULL) {
		machine_ends(m, MACHINE_BAD_ACCESS);
		return;
	}
	r = mmio_emulate(s, &space, s->qual[0], write);
	if (r == MMIO_UNDECODED && mmu_user(s))
		exception_raise(s, VECTOR_UD); /* a program must not end its machine */
	else if (r != MMIO_DONE)
		machine_ends(m, MACHINE_BAD_ACCESS);
}

static void exit_cpuid(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	struct cpuid_regs r;

	(void)m;
	cpuid_read(&cpu->cpuid, (uint32_t)s->gpr[VCPU_RAX], (uint32_t)s->gpr[VCPU_RCX], s->cr4,
		   s->xcr0, &r);
	s->gpr[VCPU_RAX] = r.eax;
	s->gpr[VCPU_RBX] = r.ebx;
	s->gpr[VCPU_RCX] = r.ecx;
	s->gpr[VCPU_RDX] = r.edx;
	vcpu_skip(s, s->insn_len);
}

static bool is_apic_msr(uint32_t index)
{
	return index == MSR_APIC_BASE || index == MSR_TSC_DEADLINE ||
	       (index >= MSR_X2APIC_FIRST && index <= MSR_X2APIC_LAST);
}

static void exit_msr_read(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	uint32_t index = (uint32_t)s->gpr[VCPU_RCX];
	uint64_t value = 0, now = machine_now(m);
	bool ok = is_apic_msr(index) ? lapic_read_msr(&cpu->lapic, index, &value, now)
				     : msr_read(&cpu->msrs, s, index, &value, now);

	if (!ok) {
		exception_raise_error(s, VECTOR_GP, 0);
		return;
	}
	s->gpr[VCPU_RAX] = (uint32_t)value;
	s->gpr[VCPU_RDX] = value >> 32;
	vcpu_skip(s, s->insn_len);
}

static void exit_msr_write(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	uint32_t index = (uint32_t)s->gpr[VCPU_RCX];
	uint64_t value = (uint32_t)s->gpr[VCPU_RAX] | s->gpr[VCPU_RDX] << 32, now = machine_now(m);
	bool ok;

	if (is_apic_msr(index)) {
		ok = lapic_write_msr(&cpu->lapic, index, value, now, cpu->msrs.tsc_adjust);
		machine_settle_lapic(m, cpu);
	} else if (index == MSR_PV_WALL_CLOCK || index == MSR_PV_SYSTEM_TIME) {
		ok = pvclock_write(&m->gm, index, value, m->khz, cpu->msrs.tsc_adjust, m->rtc.base);
	} else {
		ok = msr_write(&cpu->msrs, s, index, value, now);
	}
	if (ok)
		vcpu_skip(s, s->insn_len);
	else
		exception_raise_error(s, VECTOR_GP, 0);
}

/* No vCPU will ever do anything again. */
static bool all_stopped(const struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		if (m->cpu[i].activity < CPU_STOPPED || m->cpu[i].lapic.nmi || m->cpu[i].init ||
		    m->cpu[i].startup)
			return false;
	return true;
}

static void exit_hlt(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;

	vcpu_skip(s, s->insn_len);
	cpu->activity = s->rflags & RF_IF ? CPU_HALTED : CPU_STOPPED;
	if (all_stopped(m))
		machine_ends(m, MACHINE_HALTED);
}

static void exit_hypercall(struct machine *m, struct machine_cpu *cpu)
{
	(void)m;
	cpu->s->gpr[VCPU_RAX] = HYPERCALL_UNKNOWN;
	vcpu_skip(cpu->s, cpu->s->insn_len);
}

static bool valid_xcr0(uint64_t v, uint64_t most)
{
	bool wide = v & XCR0_AVX512;

	if ((v & ~most) != 0 || !(v & XCR0_X87))
		return false;
	if ((v & XCR0_AVX) && !(v & XCR0_SSE))
		return false;
	return !wide || ((v & XCR0_AVX512) == XCR0_AVX512 && (v & XCR0_AVX));
}

static void exit_xsetbv(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	uint64_t value = (uint32_t)s->gpr[VCPU_RAX] | s->gpr[VCPU_RDX] << 32;

	(void)m;
	if ((uint32_t)s->gpr[VCPU_RCX] != 0 || (s->seg[VCPU_SS].attr & VCPU_ATTR_DPL) != 0 ||
	    !valid_xcr0(value, s->xcr0_max)) {
		exception_raise_error(s, VECTOR_GP, 0);
		return;
	}
	s->xcr0 = value;
	s->dirty |= VCPU_G_XCR;
	vcpu_skip(s, s->insn_len);
}

static void exit_nothing(struct machine *m, struct machine_cpu *cpu)
{
	(void)m;
	(void)cpu;
}

static void exit_skip(struct machine *m, struct machine_cpu *cpu)
{
	(void)m;
	vcpu_skip(cpu->s, cpu->s->insn_len);
}

static void woken(struct machine *m, struct machine_cpu *cpu)
{
	cpu->kicked = false;
	m->host->service(m->host, m, number(m, cpu));
	cpu->timers_moved = true;
}

static void exit_timeout(struct machine *m, struct machine_cpu *cpu)
{
	(void)m;
	cpu->timers_moved = true;
}

static void exit_shutdown(struct machine *m, struct machine_cpu *cpu)
{
	(void)cpu;
	machine_ends(m, MACHINE_TRIPLE);
}

static void exit_bad(struct machine *m, struct machine_cpu *cpu)
{
	(void)cpu;
	machine_ends(m, MACHINE_BAD_EXIT);
}

static void (*const handlers[])(struct machine *m, struct machine_cpu *cpu) = {
	[VM_EXIT_NONE] = exit_nothing,
	[VM_EXIT_IO] = exit_io,
	[VM_EXIT_MEMORY] = exit_memory,
	[VM_EXIT_CPUID] = exit_cpuid,
	[VM_EXIT_MSR_READ] = exit_msr_read,
	[VM_EXIT_MSR_WRITE] = exit_msr_write,
	[VM_EXIT_HLT] = exit_hlt,
	[VM_EXIT_HYPERCALL] = exit_hypercall,
	[VM_EXIT_WINDOW] = exit_nothing,
	[VM_EXIT_SHUTDOWN] = exit_shutdown,
	[VM_EXIT_WAKE] = woken,
	[VM_EXIT_TIMEOUT] = exit_timeout,
	[VM_EXIT_XSETBV] = exit_xsetbv,
	[VM_EXIT_CR] = exit_bad,
	[VM_EXIT_DR] = exit_bad,
	[VM_EXIT_TABLE] = exit_bad,
	[VM_EXIT_TASK] = exit_bad,
	[VM_EXIT_CACHE] = exit_skip,
	[VM_EXIT_INVALID] = exit_bad,
	[VM_EXIT_INIT] = exit_bad,
	[VM_EXIT_UNHANDLED] = exit_bad,
};

/* The processor would have trapped behind the instruction that was skipped. */
static void trap_step(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;

	if (!machine_fetch(m, cpu, VCPU_G_DR))
		return;
	s->dr6 |= DR6_BS;
	s->dirty |= VCPU_G_DR;
	exception_raise(s, VECTOR_DB);
	cpu->activity = CPU_RUNS;
}

static void answer(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;
	uint64_t rip = s->rip;

	handlers[s->exit](m, cpu);
	if ((s->rflags & RF_TF) && s->rip != rip && m->end == MACHINE_RUNS)
		trap_step(m, cpu);
}

/* --- the loop --- */

static void take_lock(struct machine *m, struct machine_cpu *cpu)
{
	for (unsigned i = 0; !lock_try(&m->lock); i++)
		if (i >= LOCK_SPINS) {
			while (!lock_contend(&m->lock))
				m->host->lock_wait(m->host);
			break;
		}
	m->current = cpu;
	cpu->away = false;
}

static void drop_lock(struct machine *m)
{
	if (lock_drop(&m->lock))
		m->host->lock_wake(m->host);
}

/* The host's TSC at the vCPU's next timer; 0: none. */
static uint64_t host_deadline(const struct machine *m, const struct machine_cpu *cpu)
{
	uint64_t at = cpu->deadline;

	return at == TICKS_NEVER || at > TICKS_NEVER - m->tsc_base ? 0 : at + m->tsc_base;
}

/* The last exit has its answer; the lock is held. */
static void count_exit(struct machine *m, struct machine_cpu *cpu)
{
	if (m->stats != NULL && cpu->exit_at != 0)
		exit_stats_add(&m->stats[cpu->s->exit], m->host->tsc(m->host) - cpu->exit_at);
	cpu->exit_at = 0;
}

static void sleep(struct machine *m, struct machine_cpu *cpu)
{
	uint64_t deadline = cpu->activity == CPU_WAITS ? 0 : host_deadline(m, cpu);

	count_exit(m, cpu);
	if (machine_console_waits(m))
		m->host->console(m->host, m);
	cpu->away = true;
	drop_lock(m);
	m->host->sleep(m->host, number(m, cpu), deadline);
	take_lock(m, cpu);
	woken(m, cpu);
}

static bool enter(struct machine *m, struct machine_cpu *cpu)
{
	uint64_t deadline = host_deadline(m, cpu);
	bool ok;

	count_exit(m, cpu);
	cpu->away = true;
	drop_lock(m);
	ok = m->host->enter(m->host, number(m, cpu), deadline);
	take_lock(m, cpu);
	if (m->stats != NULL && ok && cpu->s->exit <= VM_EXIT_LAST)
		cpu->exit_at = m->host->tsc(m->host);
	return ok;
}

static bool can_run(const struct machine *m, const struct machine_cpu *cpu)
{
	switch (cpu->activity) {
	case CPU_RUNS:
		return true;
	case CPU_HALTED:
		return has_interrupt(m, cpu);
	case CPU_STOPPED:
		return cpu->lapic.nmi;
	default:
		return false;
	}
}

static void run(struct machine *m, struct machine_cpu *cpu)
{
	struct vcpu_state *s = cpu->s;

	cpu->activity = CPU_RUNS;
	inject(m, cpu);
	if (!enter(m, cpu)) {
		machine_ends(m, MACHINE_NO_ENTRY);
		return;
	}
	if (s->exit > VM_EXIT_LAST) {
		machine_ends(m, MACHINE_BAD_EXIT);
		return;
	}
	answer(m, cpu);
}

static void step(struct machine *m, struct machine_cpu *cpu)
{
	if (cpu->init || cpu->startup)
		machine_take_init(m, cpu);
	if (cpu->timers_moved)
		machine_timers(m, cpu);
	if (m->end != MACHINE_RUNS)
		return;
	if (can_run(m, cpu))
		run(m, cpu);
	else
		sleep(m, cpu);
}

/* The first to see the end tells the others. */
static void call_back(struct machine *m)
{
	for (unsigned i = 0; i < m->cpus; i++)
		machine_kick(m, &m->cpu[i]);
}

void machine_ends(struct machine *m, enum machine_end end)
{
	if (m->end != MACHINE_RUNS && m->end != MACHINE_PAUSED)
		return;
	m->end = end;
	m->culprit = number(m, m->current);
}

void machine_pause(struct machine *m)
{
	if (m->end == MACHINE_RUNS)
		m->end = MACHINE_PAUSED;
}

enum machine_end machine_run(struct machine *m, unsigned vcpu)
{
	struct machine_cpu *cpu = &m->cpu[vcpu];
	enum machine_end end;

	take_lock(m, cpu);
	while (m->end == MACHINE_RUNS)
		step(m, cpu);
	call_back(m);
	if (machine_console_waits(m))
		m->host->console(m->host, m);
	end = m->end;
	drop_lock(m);
	return end;
}
