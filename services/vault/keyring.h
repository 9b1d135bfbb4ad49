// SPDX-License-Identifier: Apache-2.0
/* The TVD key and what is derived from it: docs/formats.md, sections 5 to 7. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/xts.h"
#include "mgmt/proto/keys.h"

struct keyring {
	uint8_t key[32]; /* of the TVD */
	uint8_t tvd_id[KEYS_ID];
};

/* 0, or -1 (the CPU has no AES instructions). */
int keyring_volume(const struct keyring *k, const uint8_t uuid[KEYS_ID], struct xts_key *out);
void keyring_image(const struct keyring *k, const uint8_t digest[KEYS_DIGEST], uint8_t out[32]);
/* from_vm and to_vm have 32 bytes each. */
void keyring_console(const struct keyring *k, const uint8_t vm_id[KEYS_ID],
		     const uint8_t session[16], const uint8_t nonce[16], uint8_t *from_vm,
		     uint8_t *to_vm);
/* uuid of the volume in which an image is kept. */
void keyring_image_volume(const uint8_t digest[KEYS_DIGEST], uint8_t uuid[KEYS_ID]);

/* AES-256-GCM; the tag lies behind the ciphertext. n: bytes of plaintext. */
int seal(const uint8_t key[32], const uint8_t nonce[SEAL_NONCE], const uint8_t *aad,
	 size_t aad_size, const uint8_t *text, size_t n, uint8_t *out);
/* 0, or -1: forged. */
int seal_open(const uint8_t key[32], const uint8_t nonce[SEAL_NONCE], const uint8_t *aad,
	      size_t aad_size, const uint8_t *sealed, size_t n, uint8_t *text);
