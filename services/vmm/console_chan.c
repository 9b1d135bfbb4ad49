// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/console_chan.h"
#include "lib/console.h"

void console_send(struct chan *c, struct uart *u)
{
	enum chan_result r;

	while (u->tx_len != 0) {
		struct msg m = { .type = CONSOLE_OUT };
		size_t n = u->tx_len < CONSOLE_MAX ? u->tx_len : CONSOLE_MAX;

		r = chan_send(c, &m, u->tx, n);
		if (r == CHAN_RESTARTED)
			continue;
		if (r == CHAN_FULL)
			return;
		uart_sent(u, n); /* a console that is gone swallows it */
	}
}

bool console_receive(struct chan *c, struct uart *u)
{
	uint8_t buf[CONSOLE_MAX];
	bool button = false;
	enum chan_result r;
	struct msg m;

	do {
		if (uart_room(u) < CONSOLE_MAX)
			break;
		r = chan_recv(c, &m, buf, sizeof(buf));
		if (r == CHAN_OK && m.type == CONSOLE_IN)
			uart_input(u, buf, m.len - sizeof(m));
		if (r == CHAN_OK && m.type == CONSOLE_BUTTON)
			button = true;
	} while (r == CHAN_OK || r == CHAN_RESTARTED);
	return button;
}
