// SPDX-License-Identifier: Apache-2.0
/* Shared by the files of lib/tss. */
#pragma once
#include <tss2/tss2_esys.h>

#include "lib/tss/tss.h"

/* TCTI of tpm2-tss over a tss_transport (TCG TSS 2.0 TCTI specification, version 1 of the structure). */
struct tss_tcti {
	TSS2_TCTI_CONTEXT_COMMON_V1 common; /* first: ESYS sees a pointer to this */
	struct tss_transport transport;
	size_t size; /* of the response that waits to be received; 0: none */
	uint8_t response[TSS_COMMAND_MAX];
};

struct tss {
	struct tss_tcti tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR srk; /* ESYS_TR_NONE until tss_srk() */
	ESYS_TR session; /* salted HMAC session with encryption both ways; ESYS_TR_NONE until first used */
};

void tss_tcti_init(struct tss_tcti *tcti, const struct tss_transport *transport);

/* t->session, started when needed. */
uint32_t tss_session(struct tss *t);
/* A fresh salted policy session. The caller flushes it. */
uint32_t tss_policy_session(struct tss *t, ESYS_TR *out);
/* Flushes and sets to ESYS_TR_NONE. */
void tss_flush(struct tss *t, ESYS_TR *handle);
/* ESYS handle of a persistent object or NV index; TSS_ABSENT. */
uint32_t tss_find(struct tss *t, uint32_t handle, ESYS_TR *out);
/* Selection of the PCRs in mask, SHA-256 bank. */
TPML_PCR_SELECTION tss_selection(uint32_t mask);
/* TPMT_PUBLIC bytes of a public area, at most TSS_PUBLIC_MAX. */
uint32_t tss_marshal_public(const TPM2B_PUBLIC *area, uint8_t *out, size_t *size);
/* Persistent `handle` from a primary or a loaded key; flushes *key. */
uint32_t tss_make_persistent(struct tss *t, ESYS_TR *key, uint32_t handle);
void tss_sha256(const void *a, size_t na, const void *b, size_t nb, uint8_t out[32]);
