// SPDX-License-Identifier: Apache-2.0
#include "lib/blkq.h"

#include <stdlib.h>
#include <string.h>

/* Apart from the ids that chan_call() takes on the same channel. */
#define FIRST_ID (1ull << 63)

int blkq_init(struct blkq *q, struct chan *chan)
{
	memset(q, 0, sizeof(*q));
	q->chan = chan;
	q->next_id = FIRST_ID;
	q->answer = malloc(BLKQ_BYTES);
	return q->answer ? 0 : -1;
}

unsigned blkq_room(const struct blkq *q)
{
	return BLKQ_DEPTH - q->busy;
}

static void send(struct blkq *q, struct blkq_slot *s)
{
	struct msg m = { .type = s->request.type, .id = s->id, .arg = s->request.block };

	s->sent = chan_send2(q->chan, &m, &s->request.span, sizeof(s->request.span), s->copy,
			     s->n) == CHAN_OK;
}

int blkq_submit(struct blkq *q, const struct blkq_request *r, const void *data, size_t n)
{
	struct blkq_slot *s = q->slot;

	if (q->busy == BLKQ_DEPTH || n > BLKQ_BYTES)
		return -1;
	while (s->id)
		s++;
	if (n && !s->copy)
		s->copy = malloc(BLKQ_BYTES);
	if (n && !s->copy)
		return -1;
	if (n)
		memcpy(s->copy, data, n);
	s->request = *r;
	s->n = n;
	s->id = q->next_id++;
	q->busy++;
	send(q, s);
	return 0;
}

static void finish(struct blkq *q, const struct msg *m, size_t n)
{
	for (struct blkq_slot *s = q->slot; s < q->slot + BLKQ_DEPTH; s++) {
		struct blkq_request r;
		enum chan_status status = m->status;

		if (!s->id || s->id != m->id || m->type != (s->request.type | CHAN_ANSWER))
			continue;
		r = s->request;
		if (r.type == BLK_READ && status == CS_OK && n != (size_t)r.span.count * BLK_SIZE)
			status = CS_IO;
		s->id = 0;
		q->busy--;
		if (r.done)
			r.done(&r, status, q->answer, n);
		return;
	}
}

static void send_again(struct blkq *q, bool all)
{
	for (struct blkq_slot *s = q->slot; s < q->slot + BLKQ_DEPTH; s++)
		if (s->id && (all || !s->sent))
			send(q, s);
}

bool blkq_poll(struct blkq *q)
{
	struct msg m;

	switch (chan_recv(q->chan, &m, q->answer, BLKQ_BYTES)) {
	case CHAN_OK:
		finish(q, &m, m.len - sizeof(m));
		send_again(q, false);
		return true;
	case CHAN_RESTARTED:
		send_again(q, true);
		return true;
	default:
		send_again(q, false);
		return false;
	}
}

void blkq_forget(struct blkq *q, const void *owner)
{
	for (struct blkq_slot *s = q->slot; s < q->slot + BLKQ_DEPTH; s++)
		if (s->id && s->request.owner == owner)
			s->request.done = NULL;
}
