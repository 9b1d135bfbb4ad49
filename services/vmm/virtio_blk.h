// SPDX-License-Identifier: Apache-2.0
/*
 * virtio block device over a "blk" channel (lib/blk.h): read, write, flush, discard, identity. Source: virtio 1.2, section 5.2.
 *
 * Blocks are 4096 bytes; a request that is not whole blocks fails with an I/O error. A request is passed on in pieces of at
 * most BLK_MAX_COUNT blocks, one piece at a time; up to VBLK_SLOTS requests are under way at once.
 * State: requests under way. They are sent again after a restart of the peer, and after a restore.
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
};

enum vblk_slot_state { VBLK_FREE = 0, VBLK_WAITING, VBLK_SENT, VBLK_DROPPED };

struct vblk_slot {
	uint8_t state; /* enum vblk_slot_state; DROPPED: sent, but the guest reset the device */
	enum blk_type type;
	uint64_t block;       /* first of the request */
	uint32_t count, done; /* blocks */
	struct virtq_chain chain;
};

struct virtio_blk;

struct vblk_backend {
	/* Send a piece; for BLK_WRITE fetch the data with vblk_data(). false: no room now. */
	bool (*send)(struct vblk_backend *be, struct virtio_blk *b, const struct vblk_piece *p);
};

/* Device configuration, section 5.2.4, up to the discard fields. */
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
};
_Static_assert(sizeof(struct vblk_config) == 48, "virtio block configuration");

struct virtio_blk {
	struct virtio v; /* first: ops get this */
	struct vblk_backend *backend;
	struct vblk_config config;
	uint64_t blocks;
	uint32_t most; /* blocks of one piece */
	bool read_only;
	char id[20];
	unsigned waiting; /* slots in that state */
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
void virtio_blk_state(struct state *s, struct virtio_blk *b);
