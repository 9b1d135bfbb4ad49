// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtio_blk.h"
#include <string.h>

enum {
	T_IN = 0,
	T_OUT = 1,
	T_FLUSH = 4,
	T_GET_ID = 8,
	T_DISCARD = 11,
	T_WRITE_ZEROES = 13,
	S_OK = 0,
	S_IOERR = 1,
	S_UNSUPP = 2,
	SECTOR = 512,
	SECTORS = BLK_SIZE / SECTOR, /* of a block */
	HEADER = 16,
	SEG_BYTES = 1 << 20,
	RANGE_MOST = 1 << 20, /* sectors */
};

#define F_SIZE_MAX (UINT64_C(1) << 1)
#define F_SEG_MAX  (UINT64_C(1) << 2)
#define F_RO       (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH    (UINT64_C(1) << 9)
#define F_TOPOLOGY (UINT64_C(1) << 10)
#define F_DISCARD  (UINT64_C(1) << 13)
#define F_ZEROES   (UINT64_C(1) << 14)

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

/* Of a discard or a write of zeroes; flag 0: unmap. */
struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};

static void set_state(struct virtio_blk *b, struct vblk_slot *slot, enum vblk_slot_state to)
{
	b->waiting += (to == VBLK_WAITING) - (unsigned)(slot->state == VBLK_WAITING);
	slot->state = (uint8_t)to;
}

/* Give a request back to the guest. */
static void finish(struct virtio_blk *b, struct vblk_slot *slot, uint8_t status)
{
	const struct virtq_chain *c = &slot->chain;
	uint32_t written = c->in_len;

	if (c->in_len != 0)
		virtq_copy_in(c, c->in_len - 1, &status, 1);
	virtq_push(&b->v.queue[0], b->v.gm, c->head, written);
	set_state(b, slot, VBLK_FREE);
}

static bool writes(const struct vblk_slot *slot)
{
	return slot->type == BLK_WRITE || slot->type == BLK_DISCARD;
}

static uint32_t at_most(uint32_t n, uint32_t most)
{
	return n < most ? n : most;
}

/* The next piece of a request. */
static struct vblk_piece next_piece(const struct virtio_blk *b, const struct vblk_slot *slot)
{
	uint64_t at = slot->sector + slot->done;
	uint32_t left = slot->count - slot->done, skip = (uint32_t)(at % SECTORS);
	struct vblk_piece p = { .slot = (uint32_t)(slot - b->slot), .type = slot->type };

	if (slot->type == BLK_FLUSH)
		return p;
	p.block = at / SECTORS;
	p.skip = skip;
	if (slot->type == BLK_READ) {
		p.sectors = at_most(left, b->most * SECTORS - skip);
	} else if (skip == 0 && left >= SECTORS) {
		p.sectors = at_most(left / SECTORS, b->most) * SECTORS;
	} else {
		p.sectors = at_most(left, SECTORS - skip);
		p.type = slot->merged ? BLK_WRITE : BLK_READ;
	}
	p.count = (skip + p.sectors + SECTORS - 1) / SECTORS;
	return p;
}

static bool is_part(const struct vblk_piece *p)
{
	return p->sectors < p->count * SECTORS;
}

/* Would this piece and one that is under way spoil each other's block? */
static bool must_wait(const struct virtio_blk *b, const struct vblk_slot *slot,
		      const struct vblk_piece *p)
{
	if (!writes(slot))
		return false;
	for (unsigned i = 0; i < VBLK_SLOTS; i++) {
		const struct vblk_slot *other = &b->slot[i];
		struct vblk_piece o;

		if (other == slot || !writes(other) ||
		    (other->state != VBLK_SENT && other->state != VBLK_DROPPED))
			continue;
		o = next_piece(b, other);
		if ((is_part(p) || is_part(&o)) && p->block < o.block + o.count &&
		    o.block < p->block + p->count)
			return true;
	}
	return false;
}

static void send(struct virtio_blk *b, struct vblk_slot *slot)
{
	struct vblk_piece p = next_piece(b, slot);
	bool sent = !must_wait(b, slot, &p) && b->backend->send(b->backend, b, &p);

	if (!sent)
		slot->merged = false; /* b->block is not kept: read again */
	set_state(b, slot, sent ? VBLK_SENT : VBLK_WAITING);
}

/* The request's own bytes of a piece that writes. */
static bool guest_data(const struct vblk_slot *slot, const struct vblk_piece *p, uint8_t *buf)
{
	if (!slot->zeroes)
		return virtq_copy_out(&slot->chain, HEADER + slot->done * SECTOR, buf,
				      p->sectors * SECTOR);
	memset(buf, 0, (size_t)p->sectors * SECTOR);
	return true;
}

bool vblk_data(const struct virtio_blk *b, const struct vblk_piece *p, void *buf)
{
	const struct vblk_slot *slot = &b->slot[p->slot];

	if (!slot->merged)
		return guest_data(slot, p, buf);
	memcpy(buf, b->block, BLK_SIZE);
	return true;
}

static bool set_range(const struct virtio_blk *b, struct vblk_slot *slot, uint64_t sector,
		      uint64_t sectors)
{
	uint64_t capacity = b->blocks * SECTORS;

	slot->sector = sector;
	slot->count = (uint32_t)sectors;
	return sectors != 0 && sectors <= capacity && sector <= capacity - sectors;
}

static bool start_data(struct virtio_blk *b, struct vblk_slot *slot, uint64_t sector, bool write)
{
	uint32_t bytes = write ? slot->chain.out_len - HEADER : slot->chain.in_len - 1;

	slot->type = write ? BLK_WRITE : BLK_READ;
	return bytes % SECTOR == 0 && !(write && b->read_only) &&
	       set_range(b, slot, sector, bytes / SECTOR);
}

/* Discard or write zeroes: one range. */
static bool start_range(struct virtio_blk *b, struct vblk_slot *slot)
{
	struct range r;

	return slot->chain.out_len == HEADER + sizeof(r) && !b->read_only &&
	       virtq_copy_out(&slot->chain, HEADER, &r, sizeof(r)) && (r.flags & ~1u) == 0 &&
	       r.sectors <= RANGE_MOST && set_range(b, slot, r.sector, r.sectors);
}

/* Only whole blocks can be discarded; what is left at the ends keeps its content. */
static bool start_discard(struct virtio_blk *b, struct vblk_slot *slot)
{
	uint64_t first, end;

	slot->type = BLK_DISCARD;
	if (!start_range(b, slot))
		return false;
	first = (slot->sector + SECTORS - 1) / SECTORS * SECTORS;
	end = (slot->sector + slot->count) / SECTORS * SECTORS;
	slot->sector = first;
	slot->count = end > first ? (uint32_t)(end - first) : 0;
	return true;
}

static bool start_zeroes(struct virtio_blk *b, struct vblk_slot *slot)
{
	slot->type = BLK_WRITE;
	slot->zeroes = true;
	return start_range(b, slot);
}

static uint8_t give_id(struct virtio_blk *b, struct vblk_slot *slot)
{
	uint32_t room = slot->chain.in_len - 1;
	uint32_t n = room < sizeof(b->id) ? room : (uint32_t)sizeof(b->id);

	return virtq_copy_in(&slot->chain, 0, b->id, n) ? S_OK : S_IOERR;
}

/* What a request asks for; S_OK with slot->count 0: nothing is left to do, unless it is a flush. */
static uint8_t decode(struct virtio_blk *b, struct vblk_slot *slot, const struct header *h)
{
	bool good;

	switch (h->type) {
	case T_IN:
	case T_OUT:
		good = start_data(b, slot, h->sector, h->type == T_OUT);
		break;
	case T_FLUSH:
		slot->type = BLK_FLUSH;
		return S_OK;
	case T_GET_ID:
		return give_id(b, slot);
	case T_DISCARD:
		good = start_discard(b, slot);
		break;
	case T_WRITE_ZEROES:
		good = start_zeroes(b, slot);
		break;
	default:
		return S_UNSUPP;
	}
	return good ? S_OK : S_IOERR;
}

static void start(struct virtio_blk *b, struct vblk_slot *slot)
{
	uint8_t status = S_IOERR;
	struct header h;

	slot->type = BLK_READ;
	slot->done = slot->count = 0;
	slot->zeroes = slot->merged = false;
	if (slot->chain.in_len != 0 && virtq_copy_out(&slot->chain, 0, &h, HEADER))
		status = decode(b, slot, &h);
	if (status == S_OK && (slot->count != 0 || slot->type == BLK_FLUSH))
		send(b, slot);
	else
		finish(b, slot, status);
}

static struct vblk_slot *free_slot(struct virtio_blk *b)
{
	for (unsigned i = 0; i < VBLK_SLOTS; i++)
		if (b->slot[i].state == VBLK_FREE)
			return &b->slot[i];
	return NULL;
}

static void serve(struct virtio *v, unsigned q)
{
	struct virtio_blk *b = (struct virtio_blk *)v;
	struct vblk_slot *slot;

	while ((slot = free_slot(b)) != NULL && virtq_pop(&v->queue[q], v->gm, &slot->chain))
		start(b, slot);
	virtio_interrupt(v, q);
}

static void forget(struct virtio *v)
{
	struct virtio_blk *b = (struct virtio_blk *)v;

	for (unsigned i = 0; i < VBLK_SLOTS; i++) {
		uint8_t state = b->slot[i].state;

		b->slot[i].state =
			state == VBLK_SENT || state == VBLK_DROPPED ? VBLK_DROPPED : VBLK_FREE;
	}
	b->waiting = 0;
}

/* The block of which a piece writes a part has been read: put that part in, and write it back. */
static bool merge(struct virtio_blk *b, struct vblk_slot *slot, const struct vblk_piece *p,
		  const void *data)
{
	memcpy(b->block, data, BLK_SIZE);
	slot->merged = true;
	return guest_data(slot, p, b->block + p->skip * SECTOR);
}

/* The piece of `slot` that was sent is done: take its data, and go on or end the request. */
static void advance(struct virtio_blk *b, struct vblk_slot *slot, bool ok, const void *data,
		    size_t n)
{
	struct vblk_piece p = next_piece(b, slot);

	if (p.type == BLK_READ && ok)
		ok = n == (size_t)p.count * BLK_SIZE;
	if (ok && p.type == BLK_READ && slot->type == BLK_WRITE) {
		ok = merge(b, slot, &p, data);
	} else {
		if (ok && p.type == BLK_READ)
			ok = virtq_copy_in(&slot->chain, slot->done * SECTOR,
					   (const uint8_t *)data + p.skip * SECTOR,
					   p.sectors * SECTOR);
		slot->merged = false;
		slot->done += p.sectors;
	}
	if (ok && slot->done < slot->count)
		send(b, slot);
	else
		finish(b, slot, ok ? S_OK : S_IOERR);
}

void vblk_answer(struct virtio_blk *b, uint32_t slot, bool ok, const void *data, size_t n)
{
	struct vblk_slot *s = slot < VBLK_SLOTS ? &b->slot[slot] : NULL;

	if (s == NULL || (s->state != VBLK_SENT && s->state != VBLK_DROPPED))
		return;
	if (s->state == VBLK_DROPPED)
		s->state = VBLK_FREE;
	else
		advance(b, s, ok, data, n);
	vblk_retry(b); /* who waited for this block */
	if (virtio_live(&b->v))
		serve(&b->v, 0); /* slots are free again */
}

void vblk_retry(struct virtio_blk *b)
{
	for (unsigned i = 0; i < VBLK_SLOTS && b->waiting != 0; i++)
		if (b->slot[i].state == VBLK_WAITING)
			send(b, &b->slot[i]);
}

void vblk_restart(struct virtio_blk *b)
{
	for (unsigned i = 0; i < VBLK_SLOTS; i++) {
		b->slot[i].merged = false;
		if (b->slot[i].state == VBLK_SENT)
			set_state(b, &b->slot[i], VBLK_WAITING);
		if (b->slot[i].state == VBLK_DROPPED)
			b->slot[i].state = VBLK_FREE;
	}
	vblk_retry(b);
}

bool vblk_busy(const struct virtio_blk *b)
{
	for (unsigned i = 0; i < VBLK_SLOTS; i++)
		if (b->slot[i].state == VBLK_SENT || b->slot[i].state == VBLK_DROPPED)
			return true;
	return b->waiting != 0;
}

static void set_id(struct virtio_blk *b, const uint8_t uuid[16])
{
	static const char hex[] = "0123456789abcdef";

	for (unsigned i = 0; i < 10; i++) {
		b->id[2 * i] = hex[uuid[i] >> 4];
		b->id[2 * i + 1] = hex[uuid[i] & 15];
	}
}

void virtio_blk_init(struct virtio_blk *b, const struct blk_info *info, struct vblk_backend *be)
{
	static const struct virtio_ops ops = { .notify = serve, .reset = forget };
	uint64_t features = F_SIZE_MAX | F_SEG_MAX | F_BLK_SIZE | F_FLUSH | F_TOPOLOGY |
			    (info->read_only ? F_RO : F_DISCARD | F_ZEROES);

	memset(b, 0, sizeof(*b));
	virtio_init(&b->v, VIRTIO_BLOCK, 0x018000, 1, features, &ops);
	b->backend = be;
	b->blocks = info->blocks;
	b->most = info->max_count < BLK_MAX_COUNT ? info->max_count : BLK_MAX_COUNT;
	b->read_only = info->read_only != 0;
	set_id(b, info->id);
	b->config = (struct vblk_config){ .capacity = info->blocks * SECTORS,
					  .size_max = SEG_BYTES,
					  .seg_max = VIRTQ_SEGS - 2,
					  .blk_size = SECTOR,
					  .physical_block_exp = 3,
					  .min_io_size = SECTORS,
					  .num_queues = 1,
					  .max_discard_sectors = RANGE_MOST,
					  .max_discard_seg = 1,
					  .discard_sector_alignment = SECTORS,
					  .max_zeroes_sectors = RANGE_MOST,
					  .max_zeroes_seg = 1 };
	b->v.config = &b->config;
	b->v.config_size = offsetof(struct vblk_config, pad);
}

/* Requests under way are saved as their heads, and started anew. */
static void slot_state(struct state *s, struct virtio_blk *b, struct vblk_slot *slot)
{
	bool busy = slot->state == VBLK_WAITING || slot->state == VBLK_SENT;

	state_bool(s, &busy);
	state_u16(s, &slot->chain.head);
	if (!s->loading)
		return;
	slot->state = VBLK_FREE;
	if (!busy || s->bad)
		return;
	if (virtq_chain_at(&b->v.queue[0], b->v.gm, &slot->chain))
		start(b, slot);
	else
		b->v.queue[0].broken = true;
}

void virtio_blk_state(struct state *s, struct virtio_blk *b)
{
	virtio_state(s, &b->v);
	if (s->loading)
		b->waiting = 0;
	for (unsigned i = 0; i < VBLK_SLOTS; i++)
		slot_state(s, b, &b->slot[i]);
}
