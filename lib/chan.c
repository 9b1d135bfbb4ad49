// SPDX-License-Identifier: Apache-2.0
/* One end of each channel: rings, epochs, wake-ups. The shared memory is hostile; private copies are the truth. */
#include "lib/chan.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "lib/chan_queue.h"
#include "lib/component.h"
#include "lib/runtime.h"

struct chan {
	struct start_chan info; /* private copy */
	const struct start_chan *live;
	struct chan_mem *mem;
	uint8_t *data[2];
	uint32_t ring_size;
	uint32_t epoch;
	uint32_t head; /* of the ring we produce into */
	uint32_t tail; /* of the ring we consume */
	uint32_t seen; /* the peer's head at the last look */
	uint64_t next_id;
	uint64_t noted; /* epoch chan_arm() has told; UINT64_MAX: that it is closed */
	void *user;
	struct queue in;  /* came while chan_call() waited for its answer */
	struct queue out; /* answers without room */
	bool used, broken, tell_restart;
	bool ended;  /* chan_drain() saw it closed: nothing behind `seen` is read */
	bool missed; /* news came while chan_call() waited: the next component_wait() tells */
};

static struct chan chans[START_MAX_CHAN];
static bool calling;    /* chan_call() waits, not the component's own loop */
static bool missed_new; /* a channel was added meanwhile */

uint32_t chan_ring_size(uint64_t size)
{
	uint32_t ring = 4096;

	if (size < CHAN_HEADER + 2u * ring)
		return 0;
	while (ring < CHAN_MAX_RING && CHAN_HEADER + 4ull * ring <= size)
		ring *= 2;
	return ring;
}

static unsigned out_ring(const struct chan *c)
{
	return c->info.side ? 1 : 0;
}

static struct chan_ring *producer(struct chan *c)
{
	return &c->mem->ring[out_ring(c)];
}

static struct chan_ring *consumer(struct chan *c)
{
	return &c->mem->ring[1 - out_ring(c)];
}

static void enter_epoch(struct chan *c, uint32_t epoch)
{
	struct chan_ring *p = producer(c), *q = consumer(c);

	queue_clear(&c->in);
	queue_clear(&c->out);
	c->epoch = epoch;
	c->head = c->tail = c->seen = 0;
	c->broken = false;
	atomic_store(&p->head, 0);
	atomic_store(&q->tail, 0);
	atomic_store(&p->head_epoch, epoch);
	atomic_store(&q->tail_epoch, epoch);
}

static void take_slot(struct chan *c, const struct start_chan *live)
{
	*c = (struct chan){ .live = live, .next_id = 1 };
	memcpy(&c->info, live, sizeof(c->info));
	c->ring_size = chan_ring_size(c->info.size);
	c->mem = (struct chan_mem *)(uintptr_t)c->info.va;
	c->data[0] = (uint8_t *)c->mem + CHAN_HEADER;
	c->data[1] = c->data[0] + c->ring_size;
	c->used = true;
	enter_epoch(c, atomic_load(&live->epoch));
	c->noted = c->epoch;
}

/* Look for new channels. True if there is one. One that was closed before it was ever seen is one, too: root waits for the acknowledgement.
 * The serial is read first: root makes a slot empty before it gives it the next. */
static bool look(void)
{
	const struct start_info *info = start_info();
	uint32_t count = atomic_load(&info->chan_count);
	bool found = false;

	for (uint32_t i = 0; i < count && i < START_MAX_CHAN; i++) {
		const struct start_chan *live = &info->chan[i];
		uint32_t serial = *(const volatile uint32_t *)&live->serial;

		atomic_thread_fence(memory_order_acquire);
		if (chans[i].used || atomic_load(&live->state) == START_CHAN_EMPTY ||
		    (chans[i].live && chans[i].info.serial == serial))
			continue;
		take_slot(&chans[i], live);
		found = true;
	}
	return found;
}

static bool is_closed(const struct chan *c)
{
	return atomic_load(&c->live->state) != START_CHAN_OPEN || c->live->serial != c->info.serial;
}

/* The owner has been told: promise root not to touch the memory again, so that the slot can be used anew. */
static void let_go(struct chan *c)
{
	queue_clear(&c->in);
	queue_clear(&c->out);
	c->used = false;
	c->user = NULL;
	atomic_store(&c->mem->closed[out_ring(c)], c->info.serial);
}

/* CHAN_OK if the rings may be used. */
static enum chan_result check(struct chan *c)
{
	uint32_t epoch;

	if (!c->used)
		return CHAN_CLOSED;
	epoch = atomic_load(&c->live->epoch);
	if (epoch != c->epoch) {
		enter_epoch(c, epoch);
		c->tell_restart = true;
	}
	if (is_closed(c))
		return CHAN_CLOSED;
	if (c->tell_restart)
		return CHAN_RESTARTED;
	return c->broken ? CHAN_BROKEN : CHAN_OK;
}

static enum chan_result told(struct chan *c, enum chan_result r)
{
	if (r == CHAN_RESTARTED)
		c->tell_restart = false;
	return r;
}

static enum chan_result break_it(struct chan *c)
{
	if (atomic_load(&c->live->epoch) != c->epoch)
		return told(c, check(c)); /* what looked broken was the restarted peer's writing */
	c->broken = true;
	return CHAN_BROKEN;
}

static void copy_in(struct chan *c, uint32_t pos, const void *src, size_t n)
{
	uint8_t *data = c->data[out_ring(c)];
	uint32_t at = pos & (c->ring_size - 1);
	size_t first = c->ring_size - at < n ? c->ring_size - at : n;

	if (!n)
		return;
	memcpy(data + at, src, first);
	memcpy(data, (const uint8_t *)src + first, n - first);
}

static void copy_out(struct chan *c, uint32_t pos, void *dst, size_t n)
{
	const uint8_t *data = c->data[1 - out_ring(c)];
	uint32_t at = pos & (c->ring_size - 1);
	size_t first = c->ring_size - at < n ? c->ring_size - at : n;

	if (!n)
		return;
	memcpy(dst, data + at, first);
	memcpy((uint8_t *)dst + first, data, n - first);
}

static uint32_t padded(uint32_t len)
{
	return (len + 7) & ~7u;
}

/* Room in bytes, or UINT32_MAX if the peer's numbers make no sense. */
static uint32_t room(struct chan *c)
{
	struct chan_ring *p = producer(c);
	uint32_t tail = atomic_load(&p->tail_epoch) == c->epoch ? atomic_load(&p->tail) : 0;
	uint32_t used = c->head - tail;

	return used > c->ring_size ? UINT32_MAX : c->ring_size - used;
}

static enum chan_result find_room(struct chan *c, uint32_t need)
{
	uint32_t free_bytes = room(c);

	if (free_bytes < need) {
		atomic_store(&producer(c)->starving, 1);
		free_bytes = room(c);
	}
	if (free_bytes == UINT32_MAX)
		return break_it(c);
	return free_bytes < need ? CHAN_FULL : CHAN_OK;
}

static enum chan_result put(struct chan *c, const struct msg *m, const void *a, size_t na,
			    const void *b, size_t nb)
{
	uint32_t need = padded(m->len);
	enum chan_result r = find_room(c, need);

	if (r != CHAN_OK)
		return r;
	copy_in(c, c->head, m, sizeof(*m));
	copy_in(c, c->head + (uint32_t)sizeof(*m), a, na);
	copy_in(c, c->head + (uint32_t)(sizeof(*m) + na), b, nb);
	c->head += need;
	atomic_store(&producer(c)->head, c->head);
	if (atomic_exchange(&producer(c)->sleeping, 0))
		runtime_up(c->info.peer_wake);
	return CHAN_OK;
}

static enum chan_result flush(struct chan *c)
{
	while (c->out.first) {
		struct kept *k = c->out.first;
		enum chan_result r = put(c, &k->m, k->payload, k->m.len - sizeof(k->m), NULL, 0);

		if (r != CHAN_OK)
			return r;
		queue_drop(&c->out);
	}
	return CHAN_OK;
}

enum chan_result chan_send2(struct chan *c, struct msg *m, const void *a, size_t na, const void *b,
			    size_t nb)
{
	enum chan_result r = check(c);

	if (r == CHAN_OK && (na > chan_max(c) || nb > chan_max(c) - na))
		return CHAN_FULL;
	if (r == CHAN_OK)
		r = flush(c);
	if (r != CHAN_OK)
		return told(c, r);
	m->len = (uint32_t)(sizeof(*m) + na + nb);
	return put(c, m, a, na, b, nb);
}

enum chan_result chan_send(struct chan *c, struct msg *m, const void *payload, size_t n)
{
	return chan_send2(c, m, payload, n, NULL, 0);
}

/* The next message of the ring. */
static enum chan_result take(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	struct chan_ring *q = consumer(c);
	uint32_t avail;

	if (atomic_load(&q->head_epoch) != c->epoch)
		return CHAN_EMPTY;
	if (!c->ended)
		c->seen = atomic_load(&q->head);
	avail = c->seen - c->tail;
	if (!avail)
		return CHAN_EMPTY;
	if (avail > c->ring_size || avail < sizeof(*m))
		return break_it(c);
	copy_out(c, c->tail, m, sizeof(*m));
	if (m->len < sizeof(*m) || m->len - sizeof(*m) > chan_max(c) || padded(m->len) > avail ||
	    m->len - sizeof(*m) > cap)
		return break_it(c);
	copy_out(c, c->tail + (uint32_t)sizeof(*m), buf, m->len - sizeof(*m));
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load(&c->live->epoch) != c->epoch)
		return told(c, check(c));
	c->tail += padded(m->len);
	atomic_store(&q->tail, c->tail);
	if (!c->ended && atomic_exchange(&q->starving, 0))
		runtime_up(c->info.peer_wake);
	return CHAN_OK;
}

static enum chan_result take_kept(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	struct kept *k = c->in.first;

	*m = k->m;
	if (m->len - sizeof(*m) > cap)
		return break_it(c);
	if (m->len > sizeof(*m))
		memcpy(buf, k->payload, m->len - sizeof(*m));
	queue_drop(&c->in);
	return CHAN_OK;
}

/* CHAN_OK if a message may be taken and all answers are out. */
static enum chan_result may_take(struct chan *c)
{
	enum chan_result r = check(c);

	if (r != CHAN_OK)
		return told(c, r);
	r = flush(c);
	return r == CHAN_FULL ? CHAN_EMPTY : r;
}

enum chan_result chan_look(struct chan *c)
{
	enum chan_result r = may_take(c);

	if (r == CHAN_CLOSED && c->used)
		let_go(c);
	return r;
}

static enum chan_result take_next(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	return c->in.first ? take_kept(c, m, buf, cap) : take(c, m, buf, cap);
}

enum chan_result chan_recv(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	enum chan_result r = chan_look(c);

	return r == CHAN_OK ? take_next(c, m, buf, cap) : r;
}

/* What is left in a closed channel, up to where its peer had come when that was seen: it may still be writing. */
static enum chan_result take_left(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	if (c->tell_restart)
		return told(c, CHAN_RESTARTED);
	if (!c->ended) {
		c->seen = atomic_load(&consumer(c)->head);
		c->ended = true;
	}
	if (!c->broken && take_next(c, m, buf, cap) == CHAN_OK)
		return CHAN_OK;
	let_go(c);
	return CHAN_CLOSED;
}

enum chan_result chan_drain(struct chan *c, struct msg *m, void *buf, size_t cap)
{
	enum chan_result r = may_take(c);

	if (r == CHAN_CLOSED && c->used)
		return take_left(c, m, buf, cap);
	return r == CHAN_OK ? take_next(c, m, buf, cap) : r;
}

/* Waits for the answer with `id`; CHAN_OK when it is in *m and out. */
static enum chan_result await(struct chan *c, uint16_t type, uint64_t id, struct msg *m,
			      uint8_t *buf)
{
	for (;;) {
		enum chan_result r = check(c);

		if (r == CHAN_OK)
			r = take(c, m, buf, chan_max(c));
		if (r == CHAN_EMPTY) {
			component_wait(0);
			continue;
		}
		if (r != CHAN_OK)
			return told(c, r);
		if (m->id == id && m->type == (type | CHAN_ANSWER))
			return CHAN_OK;
		if (m->type & CHAN_ANSWER && m->id < id)
			continue;
		if (!queue_put(&c->in, m, buf))
			return break_it(c);
		c->missed = true;
	}
}

static enum chan_result send_waiting(struct chan *c, struct msg *m, const void *in, size_t n)
{
	for (;;) {
		struct msg copy = *m;
		enum chan_result r = chan_send(c, &copy, in, n);

		if (r != CHAN_FULL)
			return r;
		component_wait(0);
	}
}

enum chan_status chan_call(struct chan *c, uint16_t type, uint64_t arg, const void *in, size_t n,
			   void *out, size_t cap, size_t *out_len)
{
	struct msg m = { .type = type, .id = c->next_id++, .arg = arg };
	uint8_t *buf = n <= chan_max(c) ? malloc(chan_max(c)) : NULL;
	enum chan_result r = CHAN_RESTARTED;
	enum chan_status s = CS_FAILED;
	bool restarted = false;
	struct msg a;

	if (out_len)
		*out_len = 0;
	calling = true;
	while (buf && r == CHAN_RESTARTED) {
		r = send_waiting(c, &m, in, n);
		if (r == CHAN_OK)
			r = await(c, type, m.id, &a, buf);
		restarted |= r == CHAN_RESTARTED;
	}
	calling = false;
	/* What lies behind the answer counts as seen, yet nobody was told. */
	c->missed |= c->seen != c->tail;
	if (restarted) {
		c->tell_restart = true;
		c->noted = 0;
	}
	if (buf && r == CHAN_OK && a.len - sizeof(a) <= cap) {
		if (a.len > sizeof(a))
			memcpy(out, buf, a.len - sizeof(a));
		if (out_len)
			*out_len = a.len - sizeof(a);
		s = a.status;
	}
	free(buf);
	return s;
}

void chan_answer(struct chan *c, const struct msg *q, enum chan_status s, uint64_t arg,
		 const void *payload, size_t n)
{
	struct msg m = { .type = (uint16_t)(q->type | CHAN_ANSWER),
			 .status = (uint16_t)s,
			 .id = q->id,
			 .arg = arg };

	if (check(c) != CHAN_OK)
		return; /* who asked is gone; a restart is reported by the next chan_recv() */
	if (n > chan_max(c)) {
		m.status = CS_NO_SPACE;
		n = 0;
	}
	m.len = (uint32_t)(sizeof(m) + n);
	if (flush(c) == CHAN_OK && put(c, &m, payload, n, NULL, 0) == CHAN_OK)
		return;
	if (check(c) == CHAN_OK && !queue_put(&c->out, &m, payload))
		c->broken = true;
}

/* News is told once, also to an owner who never looks at the channel. */
static bool has_news(struct chan *c)
{
	struct chan_ring *q = consumer(c);
	uint64_t mark = is_closed(c) ? UINT64_MAX : atomic_load(&c->live->epoch);
	bool changed = mark != c->noted;
	uint32_t head;

	c->noted = mark;
	if (changed || mark != c->epoch)
		return changed;
	atomic_store(&q->sleeping, 1);
	head = atomic_load(&q->head_epoch) == c->epoch ? atomic_load(&q->head) : 0;
	if (head == c->seen)
		return false;
	c->seen = head;
	return true;
}

/* What chan_call() woke up for but was not its own is news to the component's loop. */
static bool news_of(struct chan *c)
{
	bool news = has_news(c);

	if (calling) {
		c->missed |= news;
		return news;
	}
	news |= c->missed;
	c->missed = false;
	return news;
}

bool chan_arm(void)
{
	bool news = look();

	missed_new |= news;
	if (!calling) {
		news = missed_new;
		missed_new = false;
	}
	for (uint32_t i = 0; i < START_MAX_CHAN; i++)
		if (chans[i].used && news_of(&chans[i]))
			news = true;
	return !news;
}

void chan_disarm(void)
{
	for (uint32_t i = 0; i < START_MAX_CHAN; i++)
		if (chans[i].used && !is_closed(&chans[i]))
			atomic_store(&consumer(&chans[i])->sleeping, 0);
}

struct chan *chan_open(const char *peer, const char *proto)
{
	look();
	for (uint32_t i = 0; i < START_MAX_CHAN; i++)
		if (chans[i].used &&
		    (peer ? !strncmp(chans[i].info.peer, peer, START_NAME) : !chans[i].info.side) &&
		    !strncmp(chans[i].info.proto, proto, sizeof(chans[i].info.proto)))
			return &chans[i];
	return NULL;
}

struct chan *chan_next(struct chan *c)
{
	if (!c)
		look();
	for (c = c ? c + 1 : chans; c < chans + START_MAX_CHAN; c++)
		if (c->used)
			return c;
	return NULL;
}

const char *chan_peer(const struct chan *c)
{
	return c->info.peer;
}

const char *chan_instance(const struct chan *c)
{
	return c->info.instance;
}

const char *chan_proto(const struct chan *c)
{
	return c->info.proto;
}

uint64_t chan_tag(const struct chan *c)
{
	return c->info.tag;
}

bool chan_is_server(const struct chan *c)
{
	return c->info.side == 1;
}

void **chan_user(struct chan *c)
{
	return &c->user;
}

size_t chan_max(const struct chan *c)
{
	return c->ring_size / 2 - sizeof(struct msg);
}
