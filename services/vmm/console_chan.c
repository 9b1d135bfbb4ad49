// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/console_chan.h"
#include "lib/console.h"

/* How many of the n bytes have gone out: all or, on a full channel, fewer. A console that is gone swallows them. */
static size_t send(struct chan *c, const uint8_t *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		struct msg m = { .type = CONSOLE_OUT };
		size_t part = n - done < CONSOLE_MAX ? n - done : CONSOLE_MAX;
		enum chan_result r = chan_send(c, &m, bytes + done, part);

		if (r == CHAN_FULL)
			break;
		if (r != CHAN_RESTARTED)
			done += part;
	}
	return done;
}

void console_send(struct chan *c, struct machine *m)
{
	size_t uart = send(c, m->uart.tx, m->uart.tx_len);

	machine_console_sent(m, uart, send(c, m->hvc.tx, m->hvc.tx_len));
}

bool console_receive(struct chan *c, struct machine *m)
{
	uint8_t buf[CONSOLE_MAX];
	bool button = false;
	enum chan_result r;
	struct msg msg;

	do {
		if (machine_console_room(m) < CONSOLE_MAX)
			break;
		r = chan_recv(c, &msg, buf, sizeof(buf));
		if (r == CHAN_OK && msg.type == CONSOLE_IN)
			machine_console_input(m, buf, msg.len - sizeof(msg));
		if (r == CHAN_OK && msg.type == CONSOLE_BUTTON)
			button = true;
	} while (r == CHAN_OK || r == CHAN_RESTARTED);
	return button;
}
