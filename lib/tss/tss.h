// SPDX-License-Identifier: Apache-2.0
/*
 * What components do with the TPM, over tpm2-tss ESYS. One user of the chip at a time: open, work, close, quickly.
 *
 * Every session is salted to the storage root key and AES-128-CFB encrypted, so the broker, the driver and the bus see no
 * secret in clear. Objects and sessions are flushed before a function returns. docs/formats.md, section 2, lists handles and
 * templates. Functions return 0, a TSS_* value or a TSS2_RC; tss_text() says it in words.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "mgmt/proto/keys.h"

struct chan;
struct tss;

enum tss_result { /* beside TSS2_RC values, whose lower bits tell the TPM's or the library's error */
		  TSS_OK = 0,
		  TSS_ABSENT = 0x00f00001,   /* that object or index is not in this TPM */
		  TSS_TEMPLATE = 0x00f00002, /* it is there but is not what this system makes */
		  TSS_OTHER = 0x00f00003, /* NV index: written with another value, or not locked */
		  TSS_TRANSPORT = 0x00f00004,   /* the TPM broker or the chip does not answer */
		  TSS_NO_APPROVAL = 0x00f00005, /* no approval has the present PCR values */
		  TSS_MEMORY = 0x00f00006,
		  TSS_FORMAT = 0x00f00007,      /* a blob is malformed */
		  TSS_PCR_INVALID = 0x00f00008, /* a PCR reads all-00 or all-FF */
};

#define TSS_NAME        34u /* TPM Name of an object: 000B and a SHA-256 digest */
#define TSS_PUBLIC_MAX  512u
#define TSS_PRIVATE_MAX 512u
#define TSS_TEXT        160u
#define TSS_COMMAND_MAX 4096u

#define TSS_SRK_HANDLE    0x81000001u
#define TSS_AK_HANDLE     0x81000002u
#define TSS_EK_HANDLE     0x81010001u
#define TSS_EK_CERT_INDEX 0x01c00002u
#define TSS_BIND_INDEX    0x01800100u

/* How commands reach the TPM. exchange(): 0 and *size of the response, or -1. */
struct tss_transport {
	int (*exchange)(void *arg, const uint8_t *command, size_t n, uint8_t *response, size_t cap,
			size_t *size);
	void (*end)(void *arg); /* may be NULL */
	void *arg;
};

/* A context over a transport; NULL: no memory or the chip does not answer. */
struct tss *tss_open(const struct tss_transport *transport);
/* A context over a channel of proto "tpm": holds the lease until tss_close(). */
struct tss *tss_open_chan(struct chan *broker);
void tss_close(struct tss *t);
/* `buf` has TSS_TEXT bytes; returns it. */
const char *tss_text(uint32_t rc, char *buf);

/* ---- PCRs, SHA-256 bank ---- */

/* Values of the PCRs in `mask` (bits 0..23), ascending, packed into out. */
uint32_t tss_pcrs(struct tss *t, uint32_t mask, uint8_t (*out)[32]);
/* All 32 bytes 00 or FF: never measured, or made by software behind a reset. */
int tss_pcr_invalid(const uint8_t value[32]);

/* ---- keys of this TPM ---- */

/* Finds the storage root key and checks its template; `create`: makes it when the handle is empty. Needed before sessions. */
uint32_t tss_srk(struct tss *t, int create);
/* TPMT_PUBLIC of the storage root key into out (TSS_PUBLIC_MAX), its size, and its Name; size and name may be NULL. */
uint32_t tss_srk_public(struct tss *t, uint8_t *out, size_t *size, uint8_t name[TSS_NAME]);
/* The attestation key; made under the storage root key if the handle is empty. TPMT_PUBLIC out (TSS_PUBLIC_MAX). */
uint32_t tss_ak(struct tss *t, uint8_t *out, size_t *size, uint8_t name[TSS_NAME]);
/* The RSA endorsement key's TPMT_PUBLIC (TSS_PUBLIC_MAX), and its X.509 certificate (DER) from NV. */
uint32_t tss_ek_public(struct tss *t, uint8_t *out, size_t *size);
uint32_t tss_ek_certificate(struct tss *t, uint8_t *out, size_t cap, size_t *size);
/*
 * TPM2_ActivateCredential of the attestation key with the endorsement key. `id_object` and `secret` are the contents of TPM2B_ID_OBJECT
 * and TPM2B_ENCRYPTED_SECRET as MakeCredential makes them; out has 64 bytes.
 */
uint32_t tss_activate(struct tss *t, const uint8_t *id_object, size_t id_size,
		      const uint8_t *secret, size_t secret_size, uint8_t *out, size_t *size);

/* ---- attestation ---- */

#define TSS_ATTEST_MAX 512u
struct tss_quote {
	uint8_t attest[TSS_ATTEST_MAX]; /* TPMS_ATTEST, the signed bytes */
	size_t attest_size;
	uint8_t signature[128]; /* TPMT_SIGNATURE: ECDSA, SHA-256 */
	size_t signature_size;
};
/* Quote by the attestation key over the PCRs in `mask`, extraData = `extra` (at most 64 bytes). */
uint32_t tss_quote(struct tss *t, const uint8_t *extra, size_t n, uint32_t mask,
		   struct tss_quote *out);

/* ---- the TOM this server is bound to ---- */

/* Writes and write-locks the binding index. TSS_OTHER: bound to another TOM. Bound to this one already: 0. */
uint32_t tss_bind(struct tss *t, const uint8_t spki_hash[32]);
/* The hash in the binding index. TSS_ABSENT: never bound. TSS_OTHER: the index is not locked, so it proves nothing. */
uint32_t tss_bound(struct tss *t, uint8_t spki_hash[32]);

/* ---- sealing under the TOM's approvals (mgmt/proto/keys.h) ---- */

struct tss_policy {
	uint8_t policy_key[64]; /* X, Y of the TOM's policy key */
	enum approval_kind kind;
	uint8_t id[KEYS_ID]; /* server or TVD */
};

struct tss_blob { /* contents of TPM2B_PUBLIC and TPM2B_PRIVATE */
	uint16_t public_size, private_size;
	uint8_t public_area[256];
	uint8_t private_area[256];
};

/* authPolicy of an object under that policy. */
void tss_policy_digest(const struct tss_policy *p, uint8_t out[32]);
/* The TPM finds the approval's signature good. TSS_FORMAT: malformed. */
uint32_t tss_approval_verify(struct tss *t, const struct tss_policy *p, const struct approval *a);
/* The approval that has the present PCR values: its index into *which. TSS_PCR_INVALID, TSS_NO_APPROVAL. */
uint32_t tss_approval_find(struct tss *t, const struct approval *list, unsigned n, unsigned *which);
/*
 * Names the PCRs in which the approvals differ from the present values: "release r1: PCR 11; release r2: PCR 4, PCR 11".
 * Invalid PCRs are named as such.
 */
void tss_approval_explain(const uint8_t pcr[APPROVAL_PCRS][32], const struct approval *list,
			  unsigned n, char *text, size_t size);

uint32_t tss_seal(struct tss *t, const struct tss_policy *p, const uint8_t secret[32],
		  struct tss_blob *out);
uint32_t tss_unseal(struct tss *t, const struct tss_policy *p, const struct approval *a,
		    const struct tss_blob *blob, uint8_t secret[32]);
/* Import of a key wrapped by the TOM for this TPM, then unseal. */
uint32_t tss_unwrap(struct tss *t, const struct tss_policy *p, const struct approval *a,
		    const struct wrapped_parts *wrapped, uint8_t secret[32]);
