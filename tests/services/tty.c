// SPDX-License-Identifier: Apache-2.0
/*
 * tty: COM2 as a guest's console, both ways. Serves "console" (lib/console.h) to one vmm, in laboratory images only: no component of
 * the release reads a serial port. 16550 without interrupts: looked at every POLL_NS.
 */
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/console.h"
#include "lib/port.h"

enum { DATA = 0, INTERRUPTS = 1, FIFO = 2, LINE_STATUS = 5, RECEIVED = 1, SENDER_EMPTY = 1 << 5 };

#define POLL_NS    UINT64_C(5000000)
#define FIFO_BYTES 16u

static uint16_t port;
static struct chan *guest;
static uint8_t typed[CONSOLE_MAX];
static size_t typed_len;

static uint8_t status(void)
{
	return port_in8((uint16_t)(port + LINE_STATUS));
}

static void put(const uint8_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		while (i % FIFO_BYTES == 0 && !(status() & SENDER_EMPTY))
			__builtin_ia32_pause();
		port_out8((uint16_t)(port + DATA), s[i]);
	}
}

static void show(void)
{
	static uint8_t text[CONSOLE_MAX];
	enum chan_result r;
	struct msg m;

	do {
		r = chan_drain(guest, &m, text, sizeof(text));
		if (r == CHAN_OK && m.type == CONSOLE_OUT)
			put(text, m.len - sizeof(m));
	} while (r == CHAN_OK || r == CHAN_RESTARTED);
}

static void type(void)
{
	struct msg m = { .type = CONSOLE_IN };

	while (typed_len < sizeof(typed) && (status() & RECEIVED))
		typed[typed_len++] = port_in8((uint16_t)(port + DATA));
	if (typed_len != 0 && chan_send(guest, &m, typed, typed_len) == CHAN_OK)
		typed_len = 0;
}

static struct chan *find_guest(void)
{
	struct chan *c = NULL;

	while ((c = chan_next(c)) != NULL && !chan_is_server(c))
		;
	return c;
}

int main(void)
{
	const struct start_dev *dev = start_dev("com2");

	if (!dev || dev->port_count < 8)
		die("no com2");
	port = dev->port_base;
	port_out8((uint16_t)(port + INTERRUPTS), 0);
	port_out8((uint16_t)(port + FIFO), 1);
	for (;;) {
		if (!guest)
			guest = find_guest();
		if (guest) {
			show();
			type();
		}
		component_wait(now_ns() + POLL_NS);
	}
}
