// SPDX-License-Identifier: Apache-2.0
/*
 * virtio block device over a "blk" channel (lib/blk.h): read, write, flush, discard, write zeroes, identity.
 * Source: virtio 1.2, section 5.2.
 *
 * The guest sees sectors of 512 bytes on blocks of 4096, as on a "512e" disk. A request is passed on in pieces of at most BLK_MAX_COUNT
 * blocks, one piece at a time; up to VBLK_SLOTS requests are under way at once. A write of part of a block is two pieces:
 * the block is read, and written back with the new sectors in it. No other write touches that block meanwhile, so
 * nothing that was acknowledged gets lost; a power cut may tear the whole block, as the topology tells the guest.
 * State: requests under way. They are sent again, from their first piece on that was not answered, after a restart of the peer, and
 * from their beginning after a restore.
 */
#pragma once
#include "lib/blk.h"
#include "services/vmm/virtio.h"

#define VBLK_SLOTS 32u

/* One piece on its way to the backend. */
struct vblk_piece {
	uint32_t slot;
	uint32_t count; /* blocks, 0 for a flush */
	uint64_t block;
	enum blk_type type;
	uint32_t skip,
		sectors; /* what it does for the request: sectors behind the first `skip` of its blocks */
};

enum vblk_slot_state { VBLK_FREE = 0, VBLK_WAITING, VBLK_SENT, VBLK_DROPPED };

struct vblk_slot {
	uint8_t state; /* enum vblk_slot_state; DROPPED: sent, but the guest reset the device */
	enum blk_type type;
	bool zeroes;          /* a write whose data is zeros */
	bool merged;          /* part of a block: it has been read, and is being written */
	uint64_t sector;      /* first of the request */
	uint32_t count, done; /* sectors */
	struct virtq_chain chain;
};

struct virtio_blk;

struct vblk_backend {
	/* Send a piece; for BLK_WRITE fetch the data with vblk_data(). false: no room now. */
	bool (*send)(struct vblk_backend *be, struct virtio_blk *b, const struct vblk_piece *p);
};

/* Device configuration, section 5.2.4, up to the fields for writing zeroes. */
struct vblk_config {
	uint64_t capacity; /* sectors of 512 bytes */
	uint32_t size_max, seg_max;
	uint16_t cylinders;
	uint8_t heads, sectors;
	uint32_t blk_size;
	uint8_t physical_block_exp, alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback, unused0;
	uint16_t num_queues;
	uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
	uint32_t max_zeroes_sectors, max_zeroes_seg;
	uint8_t zeroes_may_unmap, unused1[3];
	uint32_t pad; /* not the guest's */
};
_Static_assert(offsetof(struct vblk_config, pad) == 60, "virtio block configuration");

struct virtio_blk {
	struct virtio v; /* first: ops get this */
	struct vblk_backend *backend;
	struct vblk_config config;
	uint64_t blocks;
	uint32_t most; /* blocks of one piece */
	bool read_only;
	char id[20];
	unsigned waiting;        /* slots in that state */
	uint8_t block[BLK_SIZE]; /* what a merged piece writes, while it is sent */
	struct vblk_slot slot[VBLK_SLOTS];
};

void virtio_blk_init(struct virtio_blk *b, const struct blk_info *info, struct vblk_backend *be);
/* The data of a write piece, p->count * BLK_SIZE bytes, into buf. false: the request has fewer. */
bool vblk_data(const struct virtio_blk *b, const struct vblk_piece *p, void *buf);
/* The backend's answer; data (n bytes) for reads. Answers to unknown slots are ignored. */
void vblk_answer(struct virtio_blk *b, uint32_t slot, bool ok, const void *data, size_t n);
/* The backend has room again. */
void vblk_retry(struct virtio_blk *b);
/* The backend lost what was sent: send it again. */
void vblk_restart(struct virtio_blk *b);
/* The backend has something to answer yet. */
bool vblk_busy(const struct virtio_blk *b);
void virtio_blk_state(struct state *s, struct virtio_blk *b);
