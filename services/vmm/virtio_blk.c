// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/virtio_blk.h"
#include <string.h>

enum {
	T_IN = 0,
	T_OUT = 1,
	T_FLUSH = 4,
	T_GET_ID = 8,
	T_DISCARD = 11,
	S_OK = 0,
	S_IOERR = 1,
	S_UNSUPP = 2,
	SECTOR = 512,
	SECTORS = BLK_SIZE / SECTOR, /* of a block */
	HEADER = 16,
	SEG_BYTES = 1 << 20,
	DISCARD_MOST = 1 << 20, /* sectors */
};

#define F_SIZE_MAX (UINT64_C(1) << 1)
#define F_SEG_MAX  (UINT64_C(1) << 2)
#define F_RO       (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH    (UINT64_C(1) << 9)
#define F_DISCARD  (UINT64_C(1) << 13)

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct discard {
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

static void send(struct virtio_blk *b, struct vblk_slot *slot)
{
	uint32_t left = slot->count - slot->done;
	struct vblk_piece p = { .slot = (uint32_t)(slot - b->slot),
				.count = left < b->most ? left : b->most,
				.block = slot->type == BLK_FLUSH ? 0 : slot->block + slot->done,
				.type = slot->type };
	bool sent = b->backend->send(b->backend, b, &p);

	set_state(b, slot, sent ? VBLK_SENT : VBLK_WAITING);
}

bool vblk_data(const struct virtio_blk *b, const struct vblk_piece *p, void *buf)
{
	const struct vblk_slot *slot = &b->slot[p->slot];

	return virtq_copy_out(&slot->chain, HEADER + slot->done * BLK_SIZE, buf,
			      p->count * BLK_SIZE);
}

/* Sectors of a request as blocks; false: not whole blocks, or outside of the disk. */
static bool set_range(const struct virtio_blk *b, struct vblk_slot *slot, uint64_t sector,
		      uint64_t sectors)
{
	uint64_t blocks = sectors / SECTORS;

	slot->block = sector / SECTORS;
	slot->count = (uint32_t)blocks;
	return sector % SECTORS == 0 && sectors % SECTORS == 0 && blocks != 0 &&
	       blocks <= b->blocks && slot->block <= b->blocks - blocks;
}

static bool start_data(struct virtio_blk *b, struct vblk_slot *slot, uint64_t sector, bool write)
{
	uint32_t bytes = write ? slot->chain.out_len - HEADER : slot->chain.in_len - 1;

	slot->type = write ? BLK_WRITE : BLK_READ;
	return bytes % SECTOR == 0 && !(write && b->read_only) &&
	       set_range(b, slot, sector, bytes / SECTOR);
}

static bool start_discard(struct virtio_blk *b, struct vblk_slot *slot)
{
	struct discard d;

	slot->type = BLK_DISCARD;
	return slot->chain.out_len == HEADER + sizeof(d) && !b->read_only &&
	       virtq_copy_out(&slot->chain, HEADER, &d, sizeof(d)) && (d.flags & ~1u) == 0 &&
	       d.sectors <= DISCARD_MOST && set_range(b, slot, d.sector, d.sectors);
}

static uint8_t give_id(struct virtio_blk *b, struct vblk_slot *slot)
{
	uint32_t room = slot->chain.in_len - 1;
	uint32_t n = room < sizeof(b->id) ? room : (uint32_t)sizeof(b->id);

	return virtq_copy_in(&slot->chain, 0, b->id, n) ? S_OK : S_IOERR;
}

static void start(struct virtio_blk *b, struct vblk_slot *slot)
{
	struct header h = { .type = UINT32_MAX };
	bool good = false;

	slot->done = slot->count = 0;
	if (slot->chain.in_len == 0 || !virtq_copy_out(&slot->chain, 0, &h, HEADER)) {
		finish(b, slot, S_IOERR);
		return;
	}
	switch (h.type) {
	case T_IN:
	case T_OUT:
		good = start_data(b, slot, h.sector, h.type == T_OUT);
		break;
	case T_FLUSH:
		slot->type = BLK_FLUSH;
		good = true;
		break;
	case T_DISCARD:
		good = start_discard(b, slot);
		break;
	case T_GET_ID:
		finish(b, slot, give_id(b, slot));
		return;
	default:
		finish(b, slot, S_UNSUPP);
		return;
	}
	if (good)
		send(b, slot);
	else
		finish(b, slot, S_IOERR);
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

/* A piece of `slot` was done: take its data, and go on or end the request. */
static void advance(struct virtio_blk *b, struct vblk_slot *slot, bool ok, const void *data,
		    size_t n)
{
	uint32_t left = slot->count - slot->done;
	uint32_t count = left < b->most ? left : b->most;

	if (ok && slot->type == BLK_READ)
		ok = n == (size_t)count * BLK_SIZE &&
		     virtq_copy_in(&slot->chain, slot->done * BLK_SIZE, data, (uint32_t)n);
	slot->done += count;
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
		if (b->slot[i].state == VBLK_SENT)
			set_state(b, &b->slot[i], VBLK_WAITING);
		if (b->slot[i].state == VBLK_DROPPED)
			b->slot[i].state = VBLK_FREE;
	}
	vblk_retry(b);
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
	uint64_t features = F_SIZE_MAX | F_SEG_MAX | F_BLK_SIZE | F_FLUSH |
			    (info->read_only ? F_RO : F_DISCARD);

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
					  .blk_size = BLK_SIZE,
					  .num_queues = 1,
					  .max_discard_sectors = DISCARD_MOST,
					  .max_discard_seg = 1,
					  .discard_sector_alignment = SECTORS };
	b->v.config = &b->config;
	b->v.config_size = sizeof(b->config);
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
