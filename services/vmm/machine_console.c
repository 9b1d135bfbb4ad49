// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's console: serial port and virtio console share one stream. Both write to it; what is typed goes to the one that wrote last,
 * so it reaches the terminal the person sees.
 */
#include "services/vmm/machine.h"
#include "services/vmm/ticks.h"

bool machine_console_waits(const struct machine *m)
{
	return m->uart.tx_len != 0 || m->hvc.tx_len != 0;
}

static void plan(struct machine *m)
{
	if (m->console_at != TICKS_NEVER)
		return;
	m->console_at = machine_now(m) + m->khz * MACHINE_CONSOLE_MS;
	machine_board_moved(m);
}

/* What the guest writes goes out in one piece when it pauses, sleeps or has written much. */
void machine_console_written(struct machine *m, bool hvc)
{
	m->hvc_wrote = hvc;
	if (m->uart.tx_len >= UART_TX / 2 || m->hvc.tx_len >= VCON_TX / 2)
		m->host->console(m->host, m);
	else
		plan(m);
}

/* The virtio console may have more at once; it goes out later, so that a busy guest does not hold its VMM here. */
void machine_console_sent(struct machine *m, size_t uart, size_t hvc)
{
	uart_sent(&m->uart, uart);
	vcon_sent(&m->hvc, hvc);
	if (hvc != 0 && m->hvc.tx_len != 0)
		plan(m);
}

size_t machine_console_room(const struct machine *m)
{
	return m->hvc_wrote ? vcon_room(&m->hvc) : uart_room(&m->uart);
}

void machine_console_input(struct machine *m, const uint8_t *data, size_t n)
{
	if (m->hvc_wrote)
		vcon_input(&m->hvc, data, n);
	else
		uart_input(&m->uart, data, n);
}

static struct machine *machine_of(struct vcon_owner *o)
{
	return (struct machine *)((char *)o - offsetof(struct machine, hvc_owner));
}

static void written(struct vcon_owner *o, struct virtio_console *c)
{
	(void)c;
	machine_console_written(machine_of(o), true);
}

static void ready(struct vcon_owner *o, struct virtio_console *c)
{
	struct machine *m = machine_of(o);

	(void)c;
	m->host->console(m->host, m);
}

void machine_console_init(struct machine *m)
{
	m->console_at = TICKS_NEVER;
	m->hvc_owner = (struct vcon_owner){ .written = written, .ready = ready };
	virtio_console_init(&m->hvc, &m->hvc_owner);
}
