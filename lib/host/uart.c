// SPDX-License-Identifier: Apache-2.0
/* Hosted stand-in for `uart`: log lines to stdout. */
#include <stdio.h>
#include <string.h>
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/console.h"
#include "lib/log.h"

static void take(struct chan *c)
{
	const char *label = chan_instance(c);
	char text[CONSOLE_MAX];
	enum chan_result r;
	struct msg m;

	do {
		r = chan_drain(c, &m, text, sizeof(text));
		if (r == CHAN_OK && !strcmp(chan_proto(c), "log"))
			printf("%s%s%s: %.*s\n", chan_peer(c), *label ? "/" : "", label,
			       (int)(m.len - sizeof(m)), text);
	} while (r == CHAN_OK || r == CHAN_RESTARTED);
}

int main(void)
{
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			take(c);
		component_wait(0);
	}
}
