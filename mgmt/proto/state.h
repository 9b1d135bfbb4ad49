// SPDX-License-Identifier: Apache-2.0
/*
 * The desired state: one document that says everything a server shall run. Made and signed by the TOM, checked whole and
 * committed by policy; never patched. Numbers that components use are derived: the number of a TVD or VM is the first
 * 8 bytes of its id, little-endian.
 */
#pragma once
#include "mgmt/proto/binding.h"
#include "mgmt/proto/schema.h"

#define STATE_VERSION    2u
#define STATE_TVDS       16u
#define STATE_IMAGES     32u
#define STATE_VMS        32u
#define STATE_MAX        (48u * 1024u)
#define STATE_CMDLINE    512u
#define STATE_NAME       32u
#define STATE_CPUS_MAX   8u            /* virtual CPUs of one VM */
#define STATE_MEM_MAX    (64u * 1024u) /* MiB of one VM */
#define STATE_BLOCKS_MAX (1ull << 28)  /* 1 TiB of 4096-byte blocks */

struct state_tvd {
	uint8_t id[16];
	char name[STATE_NAME];
	struct span key;       /* struct wrapped_key and its parts (mgmt/proto/keys.h) */
	struct span approvals; /* struct approval, one after the other */
};

struct state_image {
	uint8_t tvd[16];
	uint8_t digest[32]; /* SHA-256 of the plaintext */
	uint64_t size;      /* bytes */
};

struct state_vm {
	uint8_t id[16];
	char name[STATE_NAME];
	uint8_t tvd[16];
	uint64_t mem_mib;
	uint64_t cpus;      /* 1..STATE_CPUS_MAX */
	uint8_t kernel[32]; /* digests of images of the same TVD */
	uint8_t initrd[32]; /* all zero: none */
	char cmdline[STATE_CMDLINE];
	uint8_t volume[16];
	uint64_t blocks; /* of the volume, 4096 bytes each; 0: no volume */
	uint64_t run;    /* 1: shall run */
};

struct state {
	uint64_t version;
	uint8_t server_id[16];
	uint64_t epoch; /* rises with every change */
	size_t tvd_count;
	struct state_tvd tvds[STATE_TVDS];
	size_t image_count;
	struct state_image images[STATE_IMAGES];
	size_t vm_count;
	struct state_vm vms[STATE_VMS];
	uint64_t allow_no_iommu; /* 1: VMs run even where nothing confines the server's devices */
};

struct signed_state {
	struct span document;        /* encoded struct state */
	uint8_t signature[P256_SIG]; /* operator key over state_signed_input() */
};

extern const struct schema state_schema, signed_state_schema;

uint64_t state_number(const uint8_t id[16]);
const struct state_tvd *state_find_tvd(const struct state *s, const uint8_t id[16]);
/* The image with that digest in that TVD, or NULL. */
const struct state_image *state_find_image(const struct state *s, const uint8_t tvd[16],
					   const uint8_t digest[32]);
bool digest_is_zero(const uint8_t digest[32]);

/* All rules between the fields. NULL if good, else what is wrong, about *which (a name, may be ""). */
const char *state_check(const struct state *s, const char **which);

/* Bytes the operator signs: label, then the document. Returns the length, 0 if `cap` is too small. */
size_t state_signed_input(const struct span *document, uint8_t *out, size_t cap);
#define STATE_SIGNED_MAX (STATE_MAX + 32u)
