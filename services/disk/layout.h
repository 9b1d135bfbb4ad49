// SPDX-License-Identifier: Apache-2.0
/*
 * Format of the data disk, version 1; docs/formats.md, section 9. Blocks of 4096 bytes, little-endian.
 *
 *   block 0      header, copy A        block 16    store slot 0 (320 blocks)
 *   block 8      header, copy B        block 336   store slot 1 (320 blocks)
 *                                      block 1024  extents, in units of 256 blocks
 */
#pragma once
#include <stdint.h>

#include "lib/blk.h"
#include "mgmt/proto/keys.h"

#define DISK_MAGIC          0x4b53494454424452ull /* "RDBTDISK" */
#define DISK_HEADER_VERSION 1u
#define DISK_COPY_A         0u
#define DISK_COPY_B         8u
#define DISK_SLOT_BLOCKS    320u
#define DISK_SLOT(i)        (16u + (i)*DISK_SLOT_BLOCKS)
#define DISK_DATA           1024u
#define DISK_UNIT           256u                    /* blocks */
#define DISK_MIN_BLOCKS     (DISK_DATA + DISK_UNIT) /* 5 MiB */

#define DISK_BLOB 256u

struct disk_header {
	uint64_t magic;
	uint32_t version;
	uint32_t size;     /* of this structure: 4096 */
	uint64_t sequence; /* the intact copy with the higher one is valid */
	uint64_t blocks;   /* of the device when it was formatted */
	uint8_t disk_uuid[16];
	uint8_t server_id[16];
	uint8_t policy_key[64]; /* of the TOM: X, Y */
	uint8_t srk_name[34];   /* of the TPM that sealed the key */
	uint16_t public_size;
	uint16_t private_size;
	uint16_t approvals;
	uint8_t public_area
		[DISK_BLOB]; /* sealed disk key: TPMT_PUBLIC, contents of TPM2B_PRIVATE */
	uint8_t private_area[DISK_BLOB];
	struct approval approval[APPROVAL_MAX];
	uint8_t zero[1432];
	uint8_t mac[32]; /* HMAC-SHA-256 over all before it, key derived from the disk key */
	uint8_t sum[32]; /* SHA-256 over all before it */
};
_Static_assert(sizeof(struct disk_header) == BLK_SIZE, "disk_header");

#define SLOT_MAGIC   0x544f4c5354424452ull /* "RDBTSLOT" */
#define SLOT_VERSION 1u

struct slot_head { /* then `length` bytes of ciphertext */
	uint64_t magic;
	uint32_t version;
	uint32_t length;
	uint64_t sequence; /* the intact slot with the higher one is valid */
	uint8_t salt[32];  /* fresh for every commit: goes into the key */
	uint8_t zero[56];
	uint8_t tag
		[16]; /* AES-256-GCM, nonce zero, authenticated data = all of this structure before the tag */
};
_Static_assert(sizeof(struct slot_head) == 128, "slot_head");
