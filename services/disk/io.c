// SPDX-License-Identifier: Apache-2.0
/* The device behind the driver's channel, one request at a time: for header and store. */
#include <string.h>

#include "services/disk/state.h"

static uint8_t buffer[sizeof(struct blk_span) + BLK_MAX_COUNT * BLK_SIZE];

static int read_blocks(void *arg, uint64_t block, uint32_t count, void *data)
{
	struct disk *d = arg;
	const struct blk_span span = { 0, count };
	size_t n = 0;

	if (chan_call(d->driver, BLK_READ, block, &span, sizeof(span), data,
		      (size_t)count * BLK_SIZE, &n) != CS_OK)
		return -1;
	return n == (size_t)count * BLK_SIZE ? 0 : -1;
}

static int write_blocks(void *arg, uint64_t block, uint32_t count, const void *data)
{
	struct disk *d = arg;
	const struct blk_span span = { 0, count };

	memcpy(buffer, &span, sizeof(span));
	memcpy(buffer + sizeof(span), data, (size_t)count * BLK_SIZE);
	return chan_call(d->driver, BLK_WRITE, block, buffer,
			 sizeof(span) + (size_t)count * BLK_SIZE, NULL, 0, NULL) == CS_OK
		       ? 0
		       : -1;
}

static int flush(void *arg)
{
	struct disk *d = arg;
	const struct blk_span span = { 0, 0 };

	return chan_call(d->driver, BLK_FLUSH, 0, &span, sizeof(span), NULL, 0, NULL) == CS_OK ? 0
											       : -1;
}

int disk_io_init(struct disk *d)
{
	struct blk_info info;
	size_t n = 0;

	if (chan_call(d->driver, BLK_INFO, 0, NULL, 0, &info, sizeof(info), &n) != CS_OK ||
	    n != sizeof(info) || info.read_only || info.blocks < DISK_MIN_BLOCKS)
		return -1;
	d->device = (struct device){ .read = read_blocks,
				     .write = write_blocks,
				     .flush = flush,
				     .arg = d,
				     .blocks = info.blocks };
	d->status.blocks = info.blocks;
	return 0;
}
