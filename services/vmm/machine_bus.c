// SPDX-License-Identifier: Apache-2.0
/* Between the buses and the devices: time, interrupt lines, requests to the machine. */
#include "lib/console.h"
#include "services/vmm/machine.h"
#include "services/vmm/ticks.h"

static uint32_t uart_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;
	bool full = uart_room(&m->uart) < CONSOLE_MAX;
	uint8_t value = uart_read(&m->uart, at);

	(void)size;
	if (full && uart_room(&m->uart) >= CONSOLE_MAX)
		m->host->console(m->host, m);
	machine_update_uart(m);
	return value;
}

static void uart_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;
	uint16_t before = m->uart.tx_len;

	(void)size;
	uart_write(&m->uart, at, (uint8_t)value);
	if (m->uart.tx_len > before)
		machine_console_written(m, false);
	machine_update_uart(m);
}

static uint32_t pic_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	(void)size;
	return pic_read(&m->pic, (uint16_t)at);
}

static void pic_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	(void)size;
	pic_write(&m->pic, (uint16_t)at, (uint8_t)value);
}

static uint32_t pit_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	(void)size;
	return pit_read(&m->pit, (uint16_t)at, machine_now(m));
}

static void pit_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	(void)size;
	pit_write(&m->pit, (uint16_t)at, (uint8_t)value, machine_now(m));
	machine_board_moved(m);
}

static uint32_t rtc_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;
	uint8_t value = rtc_read(&m->rtc, (uint16_t)at, machine_now(m));

	(void)size;
	machine_irq(m, RTC_IRQ, rtc_irq(&m->rtc));
	return value;
}

static void rtc_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	(void)size;
	rtc_write(&m->rtc, (uint16_t)at, (uint8_t)value, machine_now(m));
	machine_irq(m, RTC_IRQ, rtc_irq(&m->rtc));
	machine_board_moved(m);
}

static void take_request(struct machine *m)
{
	if (m->pm.request == PM_REQUEST_OFF)
		machine_ends(m, MACHINE_OFF);
	if (m->pm.request == PM_REQUEST_RESET)
		machine_ends(m, MACHINE_RESET);
}

static uint32_t pm_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	return pm_read(&m->pm, (uint16_t)at, size, machine_now(m));
}

static void pm_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	pm_write(&m->pm, (uint16_t)at, size, value);
	machine_irq(m, PM_SCI, pm_irq(&m->pm));
	take_request(m);
}

static uint32_t reset_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	(void)size;
	return at == PM_RESET_PORT ? m->pm.reset : 0;
}

static void reset_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	(void)size;
	if (at == PM_RESET_PORT)
		pm_reset_port(&m->pm, (uint8_t)value);
	else if (value == 0xfe) /* pulse of the keyboard controller's reset line */
		m->pm.request = PM_REQUEST_RESET;
	take_request(m);
}

static uint32_t pci_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	return pci_read(&m->pci, (uint16_t)at, size);
}

static void pci_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	pci_write(&m->pci, (uint16_t)at, size, value);
	if (m->pci.moved)
		machine_map(m);
}

static uint32_t ecam_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	return pci_ecam_read(&m->pci, at, size);
}

static void ecam_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	pci_ecam_write(&m->pci, at, size, value);
	if (m->pci.moved)
		machine_map(m);
}

static uint32_t post_in(void *dev, uint32_t at, unsigned size)
{
	(void)dev;
	(void)at;
	(void)size;
	return 0xff;
}

static void post_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	(void)dev;
	(void)at;
	(void)size;
	(void)value;
}

static void lab_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	(void)at;
	(void)size;
	m->lab_value = value;
	machine_ends(m, MACHINE_LAB_EXIT);
}

static uint32_t lapic_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;
	struct lapic *l = &m->current->lapic;

	if (size != 4 || (at & 15) != 0 || lapic_x2apic(l))
		return 0;
	return lapic_read(l, at >> 4, machine_now(m));
}

static void lapic_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;
	struct lapic *l = &m->current->lapic;

	if (size != 4 || (at & 15) != 0 || lapic_x2apic(l))
		return;
	lapic_write(l, at >> 4, value, machine_now(m));
	machine_settle_lapic(m, m->current);
}

static uint32_t ioapic_in(void *dev, uint32_t at, unsigned size)
{
	struct machine *m = dev;

	return size == 4 ? ioapic_read(&m->ioapic, at) : 0;
}

static void ioapic_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	struct machine *m = dev;

	if (size != 4)
		return;
	ioapic_write(&m->ioapic, at, value);
	machine_settle_ioapic(m);
}

static uint32_t virtio_in(void *dev, uint32_t at, unsigned size)
{
	return virtio_read(dev, at, size);
}

static void virtio_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	virtio_write(dev, at, size, value);
}

static void notify_out(void *dev, uint32_t at, unsigned size, uint32_t value)
{
	(void)size;
	(void)value;
	virtio_notify(dev, at);
}

static void map_virtio(struct machine *m, struct virtio *v)
{
	uint32_t base;
	struct bus_range r = { .dev = v, .width = 4 };

	if (pci_bar(&v->pci, 0, &base)) {
		r.first = r.base = base;
		r.last = r.first + VIRTIO_BAR_SIZE - 1;
		r.read = virtio_in;
		r.write = virtio_out;
		bus_add(&m->memory, &r);
	}
	if (pci_bar(&v->pci, 1, &base) && base < 0x10000) {
		r.first = r.base = base;
		r.last = r.first + VIRTIO_IO_SIZE - 1;
		r.read = post_in;
		r.write = notify_out;
		bus_add(&m->ports, &r);
	}
}

struct fixed {
	uint64_t first, last, base;
	uint32_t (*read)(void *dev, uint32_t at, unsigned size);
	void (*write)(void *dev, uint32_t at, unsigned size, uint32_t value);
	uint8_t width;
};

static void map_fixed(struct machine *m, struct bus *b, const struct fixed *f)
{
	struct bus_range r = { .first = f->first,
			       .last = f->last,
			       .width = f->width,
			       .base = f->base,
			       .dev = m,
			       .read = f->read,
			       .write = f->write };

	bus_add(b, &r);
}

void machine_map(struct machine *m)
{
	static const struct fixed ports[] = {
		{ 0x20, 0x21, 0, pic_in, pic_out, 1 },
		{ 0x40, 0x43, 0, pit_in, pit_out, 1 },
		{ 0x61, 0x61, 0, pit_in, pit_out, 1 },
		{ 0x64, 0x64, 0, reset_in, reset_out, 1 },
		{ 0x70, 0x71, 0, rtc_in, rtc_out, 1 },
		{ 0x80, 0x80, 0, post_in, post_out, 4 },
		{ 0xa0, 0xa1, 0, pic_in, pic_out, 1 },
		{ UART_PORT, UART_PORT + 7, UART_PORT, uart_in, uart_out, 1 },
		{ 0x4d0, 0x4d1, 0, pic_in, pic_out, 1 },
		{ PM_PORT, PM_PORT + PM_PORTS - 1, 0, pm_in, pm_out, 4 },
		{ PCI_ADDRESS_PORT, PCI_ADDRESS_PORT, 0, pci_in, pci_out, 4 },
		{ PM_RESET_PORT, PM_RESET_PORT, 0, reset_in, reset_out, 1 },
		{ PCI_DATA_PORT, PCI_DATA_PORT + 3, 0, pci_in, pci_out, 4 },
	};
	static const struct fixed lab = { MACHINE_EXIT_PORT, MACHINE_EXIT_PORT, 0,
					  post_in,           lab_out,           4 };
	static const struct fixed memory[] = {
		{ PCI_ECAM, PCI_ECAM + PCI_ECAM_SIZE - 1, PCI_ECAM, ecam_in, ecam_out, 4 },
		{ IOAPIC_BASE, IOAPIC_BASE + IOAPIC_SIZE - 1, IOAPIC_BASE, ioapic_in, ioapic_out,
		  4 },
		{ LAPIC_BASE, LAPIC_BASE + LAPIC_SIZE - 1, LAPIC_BASE, lapic_in, lapic_out, 4 },
	};

	bus_clear(&m->ports);
	bus_clear(&m->memory);
	for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		map_fixed(m, &m->ports, &ports[i]);
	for (unsigned i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		map_fixed(m, &m->memory, &memory[i]);
	if (m->lab)
		map_fixed(m, &m->ports, &lab);
	map_virtio(m, &m->rng.v);
	if (m->has_disk)
		map_virtio(m, &m->disk.v);
	if (m->has_net)
		map_virtio(m, &m->net.v);
	map_virtio(m, &m->hvc.v);
	m->pci.moved = false;
}
