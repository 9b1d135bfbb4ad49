// SPDX-License-Identifier: Apache-2.0
/* The session's side of the local control socket (ctl.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include "mgmt/tom/ctl.h"
#include "mgmt/tom/session.h"

void client_reply(struct client *c, bool good, const char *text)
{
	char line[CTL_LINE];
	int n = snprintf(line, sizeof(line), "%s %.240s\n", good ? "ok" : "no", text);

	if (send(c->fd, line, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
		c->open = false; /* gone: the next read says so */
}

void client_close(struct session *s, struct client *c)
{
	if (c->kind == CLIENT_CONSOLE)
		console_end(s, c);
	close(c->fd);
	memset(c, 0, sizeof(*c));
}

void clients_accept(struct session *s)
{
	int fd = accept(s->listener, NULL, NULL);

	for (unsigned i = 0; fd >= 0 && i < SESSION_CLIENTS; i++) {
		if (s->clients[i].kind == CLIENT_FREE) {
			s->clients[i] = (struct client){ .fd = fd, .kind = CLIENT_NEW };
			return;
		}
	}
	if (fd >= 0)
		close(fd);
}

/* The client has sent one whole line by the time the socket is readable: they are short and sent at once. */
static bool read_order(struct client *c, char *line)
{
	ssize_t n = recv(c->fd, line, CTL_LINE - 1, MSG_DONTWAIT);

	if (n <= 0 || line[n - 1] != '\n')
		return false;
	line[n - 1] = 0;
	return true;
}

/* Orders that are answered at once. */
static bool answer(struct session *s, struct client *c, const char *line)
{
	bool end = strcmp(line, "end") == 0;
	char text[CTL_LINE];

	if (strcmp(line, "progress") == 0) {
		pump_progress(s, text, sizeof(text));
		client_reply(c, true, text);
	} else {
		client_reply(c, end, end ? "ended" : "unknown order");
	}
	client_close(s, c);
	return !end;
}

bool client_read(struct session *s, struct client *c)
{
	char line[CTL_LINE];

	if (c->kind == CLIENT_CONSOLE && c->open)
		return console_input(s, c);
	if (c->kind != CLIENT_NEW || !read_order(c, line)) {
		client_close(s, c);
		return true;
	}
	if (strcmp(line, "push") == 0)
		return orders_push(s, c);
	if (strncmp(line, "approve ", 8) == 0)
		return orders_approve(s, c, line + 8);
	if (strncmp(line, "console ", 8) == 0)
		return console_begin(s, c, line + 8);
	return answer(s, c, line);
}
