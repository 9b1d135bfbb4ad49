// SPDX-License-Identifier: Apache-2.0
/* virtio console, and how it shares the guest's console with the UART; then a driver that breaks the rules. */
#include <string.h>
#include "tests/unit/vmm_driver.h"

#define OK(cond, what) check_that("vmm_console", cond, what)

enum { RX = 0, TX = 1, AT = BUFFERS + 0x1000 };

static void type(const char *text)
{
	machine_console_input(&h.m, (const uint8_t *)text, strlen(text));
}

static void write(uint64_t at, uint32_t len)
{
	driver_descriptor(TX, 0, at, len, 0, 0);
	driver_submit(TX, 0);
}

static void offer(uint32_t size)
{
	driver_descriptor(RX, 0, AT, size, 2, 0);
	driver_submit(RX, 0);
}

static void later(void)
{
	h.tsc += MACHINE_CONSOLE_MS * HARNESS_KHZ;
	machine_timers(&h.m, &h.m.cpu[0]);
}

/* The console takes bytes again; it wakes the machine for that. */
static void drain(void)
{
	h.console_stuck = false;
	h.host.console(&h.host, &h.m);
	h.host.console(&h.host, &h.m);
}

static void test_output(void)
{
	driver_start(HVC, 0);
	memcpy(h.ram + BUFFERS, "hello", 5);
	write(BUFFERS, 5);
	OK(ring(TX)->used_idx == 1 && driver_interrupt(1) && h.hvc_len == 0,
	   "what is written comes back at once");
	later();
	OK(h.hvc_len == 5 && memcmp(h.hvc, "hello", 5) == 0, "and goes out a little later");
	h.console_stuck = true;
	memset(h.ram + BUFFERS, 'x', 3000);
	h.ram[BUFFERS + 2999] = 'y';
	write(BUFFERS, 3000);
	OK(ring(TX)->used_idx == 1, "what does not fit waits in the ring");
	drain();
	OK(ring(TX)->used_idx == 2 && h.hvc_len == 3005 && h.hvc[5] == 'x' && h.hvc[3003] == 'x' &&
		   h.hvc[3004] == 'y',
	   "and goes out in order, each byte once");
}

static void test_input(void)
{
	driver_start(HVC, 0);
	type("to the UART");
	OK(h.m.uart.rx_head != 0 && h.m.hvc.rx_len == 0, "the UART gets what is typed at first");
	memset(h.ram + BUFFERS, '#', 1);
	write(BUFFERS, 1);
	driver_interrupt(1);
	type("ls");
	OK(h.m.hvc.rx_len == 2 && ring(RX)->used_idx == 0, "whoever wrote last gets it");
	h.consoles = 0;
	offer(1);
	OK(ring(RX)->used_idx == 1 && ring(RX)->used[0].len == 1 && h.ram[AT] == 'l' &&
		   h.ram[AT + 1] == 0 && h.consoles == 0,
	   "as much as the buffer takes");
	offer(10);
	OK(ring(RX)->used_idx == 2 && ring(RX)->used[1].len == 1 && h.ram[AT] == 's' &&
		   driver_interrupt(0) && h.consoles == 1,
	   "then the rest, and there is room again");
	offer(10);
	type("x");
	OK(ring(RX)->used_idx == 3 && h.ram[AT] == 'x', "a buffer that waits is filled at once");
	port_out(&h, 0x3f8, 1, '$');
	later();
	type("y");
	OK(ring(RX)->used_idx == 3, "and the UART has it back when it writes");
}

static void test_uart_room(void)
{
	uint8_t many[UART_RX];

	memset(many, 'm', sizeof(many));
	harness_start(&h, true);
	machine_console_input(&h.m, many, sizeof(many));
	for (unsigned i = 0; i < 1023; i++)
		port_in(&h, 0x3f8, 1);
	OK(h.consoles == 0, "a full UART does not ask for more");
	port_in(&h, 0x3f8, 1);
	OK(h.consoles == 1 && machine_console_room(&h.m) == 1024,
	   "until it has room for a message");
}

static void test_hostile(void)
{
	driver_start(HVC, 0);
	write(HARNESS_RAM - 1, 2);
	OK(h.m.hvc.v.queue[TX].broken && h.m.hvc.tx_len == 0, "a buffer over the end of RAM");
	driver_start(HVC, 0);
	h.console_stuck = true;
	write(BUFFERS, 3000);
	ring(TX)->desc[0].len = 10;
	drain();
	OK(ring(TX)->used_idx == 1 && h.hvc_len == VCON_TX, "a request that shrinks meanwhile");
	driver_descriptor(TX, 0, BUFFERS, 10, 2, 0);
	driver_submit(TX, 0);
	OK(ring(TX)->used_idx == 2 && h.m.hvc.tx_len == 0, "a transmit buffer for writing only");
	write(BUFFERS, 1);
	type("abc");
	driver_descriptor(RX, 0, AT, 10, 0, 0);
	driver_submit(RX, 0);
	OK(ring(RX)->used_idx == 1 && ring(RX)->used[0].len == 0 && h.m.hvc.rx_len == 3,
	   "a receive buffer for reading only");
	mem_out(&h, bar + 0x14, 1, 0);
	OK(h.m.hvc.rx_len == 0, "a reset forgets what was typed");
	type("abc");
	OK(h.m.hvc.rx_len == 0, "nobody reads: what is typed is lost");
}

static void test_save(void)
{
	static uint8_t saved[MACHINE_STATE_MAX], copy[HARNESS_RAM];
	struct state s;
	size_t n;

	driver_start(HVC, 0);
	h.console_stuck = true;
	memset(h.ram + BUFFERS, 'x', 3000);
	write(BUFFERS, 3000);
	type("typed");
	state_save(&s, saved, sizeof(saved));
	machine_state(&s, &h.m);
	n = s.at;
	memcpy(copy, h.ram, HARNESS_RAM);
	harness_start(&h, true);
	memcpy(h.ram, copy, HARNESS_RAM);
	state_load(&s, saved, n);
	machine_state(&s, &h.m);
	OK(!s.bad, "a console with bytes under way is saved and restored");
	drain();
	OK(h.hvc_len == 3000 && ring(TX)->used_idx == 1, "what was written goes out once");
	offer(10);
	OK(ring(RX)->used[0].len == 5 && memcmp(h.ram + AT, "typed", 5) == 0,
	   "what was typed comes in");
}

int main(void)
{
	test_output();
	test_input();
	test_uart_room();
	test_hostile();
	test_save();
	harness_stop(&h);
	return harness_result();
}
