// SPDX-License-Identifier: Apache-2.0
/*
 * The TOM's cryptography: thin, typed calls over OpenSSL 3. Sizes in bytes; true or a length means success. A failure of
 * the library itself (no memory, no entropy) ends the program: there is nothing sensible to go on with.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define SHA256_LEN 32u
#define POINT_LEN  65u /* 04 || X || Y */
#define SIG_LEN    64u /* r || s, big-endian */

void tom_random(void *p, size_t n);
void tom_sha256(const void *p, size_t n, uint8_t out[SHA256_LEN]);
void tom_sha256_two(const void *a, size_t na, const void *b, size_t nb, uint8_t out[SHA256_LEN]);
void tom_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[SHA256_LEN]);
void tom_hkdf(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len, const void *info,
	      size_t info_len, uint8_t *out, size_t n);

/* AES-256-GCM, 12-byte nonce, the 16-byte tag behind the ciphertext. */
void tom_seal(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len,
	      const void *plain, size_t n, uint8_t *out);
bool tom_open(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len,
	      const uint8_t *sealed, size_t n, uint8_t *plain);
/* AES-128-CFB with a zero IV, as TPM 2.0 protects its structures. */
void tom_cfb128(const uint8_t key[16], const uint8_t *in, size_t n, uint8_t *out);

/* P-256 keys. The caller frees what is returned (EVP_PKEY_free). */
EVP_PKEY *tom_key_new(void);
EVP_PKEY *tom_key_from_point(const uint8_t point[POINT_LEN]);
void tom_key_point(EVP_PKEY *key, uint8_t point[POINT_LEN]);
size_t tom_key_spki(EVP_PKEY *key, uint8_t *out, size_t cap);
/* x coordinate of the shared point. */
void tom_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[32]);
void tom_sign(EVP_PKEY *key, const void *p, size_t n, uint8_t sig[SIG_LEN]);
bool tom_verify(EVP_PKEY *key, const void *p, size_t n, const uint8_t sig[SIG_LEN]);
/* The same over a hash that is already there. */
void tom_sign_hash(EVP_PKEY *key, const uint8_t hash[SHA256_LEN], uint8_t sig[SIG_LEN]);
bool tom_verify_hash(EVP_PKEY *key, const uint8_t hash[SHA256_LEN], const uint8_t sig[SIG_LEN]);

/* TPM 2.0 Part 1, 11.4.10: KDFa and KDFe with SHA-256, up to 32 bytes. `label` ends with its zero byte by itself. */
void tom_kdfa(const uint8_t *key, size_t key_len, const char *label, const void *u, size_t u_len,
	      unsigned bits, uint8_t *out);
void tom_kdfe(const uint8_t z[32], const char *label, const uint8_t u[32], const uint8_t v[32],
	      uint8_t out[32]);
