// SPDX-License-Identifier: Apache-2.0
/*
 * What the TOM makes and the server's disk and vault open: approvals, wrapped TVD keys, sealed image chunks and console frames.
 * Byte by byte in docs/formats.md. This file and keys.c hold layouts and encoders only, no cryptography, so that the TOM (OpenSSL)
 * and the components (mbedTLS) share them.
 *
 * Integers in structures are little-endian; TPM structures inside them keep the TPM's big-endian form.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define KEYS_DIGEST 32u
#define KEYS_ID     16u /* server, TVD, VM, volume ids */

/* ---- approvals: TPM2_PolicyAuthorize (TPM 2.0 Part 3, 23.16) ---- */

enum approval_kind { APPROVAL_DISK = 1, APPROVAL_TVD = 2 };

#define APPROVAL_MAGIC    0x50414452u /* "RDAP" */
#define APPROVAL_VERSION  1u
#define APPROVAL_PCRS     4u      /* values of PCR 4, 7, 11, 12, in this order */
#define APPROVAL_PCR_MASK 0x1890u /* bits 4, 7, 11, 12 */
#define APPROVAL_MAX      8u      /* in one list */
#define APPROVAL_REF      21u     /* bytes of the longest policyRef */

struct approval {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;     /* enum approval_kind */
	uint32_t pcr_mask; /* APPROVAL_PCR_MASK */
	uint32_t pad;      /* 0 */
	char release[32];  /* NUL-terminated name, for messages only */
	uint8_t pcr[APPROVAL_PCRS][KEYS_DIGEST];
	uint8_t r[32],
		s[32]; /* ECDSA P-256 by the policy key over SHA-256(approvedPolicy || policyRef), big-endian */
};
_Static_assert(sizeof(struct approval) == 240, "approval");

/* PCR number of approval.pcr[i]. */
uint32_t approval_pcr_number(unsigned i);
/* Layout, kind and text are as they must be (the signature is the TPM's to check). 0 or -1. */
int approval_check(const struct approval *a, enum approval_kind kind);
/* policyRef of `kind` for that server or TVD into ref[APPROVAL_REF]; returns its length. */
size_t approval_ref(enum approval_kind kind, const uint8_t id[KEYS_ID], uint8_t *ref);

/*
 * The two hash inputs of the approved policy, for whatever SHA-256 the caller has:
 *   approvedPolicy = SHA-256(policy_input), where bytes 46..77 of policy_input = SHA-256(the four PCR values in order).
 * policy_input has APPROVAL_POLICY_INPUT bytes: 32 zero bytes, TPM_CC_PolicyPCR, the TPML_PCR_SELECTION, the PCR digest.
 */
#define APPROVAL_POLICY_INPUT 78u
void approval_policy_input(const uint8_t pcr_digest[KEYS_DIGEST],
			   uint8_t out[APPROVAL_POLICY_INPUT]);

/* ---- the policy key's and the wrapped key's TPM public areas (TPMT_PUBLIC) ---- */

/* TPMT_PUBLIC of the policy key with point x||y; its Name is 000B || SHA-256(this). */
#define POLICY_PUBLIC 86u
void policy_public(const uint8_t xy[64], uint8_t out[POLICY_PUBLIC]);

/*
 * authPolicy of an object that needs an approval: SHA-256(SHA-256(authorize_input) || policyRef), where
 * authorize_input = 32 zero bytes, TPM_CC_PolicyAuthorize, the policy key's Name.
 */
#define AUTHORIZE_INPUT 70u
void authorize_input(const uint8_t policy_key_digest[KEYS_DIGEST], uint8_t out[AUTHORIZE_INPUT]);

/* TPMT_PUBLIC of a TVD key object with that authPolicy and unique = SHA-256(seed value || key). */
#define TVD_KEY_PUBLIC 78u
void tvd_key_public(const uint8_t policy[KEYS_DIGEST], const uint8_t unique[KEYS_DIGEST],
		    uint8_t out[TVD_KEY_PUBLIC]);

/* ---- wrapped TVD key: TPM2_Import blob for one server's storage root key (Part 1, 23.3; Part 3, 13.3) ---- */

#define WRAPPED_MAGIC    0x4b574452u /* "RDWK" */
#define WRAPPED_VERSION  1u
#define WRAPPED_PART_MAX 256u

struct wrapped_key {
	uint32_t magic;
	uint16_t version;
	uint16_t pad; /* 0 */
	uint8_t tvd_id[KEYS_ID];
	uint16_t public_size; /* TPMT_PUBLIC */
	uint16_t
		duplicate_size; /* contents of TPM2B_PRIVATE: outer HMAC and encrypted sensitive area */
	uint16_t
		seed_size; /* contents of TPM2B_ENCRYPTED_SECRET: TPMS_ECC_POINT of the ephemeral key */
	uint16_t pad2;     /* 0 */
			   /* public, duplicate, seed follow */
};
_Static_assert(sizeof(struct wrapped_key) == 32, "wrapped_key");

/* The three parts point into the block; sizes in bytes. */
struct wrapped_parts {
	const uint8_t *public_area, *duplicate, *seed;
	size_t public_size, duplicate_size, seed_size;
};
/* Checks a block of exactly `size` bytes. 0 or -1. */
int wrapped_parse(const void *block, size_t size, const uint8_t tvd_id[KEYS_ID],
		  struct wrapped_parts *out);

/* ---- derivations: HKDF-SHA-256(IKM = TVD key, salt = TVD id, info, length) ---- */

#define KEYS_INFO 96u /* room for the longest info; each function returns the info's length */
size_t keys_info_volume(const uint8_t uuid[KEYS_ID],
			uint8_t *info); /* 64 bytes: XTS key 1, key 2 */
size_t keys_info_image(const uint8_t digest[KEYS_DIGEST],
		       uint8_t *info); /* 32 bytes: AES-256-GCM */
/* 64 bytes: AES-256-GCM key server -> TOM, key TOM -> server. */
size_t keys_info_console(const uint8_t vm_id[KEYS_ID], const uint8_t session[16],
			 const uint8_t nonce[16], uint8_t *info);

/* ---- sealed image chunks ---- */

#define IMAGE_CHUNK_SIZE 32768u       /* bytes of plaintext in every chunk but the last */
#define IMAGE_SIZE_MAX   (1ull << 32) /* bytes */
#define SEAL_TAG         16u          /* AES-256-GCM tag behind the ciphertext */
#define SEAL_NONCE       12u
#define IMAGE_AAD        64u

uint32_t image_chunk_count(uint64_t size);
/* Plaintext bytes of chunk `index`; 0 if there is no such chunk. */
uint32_t image_chunk_bytes(uint64_t size, uint32_t index);
/* Nonce and authenticated data of a chunk. */
void image_chunk_seal(const uint8_t digest[KEYS_DIGEST], uint64_t size, uint32_t index,
		      uint8_t nonce[SEAL_NONCE], uint8_t aad[IMAGE_AAD]);

/* ---- sealed console frames ---- */

enum console_direction { CONSOLE_FROM_VM = 0, CONSOLE_TO_VM = 1 };

struct console_open {
	uint8_t nonce[16]; /* random, fresh, by the TOM */
};
struct console_hello {
	uint8_t session[16]; /* random, fresh, by the vault */
};

#define CONSOLE_TEXT_MAX 1024u /* plaintext bytes of one frame */
struct console_frame {         /* then ciphertext (1..CONSOLE_TEXT_MAX bytes) and tag */
	uint64_t
		counter; /* rises with each frame of the direction, from 0; a receiver refuses one it has passed */
};
#define CONSOLE_AAD 48u
void console_seal(enum console_direction direction, const uint8_t vm_id[KEYS_ID],
		  const uint8_t session[16], uint64_t counter, uint8_t nonce[SEAL_NONCE],
		  uint8_t aad[CONSOLE_AAD]);
