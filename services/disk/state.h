// SPDX-License-Identifier: Apache-2.0
/* All that the disk component knows; one instance, owned by main.c. */
#pragma once
#include "lib/blkq.h"
#include "lib/chan.h"
#include "lib/tss/tss.h"
#include "services/disk/disk.h"
#include "services/disk/header.h"
#include "services/disk/store.h"
#include "services/disk/volumes.h"

/* Survives a restart of the component in one boot (start_info()->kept_va): the key cannot be unsealed a second time. */
struct disk_kept {
	uint64_t magic;
	uint64_t boot_id;
	uint8_t key[DISK_KEY];
	uint8_t parts[32]; /* PCR 11 before the word "disk-open" */
	char release[32];
};

struct disk {
	struct chan *driver, *tpm;
	struct blkq queue;
	struct device device;
	struct disk_header header; /* valid unless blank or damaged */
	struct store store;        /* valid when open */
	struct volumes volumes;    /* likewise */
	struct disk_status status;
	uint8_t key[DISK_KEY]; /* zero unless open */
};

/* ---- io.c ---- */

/* Asks the driver for the disk's size and sets up d->device. 0 or -1. */
int disk_io_init(struct disk *d);

/* ---- unlock.c ---- */

/* Reads the header, takes the key out of the TPM or the kept memory, opens the store. d->status tells what became of it. */
void disk_start(struct disk *d);
/* The key is in d->key by that approval: measures, opens the store. d->status tells what became of it. */
void disk_open(struct disk *d, const struct approval *a);
struct tss_policy disk_policy(const struct disk_header *h);

/* ---- format.c ---- */

/* Formats a blank disk. The text of a refusal goes to `text` (256 bytes). */
enum chan_status disk_format(struct disk *d, const uint8_t *payload, size_t n, char *text);
/* Replaces the approvals. */
enum chan_status disk_approve(struct disk *d, const uint8_t *payload, size_t n, char *text);

/* ---- measure.c ---- */

/* Extends PCR 11 and PCR 15 unless that has happened. `parts`: PCR 11 before. 0, or a reason in `text`. */
int disk_measure(struct disk *d, const uint8_t parts[32], char *text, size_t size);

/* ---- records.c, extents.c: one request of a client ---- */

void disk_serve_store(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		      size_t n);
void disk_serve_blk(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		    size_t n);
/* Answers to that client are not sent any more. */
void disk_forget(struct disk *d, struct chan *c);
/* The volume table from and to the store. */
enum store_result disk_load_volumes(struct disk *d);
enum chan_status disk_save_volumes(struct disk *d);
