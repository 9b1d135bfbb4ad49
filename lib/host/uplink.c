// SPDX-License-Identifier: Apache-2.0
/* Hosted stand-in for `uplink`: proto "tcp" over the sockets of Linux. */
#include "services/uplink/uplink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lib/chan.h"
#include "lib/component.h"

#define POLL_NS 2000000u

struct stream {
	int fd; /* -1: none */
	int connecting;
	uint64_t number;
	struct msg connect, send; /* the requests that wait; type 0: none */
	uint8_t data[TCP_CHUNK];
	size_t len, done;
};

static struct stream *stream_of(struct chan *c)
{
	struct stream **s = (struct stream **)chan_user(c);

	if (!*s) {
		*s = calloc(1, sizeof(**s));
		if (!*s)
			die("no memory");
		(*s)->fd = -1;
	}
	return *s;
}

static void hang_up(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->connecting = 0;
	s->connect.type = s->send.type = 0;
}

static void closed(struct chan *c, struct stream *s, const char *why)
{
	struct msg m = { .type = TCP_CLOSED, .arg = s->number };

	if (s->send.type)
		chan_answer(c, &s->send, CS_STATE, s->number, NULL, 0);
	hang_up(s);
	chan_send(c, &m, why, strlen(why));
}

static void connect_to(struct chan *c, struct stream *s, const struct msg *m, const uint8_t *in,
		       size_t n)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct tcp_addr addr;

	hang_up(s);
	s->number = m->arg;
	if (n != sizeof(addr)) {
		chan_answer(c, m, CS_BAD_REQUEST, m->arg, NULL, 0);
		return;
	}
	memcpy(&addr, in, n);
	memcpy(&a.sin_addr, addr.ip, 4);
	a.sin_port = htons(addr.port);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	s->connect = *m;
	s->connecting = 1;
	if (connect(s->fd, (struct sockaddr *)&a, sizeof(a)) && errno != EINPROGRESS) {
		const char *why = strerror(errno);

		chan_answer(c, m, CS_FAILED, m->arg, why, strlen(why));
		hang_up(s);
	}
}

static void request(struct chan *c, struct stream *s, const struct msg *m, const uint8_t *in,
		    size_t n)
{
	struct tcp_status st = { .up = 1, .ip = { 127, 0, 0, 1 } };

	if (m->type == TCP_STATUS) {
		chan_answer(c, m, CS_OK, 0, &st, sizeof(st));
	} else if (m->type == TCP_CONNECT) {
		connect_to(c, s, m, in, n);
	} else if (m->type == TCP_CLOSE) {
		if (m->arg == s->number)
			hang_up(s);
		chan_answer(c, m, CS_OK, m->arg, NULL, 0);
	} else if (m->type != TCP_SEND || !n || n > TCP_CHUNK) {
		chan_answer(c, m, CS_BAD_REQUEST, m->arg, NULL, 0);
	} else if (m->arg != s->number || s->fd < 0 || s->connecting) {
		chan_answer(c, m, CS_STATE, m->arg, NULL, 0);
	} else {
		s->send = *m;
		memcpy(s->data, in, n);
		s->len = n;
		s->done = 0;
	}
}

static void try_connected(struct chan *c, struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int error = 0;
	socklen_t len = sizeof(error);

	if (poll(&p, 1, 0) <= 0)
		return;
	getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	s->connecting = 0;
	if (error) {
		chan_answer(c, &s->connect, CS_FAILED, s->number, strerror(error),
			    strlen(strerror(error)));
		hang_up(s);
	} else {
		chan_answer(c, &s->connect, CS_OK, s->number, NULL, 0);
		s->connect.type = 0;
	}
}

static void try_send(struct chan *c, struct stream *s)
{
	ssize_t k = send(s->fd, s->data + s->done, s->len - s->done, MSG_NOSIGNAL);

	if (k < 0 && errno != EAGAIN) {
		closed(c, s, strerror(errno));
		return;
	}
	s->done += k > 0 ? (size_t)k : 0;
	if (s->done == s->len) {
		chan_answer(c, &s->send, CS_OK, s->number, NULL, 0);
		s->send.type = 0;
	}
}

/* Reads only what the ring has room for: the bytes stay in the socket otherwise. */
static void try_receive(struct chan *c, struct stream *s)
{
	struct msg m = { .type = TCP_DATA, .arg = s->number };
	uint8_t in[TCP_CHUNK];
	ssize_t k = recv(s->fd, in, sizeof(in), MSG_PEEK);

	if (k < 0 && errno == EAGAIN)
		return;
	if (k <= 0)
		closed(c, s, k ? strerror(errno) : "closed by the peer");
	else if (chan_send(c, &m, in, (size_t)k) == CHAN_OK)
		(void)!recv(s->fd, in, (size_t)k, 0);
}

static void serve(struct chan *c)
{
	struct stream *s = stream_of(c);
	uint8_t in[TCP_CHUNK];
	enum chan_result r = CHAN_OK;
	struct msg m;

	while (!s->send.type && (r == CHAN_OK || r == CHAN_RESTARTED)) {
		r = chan_recv(c, &m, in, sizeof(in));
		if (r == CHAN_RESTARTED)
			hang_up(s);
		if (r == CHAN_OK)
			request(c, s, &m, in, m.len - sizeof(m));
	}
	if (s->fd >= 0 && s->connecting)
		try_connected(c, s);
	if (s->fd >= 0 && s->send.type)
		try_send(c, s);
	if (s->fd >= 0 && !s->connecting)
		try_receive(c, s);
}

int main(void)
{
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			if (chan_is_server(c))
				serve(c);
		component_wait(now_ns() + POLL_NS);
	}
}
