// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/disk_chan.h"
#include <string.h>
#include "lib/component.h"

/* Blocks of one message on this channel. */
static uint32_t most_blocks(const struct chan *c)
{
	size_t fit = (chan_max(c) - sizeof(struct blk_span)) / BLK_SIZE;

	return fit < BLK_MAX_COUNT ? (uint32_t)fit : BLK_MAX_COUNT;
}

static bool send(struct vblk_backend *be, struct virtio_blk *b, const struct vblk_piece *p)
{
	struct disk_chan *d = (struct disk_chan *)be;
	struct blk_span span = { .volume = d->volume, .count = p->count };
	struct msg m = { .type = (uint16_t)p->type, .id = p->slot, .arg = p->block };
	size_t n = p->type == BLK_WRITE ? (size_t)p->count * BLK_SIZE : 0;

	if (n != 0 && !vblk_data(b, p, d->buf))
		n = 0; /* answered with an error: the server wants the data */
	return chan_send2(d->chan, &m, &span, sizeof(span), d->buf, n) == CHAN_OK;
}

bool disk_chan_open(struct disk_chan *d, struct chan *c, uint32_t volume, struct blk_info *info)
{
	struct blk_span span = { .volume = volume };
	size_t n;

	d->backend.send = send;
	d->chan = c;
	d->volume = volume;
	if (chan_call(c, BLK_INFO, 0, &span, sizeof(span), info, sizeof(*info), &n) != CS_OK ||
	    n != sizeof(*info))
		return false;
	if (info->max_count > most_blocks(c))
		info->max_count = most_blocks(c);
	return info->max_count != 0;
}

void disk_chan_service(struct disk_chan *d, struct virtio_blk *b)
{
	enum chan_result r;
	struct msg m;

	do {
		r = chan_recv(d->chan, &m, d->buf, sizeof(d->buf));
		if (r == CHAN_OK && (m.type & CHAN_ANSWER))
			vblk_answer(b, (uint32_t)m.id, m.status == CS_OK, d->buf,
				    m.len - sizeof(m));
		if (r == CHAN_RESTARTED)
			vblk_restart(b);
	} while (r == CHAN_OK || r == CHAN_RESTARTED);
	if (r != CHAN_EMPTY)
		die("ended: 2 the disk's vault is gone");
	vblk_retry(b);
}

bool disk_chan_read(struct chan *c, uint32_t volume, uint64_t block, uint64_t count, void *out)
{
	uint8_t *to = out;
	size_t n;

	while (count != 0) {
		uint32_t most = most_blocks(c), part = count < most ? (uint32_t)count : most;
		struct blk_span span = { .volume = volume, .count = part };

		if (part == 0 ||
		    chan_call(c, BLK_READ, block, &span, sizeof(span), to, (size_t)part * BLK_SIZE,
			      &n) != CS_OK ||
		    n != (size_t)part * BLK_SIZE)
			return false;
		to += n;
		block += part;
		count -= part;
	}
	return true;
}
