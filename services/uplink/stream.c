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

struct stream {
	struct tcp_pcb *pcb; /* NULL: none */
	uint64_t number;
	struct chan *client;
	struct msg connect, send; /* requests not answered yet; type 0: none */
	uint64_t deadline;        /* of the connect */
	uint8_t data[TCP_CHUNK];  /* of the send */
	uint16_t len, done;
	struct pbuf *received;
	const char *ended; /* why; told after the last byte */
};

static void drop_received(struct stream *s)
{
	if (s->received)
		pbuf_free(s->received);
	s->received = NULL;
}

static void detach(struct stream *s)
{
	tcp_arg(s->pcb, NULL);
	tcp_recv(s->pcb, NULL);
	tcp_err(s->pcb, NULL);
}

static void forget(struct stream *s)
{
	s->connect.type = s->send.type = 0;
	s->ended = NULL;
	drop_received(s);
}

static void abort_stream(struct stream *s)
{
	if (s->pcb) {
		detach(s);
		tcp_abort(s->pcb);
	}
	s->pcb = NULL;
	forget(s);
}

/* What was sent still goes out. */
static void close_stream(struct stream *s)
{
	if (s->pcb) {
		detach(s);
		if (tcp_close(s->pcb) != ERR_OK)
			tcp_abort(s->pcb);
	}
	s->pcb = NULL;
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

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	struct stream *s = arg;

	(void)pcb;
	(void)error;
	if (!p)
		s->ended = "closed by the peer";
	else if (s->received)
		pbuf_cat(s->received, p);
	else
		s->received = p;
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
		fail_connect(s, "no route");
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
		s->send = *m;
		memcpy(s->data, in, n);
		s->len = (uint16_t)n;
		s->done = 0;
	}
}

static void push_out(struct stream *s)
{
	uint16_t left = (uint16_t)(s->len - s->done);
	uint32_t room = tcp_sndbuf(s->pcb);
	uint16_t n = room < left ? (uint16_t)room : left;

	if (n && tcp_write(s->pcb, s->data + s->done, n, TCP_WRITE_FLAG_COPY) == ERR_OK)
		s->done = (uint16_t)(s->done + n);
	tcp_output(s->pcb);
	if (s->done < s->len)
		return;
	chan_answer(s->client, &s->send, CS_OK, s->number, NULL, 0);
	s->send.type = 0;
}

/* The window opens as the client's ring takes the bytes. */
static void pull_in(struct stream *s)
{
	uint8_t chunk[TCP_CHUNK];

	while (s->received) {
		uint16_t n = pbuf_copy_partial(s->received, chunk, sizeof(chunk), 0);
		struct msg m = { .type = TCP_DATA, .arg = s->number };

		if (chan_send(s->client, &m, chunk, n) != CHAN_OK)
			return;
		s->received = pbuf_free_header(s->received, n);
		if (s->pcb)
			tcp_recved(s->pcb, n);
	}
}

static void tell_end(struct stream *s)
{
	struct msg m = { .type = TCP_CLOSED, .arg = s->number };
	const char *why = s->ended;

	if (s->send.type)
		chan_answer(s->client, &s->send, CS_STATE, s->number, NULL, 0);
	s->send.type = 0;
	if (chan_send(s->client, &m, why, strlen(why)) != CHAN_FULL)
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

void stream_serve(struct chan *c, bool up, const uint8_t mac[6], uint32_t own)
{
	struct stream *s = stream_of(c);
	uint8_t in[TCP_CHUNK];
	enum chan_result r = CHAN_OK;
	struct msg m;

	while (!s->send.type && (r == CHAN_OK || r == CHAN_RESTARTED)) {
		r = chan_recv(c, &m, in, sizeof(in));
		if (r == CHAN_RESTARTED)
			abort_stream(s);
		if (r == CHAN_CLOSED || r == CHAN_BROKEN) {
			abort_stream(s);
			if (r == CHAN_CLOSED)
				free(s);
			return;
		}
		if (r == CHAN_OK && m.type == TCP_STATUS)
			answer_status(c, &m, up, mac, own);
		else if (r == CHAN_OK)
			request(s, &m, in, m.len - sizeof(m), up && own);
	}
	if (s->connect.type && now_ns() > s->deadline) {
		fail_connect(s, "no answer within 10 s");
		abort_stream(s);
	}
	if (s->pcb && s->send.type)
		push_out(s);
	pull_in(s);
	if (s->ended && !s->received)
		tell_end(s);
}
