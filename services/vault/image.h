// SPDX-License-Identifier: Apache-2.0
/* Block 0 of an image's volume: how far the image has arrived. In XTS like the rest; a changed one only makes the TOM send more. */
#pragma once
#include <stdint.h>

#include "lib/blk.h"
#include "services/vault/vault.h"

#define IMAGE_MAGIC   0x4547414d49424452ull /* "RDBIMAGE" */
#define IMAGE_VERSION 1u

struct image_head {
	uint64_t magic;
	uint32_t version;
	uint32_t next; /* chunks before this one are on the medium */
	struct image_name name;
	uint8_t zero[BLK_SIZE - 56];
};
_Static_assert(sizeof(struct image_head) == BLK_SIZE, "image_head");
