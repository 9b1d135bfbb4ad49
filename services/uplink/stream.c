// SPDX-License-Identifier: Apache-2.0
#include "services/uplink/stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/component.h"
#include "lwip/tcp.h"
#include "services/uplink/uplink.h"

#define CONNECT_NS   10000000000ull
#define KEEP_IDLE_MS 30000u
#define KEEP_STEP_MS 10000u

/* A TCP_SEND that is not answered yet. */
struct outgoing {
	struct msg request; /* type 0: none */
	uint16_t len, done;
	uint8_t data[TCP_CHUNK];
};

struct stream {
	struct tcp_pcb *pcb; /* NULL: none */
	uint64_t number;
	struct chan *client;
	struct msg connect;     /* not answered yet; type 0: none */
	uint64_t deadline;      /* of the connect */
	struct outgoing out[2]; /* no request is taken while both wait */
	uint8_t in[TCP_WND];    /* ring of bytes received: never more than the window */
	uint32_t in_first, in_count;
	const char *ended; /* why; told after the last byte */
};

static void detach(struct stream *s)
{
	tcp_arg(s->pcb, NULL);
	tcp_recv(s->pcb, NULL);
	tcp_err(s->pcb, NULL);
}

static void forget_requests(struct stream *s)
{
	s->connect.type = s->out[0].request.type = s->out[1].request.type = 0;
}

/* Answers what waits for this stream, which is over. */
static void fail_requests(struct stream *s)
{
	if (s->connect.type)
		chan_answer(s->client, &s->connect, CS_STATE, s->number, NULL, 0);
	for (unsigned i = 0; i < 2; i++)
		if (s->out[i].request.type)
			chan_answer(s->client, &s->out[i].request, CS_STATE, s->number, NULL, 0);
	forget_requests(s);
}

static void forget(struct stream *s)
{
	fail_requests(s);
	s->pcb = NULL;
	s->ended = NULL;
	s->in_first = s->in_count = 0;
}

static void open_window(struct stream *s, uint32_t n)
{
	while (s->pcb && n) {
		uint16_t part = n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;

		tcp_recved(s->pcb, part);
		n -= part;
	}
}

static void abort_stream(struct stream *s)
{
	if (s->pcb) {
		detach(s);
		tcp_abort(s->pcb);
	}
	forget(s);
}

/* What was sent still goes out: lwIP would reset a stream whose bytes were not all taken. */
static void close_stream(struct stream *s)
{
	if (s->pcb) {
		detach(s);
		open_window(s, s->in_count);
		if (tcp_close(s->pcb) != ERR_OK)
			tcp_abort(s->pcb);
	}
	forget(s);
}

static void fail_connect(struct stream *s, const char *why)
{
	chan_answer(s->client, &s->connect, CS_FAILED, s->number, why, strlen(why));
	s->connect.type = 0;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	struct stream *s = arg;

	(void)pcb;
	(void)error; /* always ERR_OK: failures come to on_error() */
	chan_answer(s->client, &s->connect, CS_OK, s->number, NULL, 0);
	s->connect.type = 0;
	return ERR_OK;
}

static void keep(struct stream *s, const uint8_t *data, uint32_t n)
{
	uint32_t at = (s->in_first + s->in_count) % TCP_WND;
	uint32_t first = TCP_WND - at < n ? TCP_WND - at : n;

	memcpy(s->in + at, data, first);
	memcpy(s->in, data + first, n - first);
	s->in_count += n;
}

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct stream *s = arg;

	(void)pcb;
	(void)error;
	if (!p) {
		s->ended = "closed by the peer";
		return ERR_OK;
	}
	if (p->tot_len > TCP_WND - s->in_count)
		return ERR_MEM; /* lwIP keeps it */
	for (struct pbuf *q = p; q; q = q->next)
		keep(s, q->payload, q->len);
	pbuf_free(p);
	return ERR_OK;
}

/* lwIP has freed the pcb already. */
static void on_error(void *arg, err_t error)
{
	struct stream *s = arg;

	s->pcb = NULL;
	if (s->connect.type)
		fail_connect(s, error == ERR_RST ? "connection refused" : "no route or no answer");
	else
		s->ended = error == ERR_RST ? "reset by the peer" : "connection lost";
}

static void connect_to(struct stream *s, const struct msg *m, const uint8_t *in, size_t n)
{
	struct tcp_addr a;
	ip_addr_t ip;

	abort_stream(s);
	s->number = m->arg;
	if (n != sizeof(a)) {
		chan_answer(s->client, m, CS_BAD_REQUEST, m->arg, NULL, 0);
		return;
	}
	memcpy(&a, in, sizeof(a));
	IP_ADDR4(&ip, a.ip[0], a.ip[1], a.ip[2], a.ip[3]);
	s->connect = *m;
	s->deadline = now_ns() + CONNECT_NS;
	s->pcb = tcp_new();
	if (!s->pcb) {
		fail_connect(s, "no memory for a connection");
		return;
	}
	tcp_arg(s->pcb, s);
	tcp_recv(s->pcb, on_received);
	tcp_err(s->pcb, on_error);
	ip_set_option(s->pcb, SOF_KEEPALIVE);
	s->pcb->keep_idle = KEEP_IDLE_MS;
	s->pcb->keep_intvl = KEEP_STEP_MS;
	s->pcb->keep_cnt = 3;
	tcp_nagle_disable(s->pcb);
	if (tcp_connect(s->pcb, &ip, a.port, on_connected) != ERR_OK) {
		fail_connect(s, "no route or no memory");
		abort_stream(s);
	}
}

static void answer_status(struct chan *c, const struct msg *m, bool up, const uint8_t mac[6],
			  uint32_t own)
{
	struct tcp_status st = { .up = up && own };

	memcpy(st.ip, &own, sizeof(st.ip));
	memcpy(st.mac, mac, sizeof(st.mac));
	chan_answer(c, m, CS_OK, 0, &st, sizeof(st));
}

/* True when all of `o` is in lwIP's queue. */
static bool push_one(struct stream *s, struct outgoing *o)
{
	uint16_t left = (uint16_t)(o->len - o->done);
	uint32_t room = tcp_sndbuf(s->pcb);
	uint16_t n = room < left ? (uint16_t)room : left;

	if (n && tcp_write(s->pcb, o->data + o->done, n, TCP_WRITE_FLAG_COPY) == ERR_OK)
		o->done = (uint16_t)(o->done + n);
	return o->done == o->len;
}

static void push_out(struct stream *s)
{
	while (s->pcb && s->out[0].request.type && push_one(s, &s->out[0])) {
		chan_answer(s->client, &s->out[0].request, CS_OK, s->number, NULL, 0);
		s->out[0] = s->out[1];
		s->out[1].request.type = 0;
	}
}

static void request(struct stream *s, const struct msg *m, const uint8_t *in, size_t n, bool ready)
{
	if (m->type == TCP_CONNECT && !ready) {
		chan_answer(s->client, m, CS_BUSY, m->arg, NULL, 0);
	} else if (m->type == TCP_CONNECT) {
		connect_to(s, m, in, n);
	} else if (m->type == TCP_CLOSE) {
		if (m->arg == s->number)
			close_stream(s);
		chan_answer(s->client, m, CS_OK, m->arg, NULL, 0);
	} else if (m->type != TCP_SEND || !n || n > TCP_CHUNK) {
		chan_answer(s->client, m, CS_BAD_REQUEST, m->arg, NULL, 0);
	} else if (m->arg != s->number || !s->pcb || s->connect.type || s->ended) {
		chan_answer(s->client, m, CS_STATE, m->arg, NULL, 0);
	} else {
		struct outgoing *o = &s->out[s->out[0].request.type ? 1 : 0];

		o->request = *m;
		memcpy(o->data, in, n);
		o->len = (uint16_t)n;
		o->done = 0;
		push_out(s);
	}
}

static void restarted(struct stream *s)
{
	forget_requests(s); /* who asked is gone */
	abort_stream(s);
}

/* The window opens as the client's ring takes the bytes. */
static void pull_in(struct stream *s)
{
	while (s->in_count) {
		uint32_t n = s->in_count < TCP_CHUNK ? s->in_count : TCP_CHUNK;
		struct msg m = { .type = TCP_DATA, .arg = s->number };
		enum chan_result r;

		n = TCP_WND - s->in_first < n ? TCP_WND - s->in_first : n;
		r = chan_send(s->client, &m, s->in + s->in_first, n);
		if (r == CHAN_RESTARTED)
			restarted(s);
		if (r != CHAN_OK)
			return;
		s->in_first = (s->in_first + n) % TCP_WND;
		s->in_count -= n;
		open_window(s, n);
	}
}

static void tell_end(struct stream *s)
{
	struct msg m = { .type = TCP_CLOSED, .arg = s->number };
	const char *why = s->ended;
	enum chan_result r;

	fail_requests(s);
	r = chan_send(s->client, &m, why, strlen(why));
	if (r == CHAN_RESTARTED)
		restarted(s);
	else if (r != CHAN_FULL)
		close_stream(s);
}

static struct stream *stream_of(struct chan *c)
{
	struct stream **s = (struct stream **)chan_user(c);

	if (!*s && (*s = calloc(1, sizeof(**s))) == NULL)
		die("no memory for a stream");
	(*s)->client = c;
	return *s;
}

/* A stream that is full takes no request, but learns that its client is gone. */
static enum chan_result take(struct stream *s, struct msg *m, uint8_t in[TCP_CHUNK])
{
	enum chan_result r;

	if (!s->out[1].request.type)
		return chan_recv(s->client, m, in, TCP_CHUNK);
	r = chan_look(s->client);
	return r == CHAN_OK ? CHAN_EMPTY : r;
}

/* False: the channel is gone. */
static bool take_requests(struct stream *s, bool up, const uint8_t mac[6], uint32_t own)
{
	uint8_t in[TCP_CHUNK];
	enum chan_result r = CHAN_OK;
	struct msg m;

	while (r == CHAN_OK || r == CHAN_RESTARTED) {
		r = take(s, &m, in);
		if (r == CHAN_RESTARTED)
			restarted(s);
		else if (r == CHAN_OK && m.type == TCP_STATUS)
			answer_status(s->client, &m, up, mac, own);
		else if (r == CHAN_OK)
			request(s, &m, in, m.len - sizeof(m), up && own);
	}
	if (r != CHAN_CLOSED && r != CHAN_BROKEN)
		return true;
	abort_stream(s);
	if (r == CHAN_CLOSED)
		free(s);
	return false;
}

void stream_serve(struct chan *c, bool up, const uint8_t mac[6], uint32_t own)
{
	struct stream *s = stream_of(c);

	push_out(s);
	if (!take_requests(s, up, mac, own))
		return;
	if (s->connect.type && now_ns() > s->deadline) {
		fail_connect(s, "no answer within 10 s");
		abort_stream(s);
	}
	if (s->pcb)
		tcp_output(s->pcb);
	pull_in(s);
	if (s->ended && !s->in_count)
		tell_end(s);
}
