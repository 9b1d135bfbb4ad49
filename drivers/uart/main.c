// SPDX-License-Identifier: Apache-2.0
/*
 * uart: COM1, output only (16550: data, line status bit 5). Serves "log" (lines of every component) and, in laboratory images, "console"
 * (a guest's raw output). The receiver is never read, and its interrupts stay off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/uart/budget.h"
#include "drivers/uart/line.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/console.h"
#include "lib/log.h"
#include "lib/port.h"

enum {
	DATA = 0,
	INTERRUPTS = 1,
	FIFO = 2,
	LINE_STATUS = 5,
	SENDER_EMPTY = 1 << 5,
	FIFO_BYTES = 16,
	SPINS = 100000
};

#define LINE_NS  300000000u /* how long a console may leave its line open while others wait */
#define CATCH_UP 32u        /* messages of one channel before the next has its turn */

static uint16_t port;
static struct chan *open_line; /* console in the middle of a line */
static uint64_t open_until;

static void wait_empty(void)
{
	for (unsigned i = 0;
	     i < SPINS && !(port_in8((uint16_t)(port + LINE_STATUS)) & SENDER_EMPTY); i++)
		__builtin_ia32_pause();
}

static void put(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i % FIFO_BYTES == 0)
			wait_empty();
		port_out8((uint16_t)(port + DATA), (uint8_t)s[i]);
	}
}

static struct budget *budget_of(struct chan *c)
{
	void **slot = chan_user(c);

	if (!*slot && (*slot = malloc(sizeof(struct budget))) != NULL)
		budget_begin(*slot, now_ns());
	return *slot;
}

static void log_message(struct chan *c, const char *text, size_t n)
{
	struct budget *b = budget_of(c);
	char line[LINE_MAX], note[40];

	if (!b || !budget_take(b, now_ns()))
		return;
	if (b->dropped) {
		int k = snprintf(note, sizeof(note), "(%u lines dropped)", b->dropped);

		b->dropped = 0;
		put(line, line_format(line, now_ns() / 1000, chan_peer(c), chan_instance(c), note,
				      (size_t)k));
	}
	put(line, line_format(line, now_ns() / 1000, chan_peer(c), chan_instance(c), text, n));
}

/* Several consoles and the log share the port line by line. */
static void console_message(struct chan *c, const char *text, size_t n)
{
	put(text, n);
	open_line = n && text[n - 1] != '\n' ? c : NULL;
	open_until = now_ns() + LINE_NS;
}

/* True if there may be more. */
static bool take(struct chan *c)
{
	bool console = !strcmp(chan_proto(c), "console");
	static char text[CONSOLE_MAX];
	struct msg m;

	for (unsigned i = 0; i < CATCH_UP; i++) {
		void *budget = *chan_user(c); /* the slot is emptied when the channel closes */
		enum chan_result r = chan_drain(c, &m, text, console ? CONSOLE_MAX : LOG_MAX);

		if (r == CHAN_RESTARTED)
			continue;
		if (r == CHAN_CLOSED) {
			free(budget);
			open_line = open_line == c ? NULL : open_line;
		}
		if (r != CHAN_OK)
			return false;
		if (console && m.type == CONSOLE_OUT)
			console_message(c, text, m.len - sizeof(m));
		else if (!console && m.type == LOG_LINE)
			log_message(c, text, m.len - sizeof(m));
	}
	return true;
}

int main(void)
{
	const struct start_dev *dev = start_dev("com1");

	if (!dev || dev->port_count < 8)
		die("no com1");
	port = dev->port_base;
	port_out8((uint16_t)(port + INTERRUPTS), 0);
	port_out8((uint16_t)(port + FIFO), 1);
	for (;;) {
		bool more = false;

		if (open_line && now_ns() >= open_until)
			open_line = NULL;
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			if (chan_is_server(c) && (!open_line || open_line == c))
				more |= take(c);
		if (!more)
			component_wait(open_line ? open_until : 0);
	}
}
