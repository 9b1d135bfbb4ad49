// SPDX-License-Identifier: Apache-2.0
/*
 * TPM structures the TOM makes in software: policy approvals, credentials for an attestation key, and keys wrapped for one
 * server's storage root. Byte formats: docs/formats.md sections 3 and 4.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <openssl/evp.h>
#include "mgmt/proto/keys.h"
#include "mgmt/tom/tpm_types.h"

#define TPM_NAME_LEN 34u

/* Name of an object: 000B || SHA-256(TPMT_PUBLIC). */
void tpm_name(const uint8_t *public_area, size_t n, uint8_t name[TPM_NAME_LEN]);

/* Approval of `release` for these values of PCR 4, 7, 11, 12. `id`: server (disk) or TVD. */
void make_approval(EVP_PKEY *policy_key, enum approval_kind kind, const uint8_t id[KEYS_ID],
		   const char *release, const uint8_t pcr[APPROVAL_PCRS][KEYS_DIGEST],
		   struct approval *out);

/*
 * TPM2_MakeCredential in software: only the TPM that holds both the endorsement key and the object of that name gets the
 * credential back. blob: contents of TPM2B_ID_OBJECT; secret: contents of TPM2B_ENCRYPTED_SECRET.
 */
#define CREDENTIAL_LEN      32u
#define CREDENTIAL_BLOB_LEN (2u + 32u + 2u + CREDENTIAL_LEN)
bool make_credential(const struct tpm_rsa_key *ek, const uint8_t ak_name[TPM_NAME_LEN],
		     const uint8_t credential[CREDENTIAL_LEN], uint8_t blob[CREDENTIAL_BLOB_LEN],
		     uint8_t secret[TPM_RSA_BYTES]);

/* Public key object of an RSA endorsement key; the caller frees it. */
EVP_PKEY *rsa_key(const struct tpm_rsa_key *key);

/* The TVD key wrapped for one storage root key. Returns the size of the block in out (WRAPPED_MAX bytes). */
#define WRAPPED_MAX 512u
size_t make_wrapped(const uint8_t srk_point[65], const uint8_t policy_point[65],
		    const uint8_t tvd_id[KEYS_ID], const uint8_t key[32], uint8_t out[WRAPPED_MAX]);
