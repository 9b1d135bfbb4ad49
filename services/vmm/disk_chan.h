// SPDX-License-Identifier: Apache-2.0
/* The backend of the guest's disk: a "blk" channel. Answers come in by disk_chan_service(). */
#pragma once
#include "lib/chan.h"
#include "services/vmm/virtio_blk.h"

struct disk_chan {
	struct vblk_backend backend; /* first */
	struct chan *chan;
	uint32_t volume;
	uint8_t buf[sizeof(struct blk_span) + BLK_MAX_COUNT * BLK_SIZE];
};

/* Ask about `volume`; false: the peer does not give it. */
bool disk_chan_open(struct disk_chan *d, struct chan *c, uint32_t volume, struct blk_info *info);
/* Take answers, send what waits. Ends the component when the channel is gone for good. */
void disk_chan_service(struct disk_chan *d, struct virtio_blk *b);
/* Read whole blocks while no guest runs; false: failed. count may be any number. */
bool disk_chan_read(struct chan *c, uint32_t volume, uint64_t block, uint64_t count, void *out);
