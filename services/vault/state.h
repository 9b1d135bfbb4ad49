// SPDX-License-Identifier: Apache-2.0
/* All that one vault knows; one instance, owned by main.c. */
#pragma once
#include <mbedtls/sha256.h>

#include "lib/blk.h"
#include "lib/blkq.h"
#include "lib/chan.h"
#include "services/disk/disk.h"
#include "services/vault/console.h"
#include "services/vault/keyring.h"
#include "services/vault/vault.h"

#define VAULT_VOLUMES 64u
#define VAULT_IMAGES  32u
#define VAULT_VMS     16u

struct volume { /* of this TVD at disk */
	uint8_t uuid[16];
	uint64_t blocks;
	uint32_t number; /* 0: free entry */
	bool fresh;      /* its ends were not cleared yet: not for a VM */
	struct xts_key key;
};

struct image {
	struct image_name name; /* size 0: free entry */
	struct volume *volume;
	enum image_progress progress;
	uint32_t next;    /* first chunk that is missing */
	uint64_t checked; /* bytes hashed so far, while verifying */
	mbedtls_sha256_context hash;
};

struct vm {
	uint64_t number;               /* 0: free entry */
	struct volume *disk;           /* or NULL */
	struct image *kernel, *initrd; /* or NULL */
	struct chan *blk;              /* of its vmm; NULL: not seen yet */
	bool held; /* `request` waits for an image to be verified; nothing else is taken meanwhile */
	struct msg request;
	struct blk_span span;
	struct console console;
};

struct vault {
	struct chan *disk, *tpm;
	struct blkq queue;
	struct keyring keyring;
	struct vault_status status;
	struct volume volume[VAULT_VOLUMES];
	struct image image[VAULT_IMAGES];
	struct vm vm[VAULT_VMS];
};

/* ---- unlock.c ---- */

/* Imports and unseals the TVD key; v->status tells what became of it. */
void vault_unlock(struct vault *v);

/* ---- volumes.c: volumes at disk, their keys, blocks in plaintext ---- */

struct volume *volume_find(struct vault *v, const uint8_t uuid[16]);
/* Finds or creates; *status CS_OK and the volume, or the reason and NULL. */
struct volume *volume_ensure(struct vault *v, const uint8_t uuid[16], uint64_t blocks,
			     enum chan_status *status);
/* A new volume reads as noise; its ends are made zero, so that nobody finds a file system or a partition table there. */
enum chan_status volume_clear(struct vault *v, struct volume *vol);
enum chan_status volume_drop(struct vault *v, const uint8_t uuid[16]);
/* Reads the list of volumes from disk. */
enum chan_status volume_load(struct vault *v);
/* At once, waiting for disk; data in plaintext. count <= BLK_MAX_COUNT. */
enum chan_status volume_read(struct vault *v, const struct volume *vol, uint64_t block,
			     uint32_t count, uint8_t *data);
enum chan_status volume_write(struct vault *v, const struct volume *vol, uint64_t block,
			      uint32_t count, const uint8_t *data);
enum chan_status volume_flush(struct vault *v);
void volume_encrypt(const struct volume *vol, uint64_t block, uint32_t count, const uint8_t *in,
		    uint8_t *out);
void volume_decrypt(const struct volume *vol, uint64_t block, uint32_t count, const uint8_t *in,
		    uint8_t *out);

/* ---- images.c ---- */

struct image *image_find(struct vault *v, const struct image_name *name);
enum chan_status image_want(struct vault *v, const struct image_name *name,
			    struct image_status *out);
enum chan_status image_drop(struct vault *v, const struct image_name *name);
void image_state(struct vault *v, const struct image_name *name, struct image_status *out);
enum chan_status image_chunk(struct vault *v, const struct image_name *name, uint64_t index,
			     const uint8_t *sealed, size_t n, struct image_status *out);
/* One step of verifying some image; true: there was one to do. */
bool image_verify_some(struct vault *v);
/* Blocks of the image as its VMs see it. */
uint64_t image_blocks(const struct image *m);

/* ---- guests.c: vmm's requests ---- */

struct vm *vm_find(struct vault *v, uint64_t number);
enum chan_status vm_attach(struct vault *v, const struct vm_attach *a);
enum chan_status vm_detach(struct vault *v, uint64_t number);
bool vm_uses_volume(const struct vault *v, const struct volume *vol);
bool vm_uses_image(const struct vault *v, const struct image *m);
/* A request of the vmm on its blk channel. */
void vm_serve_blk(struct vault *v, struct vm *vm, struct chan *c, const struct msg *m,
		  const uint8_t *payload, size_t n);
/* The held request, if its image has been verified meanwhile. */
bool vm_resume(struct vault *v, struct vm *vm);
/* The vmm's channel is gone or begins anew. */
void vm_forget(struct vault *v, struct vm *vm);

/* ---- consoles.c ---- */

/* Bytes of the guest; then frames to the TOM as far as there is room. */
void console_from_guest(struct vault *v, struct vm *vm, const uint8_t *text, size_t n);
/* Sends what waits; true: something was sent. */
bool console_pump(struct vault *v);
void console_tell_end(struct vault *v, struct vm *vm);
void console_serve(struct vault *v, struct chan *c, const struct msg *m, const uint8_t *payload,
		   size_t n);
void console_all_closed(struct vault *v);
