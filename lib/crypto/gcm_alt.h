/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM context behind mbedTLS's own API (MBEDTLS_GCM_ALT; functions in mbedtls/gcm.h, and thus
 * behind PSA and TLS). NIST SP 800-38D. Any split of additional data and text into updates is
 * allowed; input and output of an update are the same buffer or do not overlap.
 */
#ifndef LIB_CRYPTO_GCM_ALT_H
#define LIB_CRYPTO_GCM_ALT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/crypto/perlasm.h"

typedef struct mbedtls_gcm_context {
	struct ghash_state ghash;
	struct aesni_key key;
	uint8_t counter[16]; /* of the next block */
	uint8_t first[16];   /* encrypted initial counter: masks the tag */
	uint8_t stream[16];  /* key stream of the block in progress */
	uint64_t ad_len;
	uint64_t len;
	bool keyed;
	bool decrypt;
} mbedtls_gcm_context;

#endif
