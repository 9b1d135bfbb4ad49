// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/machine.h"
#include <string.h>
#include "services/vmm/boot.h"
#include "services/vmm/ticks.h"

enum { DEVICE_RNG = 1, DEVICE_DISK = 2, DEVICE_NET = 3, DEVICE_CONSOLE = 4, MSI_BASE = 0xfee };

uint64_t machine_now(const struct machine *m)
{
	return m->host->tsc(m->host) - m->tsc_base;
}

const char *machine_end_text(enum machine_end e)
{
	static const char *const text[] = {
		[MACHINE_RUNS] = "runs",
		[MACHINE_OFF] = "powered off",
		[MACHINE_HALTED] = "halted with interrupts off",
		[MACHINE_RESET] = "reset",
		[MACHINE_TRIPLE] = "triple fault",
		[MACHINE_LAB_EXIT] = "exit",
		[MACHINE_BAD_EXIT] = "an exit that has no answer",
		[MACHINE_BAD_ACCESS] = "an access to device memory that cannot be carried out",
		[MACHINE_NO_ENTRY] = "the kernel does not run its vCPU",
		[MACHINE_PAUSED] = "paused",
	};

	return text[e];
}

/* --- interrupts --- */

void machine_kick(struct machine *m, struct machine_cpu *cpu)
{
	if (!cpu->away || cpu->kicked)
		return;
	cpu->kicked = true;
	m->host->kick(m->host, (unsigned)(cpu - m->cpu));
}

void machine_settle_ioapic(struct machine *m)
{
	struct apic_msg msg;

	while (ioapic_next(&m->ioapic, &msg))
		machine_deliver(m, &msg);
}

void machine_irq(struct machine *m, unsigned irq, bool level)
{
	unsigned pin = irq == 0 ? 2 : irq;

	if ((m->ioapic.lines >> pin & 1) == level)
		return;
	pic_line(&m->pic, irq, level);
	if (pic_pending(&m->pic) && lapic_takes_extint(&m->cpu[0].lapic))
		machine_kick(m, &m->cpu[0]);
	ioapic_line(&m->ioapic, pin, level);
	machine_settle_ioapic(m);
}

void machine_settle_lapic(struct machine *m, struct machine_cpu *cpu)
{
	struct lapic *l = &cpu->lapic;

	if (lapic_deadline(l) != cpu->planned)
		cpu->timers_moved = true;
	if (l->eoi_sent) {
		l->eoi_sent = false;
		ioapic_eoi(&m->ioapic, l->eoi_vector);
		machine_settle_ioapic(m);
	}
	if (l->ipi_sent)
		machine_send_ipi(m, cpu);
}

/* A message interrupt of a PCI function. */
static void message(struct virtio_host *h, uint64_t addr, uint32_t data)
{
	struct machine *m = (struct machine *)h;
	struct apic_msg msg = { .dest = (uint32_t)(addr >> 12) & 0xff,
				.vector = (uint8_t)data,
				.delivery = (data >> 8) & 7,
				.logical = addr & 4,
				.level = data & 0x8000 };

	if (addr >> 20 == MSI_BASE)
		machine_deliver(m, &msg);
}

void machine_update_uart(struct machine *m)
{
	machine_irq(m, UART_IRQ, uart_irq(&m->uart));
}

/* --- timers --- */

void machine_board_moved(struct machine *m)
{
	m->cpu[0].timers_moved = true;
	machine_kick(m, &m->cpu[0]);
}

/* Tick of the board's next timer. */
static uint64_t board_timers(struct machine *m, uint64_t now)
{
	if (now >= m->console_at) {
		m->console_at = TICKS_NEVER;
		m->host->console(m->host, m);
	}
	if (pit_expire(&m->pit, now)) {
		machine_irq(m, PIT_IRQ, false);
		machine_irq(m, PIT_IRQ, true);
	}
	if (now >= rtc_deadline(&m->rtc)) {
		rtc_expire(&m->rtc, now);
		machine_irq(m, RTC_IRQ, rtc_irq(&m->rtc));
	}
	if (now >= m->pause_at)
		machine_pause(m);
	return ticks_min(ticks_min(m->console_at, m->pause_at),
			 ticks_min(pit_deadline(&m->pit), rtc_deadline(&m->rtc)));
}

void machine_timers(struct machine *m, struct machine_cpu *cpu)
{
	uint64_t now = machine_now(m), board = TICKS_NEVER;

	if (cpu == &m->cpu[0])
		board = board_timers(m, now);
	lapic_expire(&cpu->lapic, now);
	cpu->planned = lapic_deadline(&cpu->lapic);
	cpu->deadline = ticks_min(board, cpu->planned);
	cpu->timers_moved = false;
}

/* --- set-up --- */

static void init_cpu(struct machine *m, unsigned i, struct vcpu_state *s)
{
	struct machine_cpu *cpu = &m->cpu[i];

	cpu->s = s;
	lapic_init(&cpu->lapic, i, m->khz);
	msr_init(&cpu->msrs, 0 - m->tsc_base);
	cpu->cpuid = (struct cpuid){ .host = m->host->cpuid,
				     .tsc_khz = m->khz,
				     .xcr0_max = s->xcr0_max,
				     .apic_id = i,
				     .vcpus = m->cpus };
	boot_reset_state(s);
	cpu->activity = i == 0 ? CPU_RUNS : CPU_WAITS;
	cpu->timers_moved = true;
	s->tsc_offset = 0 - m->tsc_base;
	s->exit_mtd[VM_EXIT_MEMORY] = VCPU_G_CR | VCPU_G_SEG | VCPU_G_EFER;
	s->exit_mtd[VM_EXIT_CPUID] = VCPU_G_CR | VCPU_G_XCR;
	s->exit_mtd[VM_EXIT_MSR_READ] = MSR_GROUPS;
	s->exit_mtd[VM_EXIT_MSR_WRITE] = MSR_GROUPS;
	s->exit_mtd[VM_EXIT_XSETBV] = VCPU_G_SEG | VCPU_G_XCR;
}

static void plug_virtio(struct machine *m, unsigned device, struct virtio *v)
{
	v->host = &m->msi;
	v->gm = &m->gm;
	pci_plug(&m->pci, device, &v->pci);
}

static void plug_devices(struct machine *m, const struct machine_config *c)
{
	m->msi.msi = message;
	pci_init(&m->pci);
	pci_func_init(&m->bridge, 0x1b36, 0x0008, 0x060000, 0);
	pci_plug(&m->pci, 0, &m->bridge);
	virtio_rng_init(&m->rng, m->host->random);
	plug_virtio(m, DEVICE_RNG, &m->rng.v);
	m->has_disk = c->disk != NULL;
	if (m->has_disk) {
		virtio_blk_init(&m->disk, c->disk, c->backend);
		plug_virtio(m, DEVICE_DISK, &m->disk.v);
	}
	m->has_net = c->net != NULL;
	if (m->has_net) {
		virtio_net_init(&m->net, c->net, c->port);
		plug_virtio(m, DEVICE_NET, &m->net.v);
	}
	machine_console_init(m);
	plug_virtio(m, DEVICE_CONSOLE, &m->hvc.v);
}

void machine_init(struct machine *m, const struct machine_config *c, struct machine_host *host,
		  struct vcpu_state *state[MACHINE_VCPUS])
{
	memset(m, 0, sizeof(*m));
	m->host = host;
	m->khz = c->tsc_khz;
	m->lab = c->lab;
	m->stats = c->stats;
	m->cpus = c->vcpus;
	m->current = &m->cpu[0];
	m->pause_at = TICKS_NEVER;
	m->tsc_base = host->tsc(host);
	gm_init(&m->gm, c->ram, c->ram_size);
	for (unsigned i = 0; i < m->cpus; i++)
		init_cpu(m, i, state[i]);
	uart_init(&m->uart);
	pic_init(&m->pic);
	pit_init(&m->pit, c->tsc_khz);
	rtc_init(&m->rtc, c->tsc_khz, c->utc);
	pm_init(&m->pm, c->tsc_khz);
	ioapic_init(&m->ioapic);
	plug_devices(m, c);
	machine_map(m);
}

static void cpu_state(struct state *s, struct machine_cpu *cpu)
{
	state_u8(s, &cpu->activity);
	state_check(s, cpu->activity < CPU_ACTIVITIES);
	state_bool(s, &cpu->init);
	state_bool(s, &cpu->startup);
	state_u8(s, &cpu->start_page);
	lapic_state(s, &cpu->lapic);
	msr_state(s, &cpu->msrs);
	if (s->loading)
		cpu->timers_moved = true;
}

void machine_state(struct state *s, struct machine *m)
{
	uint32_t cpus = m->cpus;

	state_section(s, 0x4843414d, 2); /* "MACH" */
	state_u32(s, &cpus);
	state_check(s, cpus == m->cpus);
	for (unsigned i = 0; i < m->cpus; i++)
		cpu_state(s, &m->cpu[i]);
	uart_state(s, &m->uart);
	pic_state(s, &m->pic);
	pit_state(s, &m->pit);
	rtc_state(s, &m->rtc);
	pm_state(s, &m->pm);
	ioapic_state(s, &m->ioapic);
	pci_state(s, &m->pci);
	virtio_state(s, &m->rng.v);
	if (m->has_disk)
		virtio_blk_state(s, &m->disk);
	if (m->has_net)
		virtio_net_state(s, &m->net);
	virtio_console_state(s, &m->hvc);
	state_bool(s, &m->hvc_wrote);
	if (s->loading && !s->bad)
		machine_map(m);
}
