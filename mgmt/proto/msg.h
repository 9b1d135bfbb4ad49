// SPDX-License-Identifier: Apache-2.0
/*
 * Messages of the TMC, in the order in which they may occur. T: TOM, S: server.
 *
 *   T CHALLENGE     S EVIDENCE                              always first
 *   T BIND_ASK      S OFFER                                 only while the TOM has armed the binding of this server:
 *   T CREDENTIAL    S ACTIVATED                             the TPM that made the AK holds the certified EK
 *   T BIND          S BOUND                                 NV index locked, disk formatted
 *   T RESULT                                                signed; from here on:
 *   T COMMAND       S ANSWER                                signed, strictly rising sequence; executed by policy
 *   S STATUS                                                at once after RESULT and at every change
 *   T SEALED        S SEALED_ANSWER                         relayed to and from the TVD's vault (proto "sealed",
 *                                                           services/vault/vault.h); answers with id 0 are events
 *   either REFUSE, then close                               why, in words
 *
 * Anything out of this order ends the connection.
 */
#pragma once
#include "mgmt/proto/binding.h"
#include "mgmt/proto/schema.h"

enum tmc_type {
	TMC_CHALLENGE = 1,
	TMC_EVIDENCE = 2,
	TMC_BIND_ASK = 3,
	TMC_OFFER = 4,
	TMC_CREDENTIAL = 5,
	TMC_ACTIVATED = 6,
	TMC_BIND = 7,
	TMC_BOUND = 8,
	TMC_RESULT = 9,
	TMC_REFUSE = 10,
	TMC_COMMAND = 16,
	TMC_ANSWER = 17,
	TMC_STATUS = 18,
	TMC_SEALED = 20,
	TMC_SEALED_ANSWER = 21,
};

#define TMC_LOG_MAX       (64u * 1024u)
#define TMC_APPROVALS_MAX 4096u
#define TMC_COMMAND_MAX   (64u * 1024u)
#define TMC_SEALED_MAX    (40u * 1024u)
#define TMC_STATUS_ITEMS  81u /* the store, 16 TVDs, 32 VMs, 32 images */

struct tmc_challenge {
	uint8_t nonce[32];
};

enum tmc_disk { TMC_DISK_BLANK = 0, TMC_DISK_SEALED = 1, TMC_DISK_OPEN = 2 };

/* What keeps the server's devices in their drivers' memory, as its kernel found it (enum start_iommu of lib/start.h). */
enum tmc_iommu {
	TMC_IOMMU_NONE = 0,
	TMC_IOMMU_VTD = 1,
	TMC_IOMMU_AMDVI = 2,
	TMC_IOMMU_KIND = 0xff,
	TMC_IOMMU_REMAPS = 1 << 8, /* or'ed to it: interrupts too */
	TMC_IOMMU_MAX = TMC_IOMMU_AMDVI | TMC_IOMMU_REMAPS,
};

/* In words. */
const char *tmc_iommu_name(uint64_t iommu);

struct tmc_evidence {
	uint8_t server_id[16];
	uint64_t boot_id;
	uint64_t disk;         /* enum tmc_disk */
	char disk_text[160];   /* why it is sealed */
	struct span ak;        /* TPMT_PUBLIC */
	struct span quote;     /* TPMS_ATTEST */
	struct span signature; /* TPMT_SIGNATURE */
	struct span boot_log;  /* TCG2 crypto-agile event log */
	struct span run_log;   /* CEL-TLV records */
	uint64_t iommu;        /* enum tmc_iommu; covered by the quote through the binder */
};

struct tmc_offer {
	struct span ek_cert;     /* DER */
	struct span ek;          /* TPMT_PUBLIC */
	struct span srk;         /* TPMT_PUBLIC */
	uint8_t token_proof[32]; /* HMAC-SHA-256(token, binder of this connection) */
};

struct tmc_credential {
	struct span blob;   /* TPM2B_ID_OBJECT */
	struct span secret; /* TPM2B_ENCRYPTED_SECRET */
};

struct tmc_activated {
	uint8_t proof[32]; /* HMAC-SHA-256(credential, binder of this connection) */
};

struct tmc_bind {
	uint8_t server_id[16];
	uint8_t binder[32];
	struct span approvals;       /* for the disk, mgmt/proto/keys.h */
	uint8_t signature[P256_SIG]; /* operator key over tmc_bind_input() */
};

struct tmc_bound {
	uint8_t disk_id[16];
};

struct tmc_result {
	uint8_t binder[32];
	uint64_t utc;                /* seconds since 1970, for the guests' clocks */
	uint8_t signature[P256_SIG]; /* operator key over tmc_result_input() */
};

struct tmc_refuse {
	char text[200];
};

enum tmc_command_kind { TMC_SET_STATE = 1, TMC_APPROVE_DISK = 2 };

struct tmc_command {
	uint64_t sequence;
	uint8_t server_id[16];
	uint64_t kind; /* enum tmc_command_kind */
	struct span
		body; /* SET_STATE: signed_state of mgmt/proto/state.h; APPROVE_DISK: approvals */
	uint8_t signature[P256_SIG]; /* operator key over tmc_command_input() */
};

struct tmc_answer {
	uint64_t sequence;
	uint64_t accepted; /* 1 or 0 */
	char text[200];
};

struct tmc_status_item {
	char kind[8];  /* "store", "tvd", "vm", "image": docs/tmc.md section 8 */
	char name[64]; /* TVD, VM: its name; image: hex digest's first 16 */
	char state[16];
	char text[120];
};

struct tmc_status {
	uint64_t epoch; /* of the committed state, 0: none */
	uint64_t sequence;
	size_t count;
	struct tmc_status_item items[TMC_STATUS_ITEMS];
};

struct tmc_sealed {
	uint64_t tvd;  /* TVD number */
	uint64_t type; /* enum sealed_type */
	uint64_t id;   /* chosen by the TOM, repeated in the answer */
	uint64_t arg;
	uint64_t status; /* enum chan_status; 0 in requests and events */
	struct span payload;
};

extern const struct schema tmc_challenge_schema, tmc_evidence_schema, tmc_offer_schema,
	tmc_credential_schema, tmc_activated_schema, tmc_bind_schema, tmc_bound_schema,
	tmc_result_schema, tmc_refuse_schema, tmc_command_schema, tmc_answer_schema,
	tmc_status_schema, tmc_sealed_schema;

/* The schema of a frame type; NULL for unknown types and for BIND_ASK, whose body is an empty map. */
const struct schema *tmc_schema(uint16_t type);
