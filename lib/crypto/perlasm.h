/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entry points of OpenSSL's generated x86-64 assembly (deps/perlasm.mk) that lib/crypto uses.
 * Lengths are in bytes unless a name says blocks; in == out is allowed everywhere.
 */
#ifndef LIB_CRYPTO_PERLASM_H
#define LIB_CRYPTO_PERLASM_H

#include <stddef.h>
#include <stdint.h>

/* Expanded AES key, FIPS 197 5.2: up to 15 round keys of 16 bytes. */
struct aesni_key {
	uint32_t round[60];
	uint32_t rounds;
};

/* GHASH state exactly as the assembly lays it out: hash, key, powers of the key. */
struct ghash_state {
	uint64_t xi[2];
	uint64_t h[2];
	uint64_t table[16][2];
};

/* aesni-x86_64.pl; bits is 128, 192 or 256; 0 on success. */
int aesni_set_encrypt_key(const uint8_t *key, int bits, struct aesni_key *out);
int aesni_set_decrypt_key(const uint8_t *key, int bits, struct aesni_key *out);
void aesni_encrypt(const uint8_t in[16], uint8_t out[16], const struct aesni_key *key);
void aesni_ctr32_encrypt_blocks(const uint8_t *in, uint8_t *out, size_t blocks,
				const struct aesni_key *key, const uint8_t counter[16]);
void aesni_xts_encrypt(const uint8_t *in, uint8_t *out, size_t len, const struct aesni_key *data,
		       const struct aesni_key *tweak, const uint8_t iv[16]);
void aesni_xts_decrypt(const uint8_t *in, uint8_t *out, size_t len, const struct aesni_key *data,
		       const struct aesni_key *tweak, const uint8_t iv[16]);

/* ghash-x86_64.pl; h is the hash key as two host-order words; len is a multiple of 16. */
void gcm_init_clmul(uint64_t table[16][2], const uint64_t h[2]);
void gcm_gmult_clmul(uint64_t xi[2], const uint64_t table[16][2]);
void gcm_ghash_clmul(uint64_t xi[2], const uint64_t table[16][2], const uint8_t *in, size_t len);
void gcm_init_avx(uint64_t table[16][2], const uint64_t h[2]);
void gcm_gmult_avx(uint64_t xi[2], const uint64_t table[16][2]);
void gcm_ghash_avx(uint64_t xi[2], const uint64_t table[16][2], const uint8_t *in, size_t len);

/*
 * aesni-gcm-x86_64.pl: encryption and GHASH in one pass, advances counter and state. Returns the
 * bytes done, a multiple of 96 (0 below 288 bytes for encryption, below 96 for decryption). The
 * state is a struct ghash_state made by gcm_init_avx().
 */
size_t aesni_gcm_encrypt(const uint8_t *in, uint8_t *out, size_t len, const struct aesni_key *key,
			 uint8_t counter[16], uint64_t *state);
size_t aesni_gcm_decrypt(const uint8_t *in, uint8_t *out, size_t len, const struct aesni_key *key,
			 uint8_t counter[16], uint64_t *state);

/* sha512-x86_64.pl */
void sha256_block_data_order(uint32_t state[8], const uint8_t *in, size_t blocks);
void sha512_block_data_order(uint64_t state[8], const uint8_t *in, size_t blocks);

/* What the assembly asks about the CPU: filled by crypto_cpu_init(). */
extern uint32_t OPENSSL_ia32cap_P[10];

#endif
