/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 and SHA-224 context (FIPS 180-4) behind mbedTLS's own API (MBEDTLS_SHA256_ALT; functions
 * in mbedtls/sha256.h). Long inputs reach the assembly whole instead of block by block.
 */
#ifndef LIB_CRYPTO_SHA256_ALT_H
#define LIB_CRYPTO_SHA256_ALT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mbedtls_sha256_context {
	uint32_t state[8];
	uint64_t len;      /* bytes so far */
	uint8_t block[64]; /* the len % 64 bytes not hashed yet */
	bool is224;
} mbedtls_sha256_context;

#endif
