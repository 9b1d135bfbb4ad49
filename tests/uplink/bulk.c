// SPDX-License-Identifier: Apache-2.0
#include "tests/uplink/bulk.h"
#include "lib/component.h"
#include "services/uplink/uplink.h"

#define STALL_NS 60000000000u
#define WAITING  4u

struct transfer {
	struct chan *chan;
	uint64_t stream, sent, out, got, in;
	unsigned waiting;
};

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i ^ i >> 8);
}

enum chan_result bulk_next(struct chan *c, uint64_t stream, struct msg *m, uint8_t *data,
			   uint64_t ns)
{
	uint64_t end = now_ns() + ns;
	enum chan_result r;

	for (;;) {
		r = chan_recv(c, m, data, TCP_CHUNK);
		if (r != CHAN_EMPTY && (r != CHAN_OK || m->type & CHAN_ANSWER || m->arg == stream))
			return r;
		if (r == CHAN_EMPTY && now_ns() > end)
			return r;
		if (r == CHAN_EMPTY)
			component_wait(end);
	}
}

/* As long as there is room. */
static void push(struct transfer *t)
{
	static uint8_t chunk[TCP_CHUNK];

	while (t->sent < t->out && t->waiting < WAITING) {
		struct msg m = { .type = TCP_SEND, .id = 1ull << 40 | t->sent, .arg = t->stream };
		size_t n = t->out - t->sent < TCP_CHUNK ? (size_t)(t->out - t->sent) : TCP_CHUNK;

		for (size_t i = 0; i < n; i++)
			chunk[i] = pattern(t->sent + i);
		if (chan_send(t->chan, &m, chunk, n) != CHAN_OK)
			return;
		t->sent += n;
		t->waiting++;
	}
}

/* NULL, or what is wrong with the message. */
static const char *take(struct transfer *t, const struct msg *m, const uint8_t *data)
{
	if (m->type == TCP_CLOSED)
		return "closed";
	if (m->type == (TCP_SEND | CHAN_ANSWER)) {
		t->waiting--;
		return m->status == CS_OK ? NULL : "send refused";
	}
	for (size_t i = 0; m->type == TCP_DATA && i < m->len - sizeof(*m); i++)
		if (data[i] != pattern(t->got++))
			return "wrong bytes";
	return NULL;
}

const char *bulk(struct chan *c, uint64_t stream, uint64_t out, uint64_t in)
{
	struct transfer t = { .chan = c, .stream = stream, .out = out, .in = in };
	static uint8_t data[TCP_CHUNK];

	while (t.got < in || t.sent < out || t.waiting) {
		const char *wrong;
		struct msg m;

		push(&t);
		if (bulk_next(c, stream, &m, data, STALL_NS) != CHAN_OK)
			return "no progress, or a restart";
		wrong = take(&t, &m, data);
		if (wrong)
			return wrong;
	}
	return t.got == in ? "good" : "too many bytes";
}
