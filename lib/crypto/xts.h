/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-XTS for disks (IEEE 1619-2018), as "aes-xts-plain64": the tweak is the sector number, 64-bit
 * little-endian. Confidential against someone who reads the disk; it detects no change.
 */
#ifndef LIB_CRYPTO_XTS_H
#define LIB_CRYPTO_XTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/crypto/perlasm.h"

/* Expanded keys: secret; owned by the caller, who ends it with xts_wipe(). */
struct xts_key {
	struct aesni_key encrypt;
	struct aesni_key decrypt;
	struct aesni_key tweak;
};

/*
 * Expand a key of 32 (AES-128) or 64 (AES-256) bytes: data key, then tweak key.
 * False: other length, both halves equal, or a CPU without AES instructions; *k is then zero.
 */
__attribute__((warn_unused_result)) bool xts_set_key(struct xts_key *k, const uint8_t *key,
						     size_t key_len);

/*
 * One sector of len bytes, len >= 16. in and out are the same buffer or do not overlap.
 * False, and out untouched: len below 16.
 */
__attribute__((warn_unused_result)) bool xts_encrypt(const struct xts_key *k, uint64_t sector,
						     const uint8_t *in, uint8_t *out, size_t len);
__attribute__((warn_unused_result)) bool xts_decrypt(const struct xts_key *k, uint64_t sector,
						     const uint8_t *in, uint8_t *out, size_t len);

void xts_wipe(struct xts_key *k);

#endif
