// SPDX-License-Identifier: Apache-2.0
/*
 * Vault: all that touches one TVD's plaintext on disk and its consoles. Integers little-endian.
 *
 * Start argument: struct vault_args, then `approvals` times struct approval (kind APPROVAL_TVD), then struct wrapped_key with its
 * three parts (mgmt/proto/keys.h).
 *
 * Proto "vault": vault <- policy.
 *   request         payload                   answer payload
 *   VAULT_STATUS    -                         struct vault_status
 *   VOLUME_ENSURE   struct vault_volume       -                     creates it if it is not there; CS_EXISTS: other size.
 *                                                                   A new one reads zero in its first and last MiB, noise between
 *   VOLUME_DROP     struct vault_volume       -
 *   IMAGE_WANT      struct image_name         struct image_status   room is made, chunks are accepted from now on
 *   IMAGE_DROP      struct image_name         -
 *   VM_ATTACH       struct vm_attach          -                     from now on the vmm with that tag gets these volumes
 *   VM_DETACH       struct vm_attach (vm)     -
 *   VM_BUTTON       struct vm_attach (vm)     -                     the power button: the guest is to shut itself down
 * Policy sends IMAGE_WANT and VM_ATTACH again when the vault was restarted.
 *
 * Towards a vmm (proto "blk"; channel tag = VM number): volume 1 is the VM's disk, 2 its kernel image, 3 its initramfs; images are
 * read-only and only there once their whole digest was verified. Proto "console": lib/console.h.
 *
 * Proto "sealed": vault <- tmc. Nothing in it is plaintext of the TVD.
 *   request         arg            payload                        answer payload
 *   IMAGE_STATE     0              struct image_name              struct image_status
 *   IMAGE_CHUNK     chunk index    struct image_name, sealed chunk   struct image_status   in order from status.next on
 *   CONSOLE_OPEN    VM number      struct console_open            struct console_hello    replaces the VM's console session
 *   CONSOLE_SEALED  VM number      sealed frame to the VM         -
 *   CONSOLE_CLOSE   VM number      -                              -
 * and from the vault, with id 0 and unanswered: CONSOLE_SEALED, arg VM number, sealed frame from the VM; CONSOLE_ENDED, arg VM
 * number, when the VM is detached.
 */
#pragma once
#include <stdint.h>
#include "mgmt/proto/keys.h"

#define VAULT_ARGS_VERSION 1u
struct vault_args {
	uint32_t version;
	uint32_t approvals; /* 1..APPROVAL_MAX */
	uint8_t tvd_id[16];
	uint8_t policy_key[64];
};

enum vault_type {
	VAULT_STATUS = 1,
	VOLUME_ENSURE = 2,
	VOLUME_DROP = 3,
	IMAGE_WANT = 4,
	IMAGE_DROP = 5,
	VM_ATTACH = 6,
	VM_DETACH = 7,
	VM_BUTTON = 8,
};

enum sealed_type {
	IMAGE_STATE = 1,
	IMAGE_CHUNK = 2,
	CONSOLE_OPEN = 3,
	CONSOLE_SEALED = 4,
	CONSOLE_CLOSE = 5,
	CONSOLE_ENDED = 6,
};

enum vault_state { VAULT_STARTING = 0, VAULT_OPEN = 1, VAULT_REFUSED = 2 };

struct vault_status {
	uint32_t state;   /* enum vault_state */
	uint32_t volumes; /* of this TVD on this disk, images included */
	uint8_t tvd_id[16];
	char text[256]; /* why it is refused; NUL-terminated */
};

struct vault_volume {
	uint8_t uuid[16];
	uint64_t blocks; /* 4096 bytes each; ignored by VOLUME_DROP */
};

struct image_name {
	uint8_t digest[32]; /* SHA-256 of the whole image */
	uint64_t size;      /* bytes, 1..IMAGE_SIZE_MAX */
};

enum image_progress {
	IMAGE_ABSENT = 0,    /* not wanted by policy */
	IMAGE_PARTIAL = 1,   /* send chunks from `next` on */
	IMAGE_VERIFYING = 2, /* all there, digest being recomputed */
	IMAGE_PRESENT = 3,
};

struct image_status {
	uint32_t progress; /* enum image_progress */
	uint32_t next;     /* first chunk that is missing */
	uint32_t count;    /* chunks in all */
	uint32_t pad;
};

struct vm_attach {
	uint64_t vm;       /* VM number = tag of its vmm's channels */
	uint8_t vm_id[16]; /* goes into the console keys */
	uint8_t disk[16];  /* volume uuid; all zero: none */
	struct image_name kernel;
	struct image_name initrd; /* size 0: none */
};

_Static_assert(sizeof(struct vault_args) == 88, "vault_args");
_Static_assert(sizeof(struct image_name) == 40, "image_name");
_Static_assert(sizeof(struct vm_attach) == 120, "vm_attach");
