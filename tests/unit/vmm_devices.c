// SPDX-License-Identifier: Apache-2.0
/* The board's devices, driven through the ports and pages a guest uses. */
#include <string.h>
#include "tests/unit/vmm_harness.h"

#define OK(cond, what) check_that("vmm_devices", cond, what)

enum { MS = HARNESS_KHZ };

static struct harness h;

/* Initialise both 8259s as a PC kernel does: vectors 30h and 38h. */
static void init_pics(void)
{
	static const uint16_t at[][2] = { { 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x30 },
					  { 0xa1, 0x38 }, { 0x21, 4 },    { 0xa1, 2 },
					  { 0x21, 1 },    { 0xa1, 1 },    { 0x21, 0 },
					  { 0xa1, 0 } };

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		port_out(&h, at[i][0], 1, at[i][1]);
}

static void test_pic(void)
{
	harness_start(&h, false);
	OK(!pic_pending(&h.m.pic), "the 8259s are silent at first");
	init_pics();
	machine_irq(&h.m, 4, true);
	machine_irq(&h.m, 3, true);
	OK(pic_pending(&h.m.pic) && pic_ack(&h.m.pic) == 0x33, "the lower line comes first");
	OK(!pic_pending(&h.m.pic), "a line in service holds back the ones below");
	port_out(&h, 0x20, 1, 0x20);
	OK(pic_ack(&h.m.pic) == 0x34, "after its end the next is taken");
	port_out(&h, 0x20, 1, 0x64);
	OK(!pic_pending(&h.m.pic), "an edge counts once");
	machine_irq(&h.m, 8, true);
	OK(pic_ack(&h.m.pic) == 0x38, "the slave's vector comes through the cascade");
	port_out(&h, 0x20, 1, 0x0b);
	OK(port_in(&h, 0x20, 1) == 4, "OCW3 shows the master's ISR: the cascade");
	port_out(&h, 0xa0, 1, 0x20);
	port_out(&h, 0x20, 1, 0x20);
	OK(pic_ack(&h.m.pic) == 0x37, "nothing pending gives the spurious vector");
	port_out(&h, 0x21, 1, 0xff);
	machine_irq(&h.m, 4, false);
	machine_irq(&h.m, 4, true);
	OK(!pic_pending(&h.m.pic), "masked lines stay silent");
	port_out(&h, 0x4d0, 1, 0xff);
	OK(port_in(&h, 0x4d0, 1) == 0xf8, "ELCR: lines 0 to 2 stay edge");
}

static void test_pit(void)
{
	uint32_t low, high;

	harness_start(&h, false);
	init_pics();
	port_out(&h, 0x43, 1, 0x34);
	port_out(&h, 0x40, 1, 0x9c);
	port_out(&h, 0x40, 1, 0x2e); /* 11932: 10 ms */
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(h.m.cpu[0].deadline > 9 * MS && h.m.cpu[0].deadline < 11 * MS,
	   "channel 0 at 100 Hz is due in 10 ms");
	h.tsc += 5 * MS;
	port_out(&h, 0x43, 1, 0x00);
	low = port_in(&h, 0x40, 1);
	high = port_in(&h, 0x40, 1);
	OK((low | high << 8) > 5800 && (low | high << 8) < 6100, "a latched count is half way");
	h.tsc += 6 * MS;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(pic_ack(&h.m.pic) == 0x30, "it raises IRQ 0");
	OK(h.m.cpu[0].deadline > 19 * MS && h.m.cpu[0].deadline < 21 * MS,
	   "and is due again 10 ms later");
	port_out(&h, 0x43, 1, 0x30);
	port_out(&h, 0x40, 1, 10);
	port_out(&h, 0x40, 1, 0);
	h.tsc += MS;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(h.m.cpu[0].deadline == UINT64_MAX, "a one-shot ends");
	port_out(&h, 0x43, 1, 0xb0);
	port_out(&h, 0x42, 1, 0xff);
	port_out(&h, 0x42, 1, 0x00);
	port_out(&h, 0x61, 1, 1);
	OK(!(port_in(&h, 0x61, 1) & 0x20), "channel 2 runs");
	h.tsc += MS;
	OK(port_in(&h, 0x61, 1) & 0x20, "port 61h shows its output at the end");
	port_out(&h, 0x43, 1, 0xe8);
	OK((port_in(&h, 0x42, 1) & 0xbf) == 0xb0, "read-back gives output, access and mode");
}

static uint8_t cmos(uint8_t index)
{
	port_out(&h, 0x70, 1, index);
	return (uint8_t)port_in(&h, 0x71, 1);
}

static void set_cmos(uint8_t index, uint8_t value)
{
	port_out(&h, 0x70, 1, index);
	port_out(&h, 0x71, 1, value);
}

static void test_rtc(void)
{
	harness_start(&h, false);
	init_pics();
	OK(cmos(9) == 0x26 && cmos(8) == 1 && cmos(7) == 1 && cmos(0x32) == 0x20,
	   "without a time from outside it is 2026-01-01");
	OK(cmos(6) == 5, "a Thursday");
	h.tsc += 61u * 1000 * (uint64_t)MS;
	OK(cmos(0) == 1 && cmos(2) == 1, "61 seconds later");
	set_cmos(11, 0x82);
	set_cmos(9, 0x28);
	set_cmos(8, 0x02);
	set_cmos(7, 0x29);
	set_cmos(4, 0x23);
	set_cmos(2, 0x59);
	set_cmos(0, 0x58);
	set_cmos(11, 0x02);
	OK(cmos(7) == 0x29 && cmos(4) == 0x23, "it takes a time");
	h.tsc += 3000 * (uint64_t)MS;
	OK(cmos(8) == 3 && cmos(7) == 1 && cmos(4) == 0, "and goes from 29 February to 1 March");
	set_cmos(11, 0x12);
	machine_timers(&h.m, &h.m.cpu[0]);
	h.tsc += 1100 * (uint64_t)MS;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(rtc_irq(&h.m.rtc) && pic_ack(&h.m.pic) == 0x38, "update-ended interrupts on IRQ 8");
	OK((cmos(12) & 0x90) == 0x90 && !rtc_irq(&h.m.rtc), "register C says why and clears it");
	set_cmos(11, 0x42);
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(h.m.cpu[0].deadline - machine_now(&h.m) <= MS, "the periodic interrupt at 1024 Hz");
}

static void test_uart(void)
{
	harness_start(&h, false);
	init_pics();
	port_out(&h, 0x3fc, 1, 0x0b);
	for (const char *p = "hello\n"; *p != 0; p++)
		port_out(&h, 0x3f8, 1, (uint8_t)*p);
	OK(h.out_len == 0, "bytes wait a little for more");
	h.tsc += 10 * MS;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(h.out_len == 6 && memcmp(h.out, "hello\n", 6) == 0, "a line goes out whole");
	OK(port_in(&h, 0x3fd, 1) == 0x60, "the transmitter is empty");
	port_out(&h, 0x3f9, 1, 1);
	OK(!uart_irq(&h.m.uart), "no interrupt without data");
	uart_input(&h.m.uart, (const uint8_t *)"x", 1);
	machine_update_uart(&h.m);
	OK(pic_ack(&h.m.pic) == 0x34 && (port_in(&h, 0x3fa, 1) & 15) == 4, "a byte raises IRQ 4");
	OK(port_in(&h, 0x3f8, 1) == 'x' && !uart_irq(&h.m.uart), "and reading it ends that");
	port_out(&h, 0x3f9, 1, 2);
	OK(uart_irq(&h.m.uart) && (port_in(&h, 0x3fa, 1) & 15) == 2 && !uart_irq(&h.m.uart),
	   "the empty transmitter tells once");
	port_out(&h, 0x3fc, 1, 0x1a);
	OK((port_in(&h, 0x3fe, 1) & 0xf0) == 0x90, "loop-back shows the modem lines");
	port_out(&h, 0x3f8, 1, 'z');
	OK(port_in(&h, 0x3f8, 1) == 'z', "loop-back returns bytes");
	port_out(&h, 0x3fb, 1, 0x80);
	port_out(&h, 0x3f8, 1, 12);
	OK(port_in(&h, 0x3f8, 1) == 12, "the divisor latch is kept");
}

static void test_uart_full(void)
{
	struct uart u;

	uart_init(&u);
	for (unsigned i = 0; i < UART_TX + 10; i++)
		uart_write(&u, 0, 'a');
	OK(u.tx_len == UART_TX && !(uart_read(&u, 5) & 0x20), "a full buffer holds the guest back");
	uart_write(&u, 1, 2);
	uart_write(&u, 4, 8);
	(void)uart_read(&u, 2);
	uart_sent(&u, 100);
	OK(u.tx_len == UART_TX - 100 && uart_irq(&u), "room makes the transmitter interrupt");
	for (unsigned i = 0; i < UART_RX + 10; i++)
		uart_input(&u, (const uint8_t *)"b", 1);
	OK(uart_room(&u) == 0, "the receive queue is bounded");
}

static void test_pm(void)
{
	harness_start(&h, false);
	OK(port_in(&h, 0x604, 2) & 1, "ACPI mode is on");
	h.tsc += 1000 * (uint64_t)MS;
	OK(port_in(&h, 0x608, 4) / 1000 == 3579, "the PM timer runs at 3.579545 MHz");
	pm_button(&h.m.pm);
	OK(!pm_irq(&h.m.pm), "the button asks only if it is enabled");
	port_out(&h, 0x602, 2, 0x100);
	OK(pm_irq(&h.m.pm) && port_in(&h, 0x600, 2) == 0x100, "then it raises the SCI");
	port_out(&h, 0x600, 2, 0x100);
	OK(!pm_irq(&h.m.pm), "writing one clears it");
	port_out(&h, 0x604, 2, 3 << 10 | 1 << 13);
	OK(h.m.end == MACHINE_RUNS, "other sleep states are not taken");
	port_out(&h, 0x604, 2, 5 << 10 | 1 << 13);
	OK(h.m.end == MACHINE_OFF, "S5 ends the machine");
	harness_start(&h, false);
	port_out(&h, 0xcf9, 1, 2);
	OK(h.m.end == MACHINE_RUNS, "CF9: arming does not reset");
	port_out(&h, 0xcf9, 1, 6);
	OK(h.m.end == MACHINE_RESET, "CF9: the rising bit resets");
	harness_start(&h, false);
	port_out(&h, 0xf4, 4, 7);
	OK(h.m.end == MACHINE_LAB_EXIT && h.m.lab_value == 7, "the laboratory's exit port");
}

static void test_lapic(void)
{
	struct lapic *l = &h.m.cpu[0].lapic;
	uint64_t v;

	harness_start(&h, false);
	OK(mem_in(&h, 0xfee00030, 4) == 0x50014, "the xAPIC page shows the version");
	OK(lapic_pending(l) < 0, "a disabled APIC delivers nothing");
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
	mem_out(&h, 0xfee00320, 4, 0x40 | 0 << 17);
	mem_out(&h, 0xfee003e0, 4, 0xb);
	mem_out(&h, 0xfee00380, 4, LAPIC_HZ / 1000);
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(h.m.cpu[0].deadline - machine_now(&h.m) == MS, "one-shot: due in a millisecond");
	h.tsc += MS / 2;
	OK(mem_in(&h, 0xfee00390, 4) == LAPIC_HZ / 2000, "half of the count is left");
	h.tsc += MS;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(lapic_pending(l) == 0x40 && h.m.cpu[0].deadline == UINT64_MAX,
	   "it raises its vector once");
	lapic_accept(l, 0x40);
	lapic_raise(l, 0x45, false);
	OK(lapic_pending(l) < 0, "the same class waits");
	lapic_raise(l, 0x52, false);
	OK(lapic_pending(l) == 0x52, "a higher class does not");
	mem_out(&h, 0xfee00080, 4, 0x60);
	OK(lapic_pending(l) < 0, "the task priority holds back");
	mem_out(&h, 0xfee00080, 4, 0);
	mem_out(&h, 0xfee000b0, 4, 0);
	lapic_accept(l, 0x52);
	mem_out(&h, 0xfee000b0, 4, 0);
	OK(lapic_pending(l) == 0x45, "after the end the one that waited comes");
	OK(lapic_write_msr(l, MSR_APIC_BASE, LAPIC_BASE | 0xc00, 0, 0) && lapic_x2apic(l),
	   "x2APIC goes on");
	OK(!lapic_write_msr(l, MSR_APIC_BASE, LAPIC_BASE | 0x800, 0, 0), "and not back to xAPIC");
	OK(mem_in(&h, 0xfee00030, 4) == 0, "then the page is silent");
	OK(lapic_read_msr(l, 0x802, &v, 0) && v == 0, "the id is whole");
	OK(!lapic_read_msr(l, 0x80b, &v, 0) && !lapic_write_msr(l, 0x802, 1, 0, 0),
	   "EOI cannot be read, the id not written");
	OK(lapic_write_msr(l, 0x83f, 0x77, 0, 0) && lapic_pending(l) == 0x77, "self-IPI");
	OK(!lapic_write_msr(l, 0x80b, 1, 0, 0), "a nonzero EOI is refused");
	OK(!lapic_write_msr(l, 0x808, UINT64_C(1) << 32, 0, 0), "reserved bits are refused");
	OK(!lapic_write_msr(l, 0x808, 0x100, 0, 0) && !lapic_write_msr(l, 0x80f, 0x400, 0, 0) &&
		   !lapic_write_msr(l, 0x830, 0x100041, 0, 0) &&
		   !lapic_write_msr(l, 0x83f, 0x141, 0, 0) && !lapic_write_msr(l, 0x83e, 4, 0, 0) &&
		   !lapic_write_msr(l, 0x828, 1, 0, 0),
	   "in every register");
	(void)lapic_write_msr(l, 0x832, 0x41 | 2 << 17, 0, 0);
	(void)lapic_write_msr(l, MSR_TSC_DEADLINE, 5000 + 70, 0, 70);
	OK(lapic_deadline(l) == 5000, "TSC-deadline counts in the guest's TSC");
	lapic_expire(l, 5001);
	OK(lapic_read_msr(l, MSR_TSC_DEADLINE, &v, 0) && v == 0, "and disarms itself");
}

static void test_lapic_periodic(void)
{
	struct lapic *l = &h.m.cpu[0].lapic;

	harness_start(&h, false);
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
	mem_out(&h, 0xfee00320, 4, 0x40 | 1 << 17);
	mem_out(&h, 0xfee003e0, 4, 0xb);
	mem_out(&h, 0xfee00380, 4, LAPIC_HZ / 100);
	h.tsc += 35 * MS;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(lapic_pending(l) == 0x40 && h.m.cpu[0].deadline - machine_now(&h.m) == 5 * MS,
	   "periodic: late ticks are one, the beat is kept");
	mem_out(&h, 0xfee00380, 4, 1);
	h.tsc += 1000;
	machine_timers(&h.m, &h.m.cpu[0]);
	OK(h.m.cpu[0].deadline - machine_now(&h.m) > MS / 100, "an absurd period is stretched");
}

static void set_pin(unsigned pin, uint64_t entry)
{
	mem_out(&h, 0xfec00000, 4, 0x10 + 2 * pin);
	mem_out(&h, 0xfec00010, 4, (uint32_t)entry);
	mem_out(&h, 0xfec00000, 4, 0x11 + 2 * pin);
	mem_out(&h, 0xfec00010, 4, (uint32_t)(entry >> 32));
}

static void test_ioapic(void)
{
	struct lapic *l = &h.m.cpu[0].lapic;

	harness_start(&h, false);
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
	mem_out(&h, 0xfec00000, 4, 1);
	OK(mem_in(&h, 0xfec00010, 4) == 0x170020, "24 pins");
	set_pin(4, 0x54);
	machine_irq(&h.m, 4, true);
	OK(lapic_pending(l) == 0x54, "an edge goes to the local APIC");
	lapic_accept(l, 0x54);
	mem_out(&h, 0xfee000b0, 4, 0);
	OK(lapic_pending(l) < 0, "once");
	set_pin(9, 0x59 | 1 << 15);
	machine_irq(&h.m, 9, true);
	lapic_accept(l, 0x59);
	machine_irq(&h.m, 9, true);
	OK(lapic_pending(l) < 0, "a level in service is not sent again");
	mem_out(&h, 0xfee000b0, 4, 0);
	OK(lapic_pending(l) == 0x59, "its end sends it again while it is high");
	lapic_accept(l, 0x59);
	machine_irq(&h.m, 9, false);
	mem_out(&h, 0xfee000b0, 4, 0);
	OK(lapic_pending(l) < 0, "and not when it is low");
	machine_irq(&h.m, 0, true);
	set_pin(2, 0x62);
	machine_irq(&h.m, 0, false);
	machine_irq(&h.m, 0, true);
	OK(lapic_pending(l) == 0x62, "IRQ 0 comes in at pin 2");
}

static uint32_t config(unsigned device, unsigned at)
{
	port_out(&h, 0xcf8, 4, 0x80000000u | device << 11 | (at & ~3u));
	return port_in(&h, (uint16_t)(0xcfc + (at & 3)), 4 - (at & 3));
}

static void test_pci(void)
{
	uint32_t bar, base;

	harness_start(&h, true);
	OK(config(0, 0) == 0x00081b36, "the host bridge");
	OK(config(1, 0) == 0x10441af4 && config(2, 0) == 0x10421af4, "entropy and disk");
	OK(config(3, 0) == 0x10411af4 && config(4, 0) == 0x10431af4, "network card and console");
	OK(config(31, 0) == UINT32_MAX, "nothing else");
	bar = config(1, 0x10);
	port_out(&h, 0xcfc, 4, UINT32_MAX);
	OK(config(1, 0x10) == ~(VIRTIO_BAR_SIZE - 1), "a BAR tells its size");
	config(1, 0x10);
	port_out(&h, 0xcfc, 4, 0xd0000000);
	OK(mem_in(&h, 0xd0000012, 2) == 1 && mem_in(&h, bar + 0x12, 2) == 0xffff,
	   "a moved BAR answers at its new place only");
	config(1, 4);
	port_out(&h, 0xcfc, 2, 0);
	OK(mem_in(&h, 0xd0000012, 2) == 0xffff && !pci_bar(&h.m.rng.v.pci, 0, &base),
	   "memory switched off: silence");
	config(1, 0);
	port_out(&h, 0xcfc, 4, 0);
	OK(config(1, 0) == 0x10441af4, "the identity is read-only");
}

static uint64_t ecam(unsigned device, unsigned function, unsigned at)
{
	return PCI_ECAM + (device << 15 | function << 12 | at);
}

static void test_ecam(void)
{
	uint32_t base;

	harness_start(&h, true);
	OK(mem_in(&h, ecam(0, 0, 0), 4) == 0x00081b36 && mem_in(&h, ecam(2, 0, 2), 2) == 0x1042,
	   "ECAM shows the same functions");
	OK(mem_in(&h, ecam(2, 0, 0x100), 4) == 0 && mem_in(&h, ecam(2, 0, 0xffe), 4) == 0,
	   "with nothing in extended space");
	OK(mem_in(&h, ecam(2, 1, 0), 4) == UINT32_MAX && mem_in(&h, ecam(31, 0, 0), 1) == 0xff,
	   "and nobody elsewhere");
	mem_out(&h, ecam(1, 0, 0x10), 4, 0xd0000000);
	base = config(1, 0x10) & ~15u;
	OK(base == 0xd0000000 && mem_in(&h, base + 0x12, 2) == 1, "a BAR moves by ECAM too");
	mem_out(&h, ecam(1, 0, 0xfe), 4, 0);
	mem_out(&h, ecam(1, 7, 0x10), 4, 0);
	mem_out(&h, ecam(30, 0, 4), 2, 7);
	OK(config(1, 0x10) == 0xd0000000, "writes to nobody vanish");
	mem_out(&h, ecam(1, 0, 0x10), 4, PCI_ECAM);
	OK(mem_in(&h, ecam(0, 0, 0), 4) == 0x00081b36, "a BAR over the ECAM does not hide it");
}

static void test_save(void)
{
	static uint8_t before[MACHINE_STATE_MAX], after[MACHINE_STATE_MAX];
	struct state s;
	size_t n;

	harness_start(&h, true);
	init_pics();
	port_out(&h, 0x43, 1, 0x34);
	port_out(&h, 0x40, 1, 0x9c);
	port_out(&h, 0x40, 1, 0x2e);
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
	set_pin(4, 0x54);
	set_cmos(0x40, 0x77);
	port_out(&h, 0x3ff, 1, 0x5a);
	state_save(&s, before, sizeof(before));
	machine_state(&s, &h.m);
	n = s.at;
	OK(!s.bad && n > 1000, "a machine is saved");
	harness_start(&h, true);
	state_load(&s, before, n);
	machine_state(&s, &h.m);
	OK(!s.bad && s.at == n, "and restored");
	OK(port_in(&h, 0x3ff, 1) == 0x5a && cmos(0x40) == 0x77, "with what was in it");
	state_save(&s, after, sizeof(after));
	machine_state(&s, &h.m);
	/* reading the CMOS set its index, nothing else */
	OK(s.at == n, "and can be saved again");
	state_load(&s, before, n - 1);
	machine_state(&s, &h.m);
	OK(s.bad, "a state that is cut short is refused");
	before[0] ^= 1;
	state_load(&s, before, n);
	machine_state(&s, &h.m);
	OK(s.bad, "and one of something else");
}

int main(void)
{
	test_pic();
	test_pit();
	test_rtc();
	test_uart();
	test_uart_full();
	test_pm();
	test_lapic();
	test_lapic_periodic();
	test_ioapic();
	test_pci();
	test_ecam();
	test_save();
	harness_stop(&h);
	return harness_result();
}
