// SPDX-License-Identifier: Apache-2.0
/*
 * Readers of the TPM structures a server sends (TPM 2.0 Library Part 2): only the forms Redoubt uses are accepted. Inputs are
 * whole structures without a size prefix; outputs point into the input or are copies. Pure; fuzzed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TPM_PCRS          24u
#define TPM_QUOTED_PCRS   0x00ffffu /* 0 to 15: 16 and up can be reset */
#define TPM_ATTRS_AK      0x00050472u
#define TPM_ATTRS_STORAGE 0x00030472u
#define TPM_RSA_BYTES     256u

/* P-256 key: restricted ECDSA/SHA-256 signing key (AK), or restricted AES-128-CFB storage key (SRK). */
struct tpm_ecc_key {
	uint32_t attributes;
	bool sign;
	uint8_t point[65]; /* 04 || X || Y */
};

struct tpm_rsa_key { /* endorsement key: RSA 2048, exponent 65537 */
	uint32_t attributes;
	const uint8_t *modulus; /* TPM_RSA_BYTES */
};

struct tpm_quote {            /* TPMS_ATTEST of TPM2_Quote */
	const uint8_t *extra; /* qualifying data, 32 bytes */
	uint64_t clock;
	uint32_t reset_count;
	uint32_t restart_count;
	uint64_t firmware;
	uint32_t pcr_mask;         /* of the SHA-256 bank, the only one */
	const uint8_t *pcr_digest; /* 32 bytes */
};

/* Each returns NULL, or what is wrong with the structure. */
const char *tpm_read_ecc(const uint8_t *p, size_t n, struct tpm_ecc_key *out);
const char *tpm_read_rsa(const uint8_t *p, size_t n, struct tpm_rsa_key *out);
const char *tpm_read_quote(const uint8_t *p, size_t n, struct tpm_quote *out);
/* TPMT_SIGNATURE, ECDSA with SHA-256 -> r || s. */
const char *tpm_read_signature(const uint8_t *p, size_t n, uint8_t sig[64]);
