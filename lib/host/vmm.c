// SPDX-License-Identifier: Apache-2.0
/*
 * Hosted stand-in for `vmm`: no guest, but the same channels. Its console greets, reads the first block of volume 1, and echoes each line
 * typed; "write X" puts X into that block, "read" shows it, "off" or the power button ends with 0, "crash" dies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/blk.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/console.h"

static struct chan *console, *disk;

static void say(const char *text)
{
	struct msg m = { .type = CONSOLE_OUT };

	while (chan_send(console, &m, text, strlen(text)) != CHAN_OK)
		component_wait(now_ns() + 10000000);
}

static enum chan_status block(uint16_t type, const char *text, char *back)
{
	static struct {
		struct blk_span span;
		char data[BLK_SIZE];
	} out;
	static char in[BLK_SIZE];
	enum chan_status s;
	size_t n;

	out.span = (struct blk_span){ .volume = 1, .count = type == BLK_FLUSH ? 0 : 1 };
	memset(out.data, 0, sizeof(out.data));
	snprintf(out.data, sizeof(out.data), "%s", text);
	s = chan_call(disk, type, 0, &out, type == BLK_WRITE ? sizeof(out) : sizeof(out.span), in,
		      sizeof(in), &n);
	if (back)
		snprintf(back, 200, "%.199s", s == CS_OK && n == BLK_SIZE ? in : "error");
	return s;
}

static void obey(char *line)
{
	char text[256], back[200];

	line[strcspn(line, "\r\n")] = 0;
	if (!strcmp(line, "off"))
		exit(0);
	if (!strcmp(line, "crash"))
		abort();
	if (!strncmp(line, "write ", 6)) {
		enum chan_status written = block(BLK_WRITE, line + 6, NULL);

		snprintf(text, sizeof(text), "written %d %d\r\n", written,
			 block(BLK_FLUSH, "", NULL));
	} else if (!strcmp(line, "read")) {
		block(BLK_READ, "", back);
		snprintf(text, sizeof(text), "block: %s\r\n", back);
	} else {
		snprintf(text, sizeof(text), "you said: %.200s\r\n", line);
	}
	say(text);
	say("# ");
}

int main(void)
{
	static char line[256];
	char in[CONSOLE_MAX];
	size_t len = 0;
	struct msg m;

	console = chan_open("vault", "console");
	disk = chan_open("vault", "blk");
	if (!console || !disk)
		die("no console or no disk");
	say("hosted guest is up\r\n# ");
	for (;;) {
		enum chan_result r = chan_recv(console, &m, in, sizeof(in));

		for (size_t i = 0; r == CHAN_OK && m.type == CONSOLE_IN && i < m.len - sizeof(m);
		     i++) {
			if (len < sizeof(line) - 1)
				line[len++] = in[i];
			if (in[i] != '\r' && in[i] != '\n')
				continue;
			line[len] = 0;
			len = 0;
			obey(line);
		}
		if (r == CHAN_OK && m.type == CONSOLE_BUTTON)
			return 0;
		if (r == CHAN_EMPTY)
			component_wait(0);
	}
}
