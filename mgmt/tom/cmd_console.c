// SPDX-License-Identifier: Apache-2.0
/* tom vm console: the terminal becomes the VM's serial line until Ctrl-]. */
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>
#include <string.h>
#include "mgmt/tom/commands.h"
#include "mgmt/tom/ctl.h"

enum { ESCAPE = 0x1d };

static bool copy(int from, int to, bool keys)
{
	char buf[1024];
	ssize_t n = read(from, buf, sizeof(buf));
	char *escape = n > 0 && keys && isatty(from) ? memchr(buf, ESCAPE, (size_t)n) : NULL;

	if (n <= 0)
		return false;
	if (escape)
		n = escape - buf;
	for (ssize_t done = 0; done < n;) {
		ssize_t more = write(to, buf + done, (size_t)(n - done));

		if (more <= 0)
			return false;
		done += more;
	}
	return !escape;
}

static void relay(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0)
			return;
		if (p[0].revents && !copy(fd, 1, false))
			return;
		if (p[1].revents && !copy(0, fd, true)) {
			if (isatty(0))
				return;
			p[1].fd = -1; /* input is over; what comes back is still shown */
		}
	}
}

static int console(struct tom *t, const char *server, const char *name)
{
	int fd = ctl_connect(t, server), result;
	struct termios old, raw;
	bool tty = isatty(0) && tcgetattr(0, &old) == 0;
	char answer[CTL_LINE];

	if (fd < 0)
		return tom_fail(TOM_BROKEN, "server %s is not connected", server);
	result = ctl_ask(fd, answer, "console %s", name);
	if (result != 1)
		return tom_fail(TOM_REFUSED, "console of %s: %s", name,
				result ? "connection lost" : answer);
	if (tty) {
		fprintf(stderr, "console of %s; Ctrl-] ends\r\n", name);
		raw = old;
		cfmakeraw(&raw);
		tcsetattr(0, TCSANOW, &raw);
	}
	relay(fd);
	if (tty)
		tcsetattr(0, TCSANOW, &old);
	close(fd);
	return TOM_OK;
}

int cmd_vm_console(struct tom *t, struct args *a)
{
	const char *name = arg_word(a);
	sqlite3_stmt *q;
	char server[32] = "";

	if (!arg_name(a, name))
		return TOM_USAGE;
	q = tom_query(t, "SELECT server FROM vm WHERE name = ?", "s", name);
	while (tom_row(q))
		snprintf(server, sizeof(server), "%s", tom_text(q, 0));
	if (!*server)
		return tom_fail(TOM_USAGE, "VM %s: not defined", name);
	return console(t, server, name);
}
