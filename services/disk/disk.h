// SPDX-License-Identifier: Apache-2.0
/*
 * Disk service. Two protocols; all integers little-endian.
 *
 * Proto "store": disk <- policy, tmc.
 *   request         arg   payload                                 answer payload
 *   DISK_STATUS     0     -                                       struct disk_status
 *   DISK_FORMAT     0     struct disk_format, approvals           struct disk_status   tmc only; blank disk only
 *   DISK_APPROVE    0     approvals (the whole new list)          -                    tmc only; disk open
 *   DISK_PURGE      tag   -                                       -                    policy only: all volumes of that TVD
 *   STORE_GET       0     name                                    the record           CS_NOT_FOUND
 *   STORE_PUT       0     one or more (struct store_item, name, value)   -             all of them or none
 *   STORE_LIST      0     -                                       (struct store_item, name) of each own record
 *
 * Approvals are `struct approval` of mgmt/proto/keys.h, one after the other. Each client has its own name space. A put that was
 * answered survives a power cut. Except DISK_STATUS and DISK_FORMAT everything is CS_STATE until the disk is open.
 * Answers other than CS_OK carry a text (UTF-8, no NUL) for people: what, which PCR, what to do.
 *
 * Proto "blk" (lib/blk.h) with these additions: disk <- vault. The channel's tag is the TVD; it must be the same after every
 * reboot: policy gives each TVD the number formed by the first 8 bytes of its id, little-endian.
 *   VOLUME_CREATE   0     struct volume_info (uuid, blocks)       struct volume_info   same uuid and size again: CS_OK
 *   VOLUME_DELETE   0     struct volume_info (uuid)               -
 *   VOLUME_LIST     0     -                                       struct volume_info of each volume of this TVD
 *   VOLUME_READY    0     struct volume_info (uuid)               -                    it is not VOLUME_FRESH any more
 * A volume is VOLUME_FRESH from its creation until its vault has said otherwise: what it holds is of nobody.
 * Numbers (blk_span.volume) never name another TVD's volume: such requests are CS_DENIED.
 */
#pragma once
#include <stdint.h>
#include "lib/blk.h"

enum disk_type {
	DISK_STATUS = 1,
	DISK_FORMAT = 2,
	DISK_APPROVE = 3,
	DISK_PURGE = 4,
	STORE_GET = 16,
	STORE_PUT = 17,
	STORE_LIST = 18,
};

enum volume_type { VOLUME_CREATE = 32, VOLUME_DELETE = 33, VOLUME_LIST = 34, VOLUME_READY = 35 };

enum disk_state { DISK_STARTING = 0, DISK_BLANK = 1, DISK_SEALED = 2, DISK_OPEN = 3 };

/* Why a disk is sealed. */
enum disk_reason {
	DISK_NO_REASON = 0,
	DISK_IO = 1,             /* the device does not answer */
	DISK_HEADER = 2,         /* no intact header, yet the disk is not blank */
	DISK_FORMAT_UNKNOWN = 3, /* a header version this release does not know */
	DISK_OTHER_TPM = 4,      /* sealed by another TPM, or this one was cleared */
	DISK_PCR_INVALID = 5,    /* a PCR reads all-00 or all-FF */
	DISK_NOT_APPROVED = 6,   /* no approval for the measured code: the text names the PCRs */
	DISK_OPENED = 7,         /* the key was already out in this boot: reboot */
	DISK_TAMPERED = 8,       /* the header is not the one written with this key */
	DISK_TPM = 9,            /* the TPM refused: the text has its error */
	DISK_STORE = 10,         /* neither copy of the system store is intact */
};

struct disk_status {
	uint32_t state;  /* enum disk_state */
	uint32_t reason; /* enum disk_reason */
	uint8_t server_id[16];
	uint8_t disk_uuid[16];
	uint64_t blocks;      /* of 4096 bytes, whole device */
	uint64_t free_blocks; /* not allocated to a volume; 0 unless open */
	uint32_t approvals;   /* in the header */
	uint32_t pad;
	char release[32]; /* of the approval that opened it */
	char text[256];   /* NUL-terminated */
};

#define DISK_FORMAT_VERSION 1u
struct disk_format {
	uint32_t version;
	uint32_t approvals; /* how many follow, 1..APPROVAL_MAX */
	uint8_t server_id[16];
	uint8_t policy_key[64]; /* P-256 point of the TOM's policy key: X, Y, big-endian */
};

#define STORE_NAME_MAX 64u /* printable ASCII without space */
#define STORE_SNAPSHOT_MAX \
	(1u << 20) /* bytes of all records together, with 80 bytes each for their heads */

struct store_item {
	uint32_t value_size; /* STORE_PUT: STORE_DELETE removes the record */
	uint32_t name_size;  /* 1..STORE_NAME_MAX */
};
#define STORE_DELETE 0xffffffffu

struct volume_info {
	uint8_t uuid[16];
	uint64_t blocks;
	uint32_t number; /* for struct blk_span; chosen by disk */
	uint32_t flags;  /* VOLUME_FRESH or 0; ignored in requests */
};
#define VOLUME_FRESH 1u

_Static_assert(sizeof(struct disk_status) == 352, "disk_status");
_Static_assert(sizeof(struct disk_format) == 88, "disk_format");
_Static_assert(sizeof(struct volume_info) == 32, "volume_info");
