// SPDX-License-Identifier: Apache-2.0
/*
 * Block channel (proto "blk"): driver <- disk, disk <- vault, vault <- vmm. Blocks are 4096 bytes everywhere.
 *
 *   request            arg            payload                      answer payload
 *   BLK_INFO           0              -                            struct blk_info
 *   BLK_READ           first block    struct blk_span              count * 4096 bytes
 *   BLK_WRITE          first block    struct blk_span, data        -
 *   BLK_FLUSH          0              struct blk_span (count 0)    -   (everything answered before is on the medium)
 *   BLK_DISCARD        first block    struct blk_span              -   (content undefined or zero afterwards)
 *
 * A write is acknowledged when it will survive a crash of the component that acknowledged it; it survives a power cut only
 * after a BLK_FLUSH that was sent later has been answered. Several requests may be under way; answers may come in any order.
 * `volume` names an extent at the disk service (0: the whole device at a driver or the only volume of a vmm).
 */
#pragma once
#include <stdint.h>

#define BLK_SIZE      4096u
#define BLK_MAX_COUNT 32u /* blocks per request */

enum blk_type { BLK_INFO = 1, BLK_READ = 2, BLK_WRITE = 3, BLK_FLUSH = 4, BLK_DISCARD = 5 };

struct blk_span {
	uint32_t volume;
	uint32_t count; /* 1..BLK_MAX_COUNT */
};

struct blk_info {
	uint64_t blocks; /* capacity in 4096-byte blocks */
	uint32_t max_count;
	uint32_t read_only;
	uint8_t id[16]; /* device or volume UUID */
};
