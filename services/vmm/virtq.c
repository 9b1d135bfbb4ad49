// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtq.h"
#include <stdatomic.h>
#include <string.h>

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_SIZE = 16, AVAIL_NO_INTERRUPT = 1 };

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

void virtq_reset(struct virtq *q)
{
	*q = (struct virtq){ .size = VIRTQ_MAX, .vector = 0xffff };
}

static uint32_t avail_size(const struct virtq *q)
{
	return 6 + 2u * q->size;
}

static uint32_t used_size(const struct virtq *q)
{
	return 6 + 8u * q->size;
}

void virtq_enable(struct virtq *q, const struct guest_mem *gm)
{
	q->enabled = true;
	q->broken = (q->desc & 15) != 0 || (q->avail & 1) != 0 || (q->used & 3) != 0 ||
		    gm_ptr(gm, q->desc, (uint64_t)DESC_SIZE * q->size) == NULL ||
		    gm_ptr(gm, q->avail, avail_size(q)) == NULL ||
		    gm_ptr(gm, q->used, used_size(q)) == NULL;
}

/* A 16-bit word of the available (or used) ring. Checked again: a state that was loaded names places too. */
static _Atomic uint16_t *word(const struct guest_mem *gm, uint64_t ring, uint64_t at)
{
	return ((ring + at) & 1) == 0 ? gm_ptr(gm, ring + at, 2) : NULL;
}

static bool usable(const struct virtq *q)
{
	return q->enabled && !q->broken;
}

static bool read_desc(const struct guest_mem *gm, uint64_t table, uint32_t i, struct desc *d)
{
	return gm_read(gm, table + (uint64_t)i * DESC_SIZE, d, sizeof(*d));
}

static bool add_segment(struct virtq_chain *c, const struct guest_mem *gm, const struct desc *d)
{
	bool write = d->flags & DESC_WRITE;
	struct virtq_seg *seg = &c->seg[c->outs + c->ins];
	uint32_t *total = write ? &c->in_len : &c->out_len;

	if (c->outs + c->ins == VIRTQ_SEGS || (!write && c->ins != 0))
		return false;
	seg->p = gm_ptr(gm, d->addr, d->len);
	seg->len = d->len;
	if (seg->p == NULL || __builtin_add_overflow(*total, d->len, total))
		return false;
	c->outs = (uint16_t)(c->outs + !write);
	c->ins = (uint16_t)(c->ins + write);
	return true;
}

/* From the table's descriptor d on; at most `size` of them, so a loop ends. */
static bool follow(struct virtq_chain *c, const struct guest_mem *gm, uint64_t table, uint32_t size,
		   struct desc *d)
{
	for (uint32_t n = 1; !(d->flags & DESC_INDIRECT) && add_segment(c, gm, d); n++) {
		if (!(d->flags & DESC_NEXT))
			return true;
		if (n >= size || d->next >= size || !read_desc(gm, table, d->next, d))
			return false;
	}
	return false;
}

bool virtq_chain_at(const struct virtq *q, const struct guest_mem *gm, struct virtq_chain *c)
{
	uint64_t table = q->desc;
	uint32_t size = q->size;
	struct desc d;

	c->outs = c->ins = 0;
	c->out_len = c->in_len = 0;
	if (c->head >= size || !read_desc(gm, table, c->head, &d))
		return false;
	if (d.flags & DESC_INDIRECT) {
		table = d.addr;
		size = d.len / DESC_SIZE;
		if ((d.flags & DESC_NEXT) || d.len % DESC_SIZE != 0 || size == 0 ||
		    gm_ptr(gm, table, d.len) == NULL || !read_desc(gm, table, 0, &d))
			return false;
	}
	return follow(c, gm, table, size, &d);
}

/* Ask for a notification with the next request that comes. */
static void arm(struct virtq *q, const struct guest_mem *gm)
{
	_Atomic uint16_t *event = word(gm, q->used, 4 + 8u * q->size);

	if (!q->event_idx || event == NULL)
		return;
	atomic_store_explicit(event, q->next_avail, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

static bool available(struct virtq *q, const struct guest_mem *gm)
{
	_Atomic uint16_t *idx = word(gm, q->avail, 2);
	uint16_t waiting;

	if (idx == NULL)
		return false;
	waiting = (uint16_t)(atomic_load_explicit(idx, memory_order_acquire) - q->next_avail);
	if (waiting > q->size)
		q->broken = true;
	return waiting != 0 && !q->broken;
}

bool virtq_waiting(struct virtq *q, const struct guest_mem *gm)
{
	if (!usable(q))
		return false;
	if (available(q, gm))
		return true;
	arm(q, gm);
	return available(q, gm);
}

void virtq_unpop(struct virtq *q)
{
	q->next_avail--;
}

bool virtq_pop(struct virtq *q, const struct guest_mem *gm, struct virtq_chain *c)
{
	_Atomic uint16_t *entry;

	if (!virtq_waiting(q, gm))
		return false;
	entry = word(gm, q->avail, 4 + 2u * (q->next_avail % q->size));
	if (entry != NULL) {
		c->head = atomic_load_explicit(entry, memory_order_relaxed);
		q->broken = !virtq_chain_at(q, gm, c);
	} else {
		q->broken = true;
	}
	q->next_avail++;
	return !q->broken;
}

void virtq_push(struct virtq *q, const struct guest_mem *gm, uint16_t head, uint32_t len)
{
	uint32_t entry[2] = { head, len };
	_Atomic uint16_t *idx = word(gm, q->used, 2);

	if (!usable(q) || idx == NULL)
		return;
	if (!gm_write(gm, q->used + 4 + 8u * (q->next_used % q->size), entry, sizeof(entry)))
		return;
	q->next_used++;
	atomic_store_explicit(idx, q->next_used, memory_order_release);
}

bool virtq_wants_interrupt(struct virtq *q, const struct guest_mem *gm)
{
	uint16_t told = q->told_used, fresh = (uint16_t)(q->next_used - told), event;
	_Atomic uint16_t *flags = word(gm, q->avail, 0);
	_Atomic uint16_t *want = word(gm, q->avail, 4 + 2u * q->size);

	if (!usable(q) || fresh == 0 || flags == NULL || want == NULL)
		return false;
	q->told_used = q->next_used;
	atomic_thread_fence(memory_order_seq_cst);
	if (!q->event_idx)
		return !(atomic_load_explicit(flags, memory_order_relaxed) & AVAIL_NO_INTERRUPT);
	event = atomic_load_explicit(want, memory_order_relaxed);
	return (uint16_t)(q->next_used - event - 1) < fresh;
}

/* Where byte `at` of a run of segments lies. */
static uint32_t seek(const struct virtq_seg *seg, uint32_t count, uint32_t *at)
{
	uint32_t i = 0;

	while (i < count && *at >= seg[i].len)
		*at -= seg[i++].len;
	return i;
}

bool virtq_copy_out(const struct virtq_chain *c, uint32_t at, void *buf, uint32_t n)
{
	uint8_t *to = buf;

	if (n > c->out_len || at > c->out_len - n)
		return false;
	for (uint32_t i = seek(c->seg, c->outs, &at); n != 0; i++, at = 0) {
		uint32_t part = c->seg[i].len - at < n ? c->seg[i].len - at : n;

		memcpy(to, c->seg[i].p + at, part);
		to += part;
		n -= part;
	}
	return true;
}

bool virtq_copy_in(const struct virtq_chain *c, uint32_t at, const void *buf, uint32_t n)
{
	const struct virtq_seg *seg = c->seg + c->outs;
	const uint8_t *from = buf;

	if (n > c->in_len || at > c->in_len - n)
		return false;
	for (uint32_t i = seek(seg, c->ins, &at); n != 0; i++, at = 0) {
		uint32_t part = seg[i].len - at < n ? seg[i].len - at : n;

		memcpy(seg[i].p + at, from, part);
		from += part;
		n -= part;
	}
	return true;
}

void virtq_state(struct state *s, struct virtq *q)
{
	state_u16(s, &q->size);
	state_u16(s, &q->vector);
	state_bool(s, &q->enabled);
	state_bool(s, &q->broken);
	state_bool(s, &q->event_idx);
	state_u64(s, &q->desc);
	state_u64(s, &q->avail);
	state_u64(s, &q->used);
	state_u16(s, &q->next_avail);
	state_u16(s, &q->next_used);
	state_u16(s, &q->told_used);
	state_check(s, q->size != 0 && q->size <= VIRTQ_MAX && (q->size & (q->size - 1)) == 0);
}
