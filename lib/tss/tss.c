// SPDX-License-Identifier: Apache-2.0
#include "lib/tss/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/sha256.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>

struct tss *tss_open(const struct tss_transport *transport)
{
	struct tss *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	tss_tcti_init(&t->tcti, transport);
	t->srk = ESYS_TR_NONE;
	t->session = ESYS_TR_NONE;
	if (Esys_Initialize(&t->esys, (TSS2_TCTI_CONTEXT *)&t->tcti, NULL) != TSS2_RC_SUCCESS) {
		t->tcti.common.finalize((TSS2_TCTI_CONTEXT *)&t->tcti);
		free(t);
		return NULL;
	}
	return t;
}

void tss_close(struct tss *t)
{
	if (!t)
		return;
	tss_flush(t, &t->session);
	Esys_Finalize(&t->esys);
	t->tcti.common.finalize((TSS2_TCTI_CONTEXT *)&t->tcti);
	free(t);
}

static const char *own_text(uint32_t rc)
{
	switch (rc) {
	case TSS_OK:
		return "done";
	case TSS_ABSENT:
		return "not in this TPM: it was cleared, changed, or never bound";
	case TSS_TEMPLATE:
		return "the key at that handle is not the one this system makes";
	case TSS_OTHER:
		return "the binding index holds another value or is not locked";
	case TSS_TRANSPORT:
		return "the TPM does not answer";
	case TSS_NO_APPROVAL:
		return "no approval has the present PCR values";
	case TSS_MEMORY:
		return "no memory";
	case TSS_FORMAT:
		return "malformed";
	case TSS_PCR_INVALID:
		return "a PCR reads all-00 or all-FF";
	default:
		return NULL;
	}
}

const char *tss_text(uint32_t rc, char *buf)
{
	const char *own = own_text(rc);

	if (own)
		snprintf(buf, TSS_TEXT, "%s", own);
	else
		snprintf(buf, TSS_TEXT, "TPM error 0x%x (%s)", (unsigned)rc, Tss2_RC_Decode(rc));
	return buf;
}

void tss_sha256(const void *a, size_t na, const void *b, size_t nb, uint8_t out[32])
{
	mbedtls_sha256_context ctx;

	mbedtls_sha256_init(&ctx);
	mbedtls_sha256_starts(&ctx, 0);
	mbedtls_sha256_update(&ctx, a, na);
	if (nb)
		mbedtls_sha256_update(&ctx, b, nb);
	mbedtls_sha256_finish(&ctx, out);
	mbedtls_sha256_free(&ctx);
}

void tss_flush(struct tss *t, ESYS_TR *handle)
{
	if (*handle != ESYS_TR_NONE)
		Esys_FlushContext(t->esys, *handle);
	*handle = ESYS_TR_NONE;
}

uint32_t tss_find(struct tss *t, uint32_t handle, ESYS_TR *out)
{
	TSS2_RC rc = Esys_TR_FromTPMPublic(t->esys, handle, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE, out);

	/* TPM_RC_HANDLE with whichever parameter number: nothing at that handle. */
	if ((rc & 0xff0000bf) == TPM2_RC_HANDLE)
		return TSS_ABSENT;
	return rc;
}

static uint32_t start_session(struct tss *t, TPM2_SE type, ESYS_TR *out)
{
	const TPMT_SYM_DEF aes = { .algorithm = TPM2_ALG_AES,
				   .keyBits.aes = 128,
				   .mode.aes = TPM2_ALG_CFB };
	TPMA_SESSION attributes =
		TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT;
	uint32_t rc;

	*out = ESYS_TR_NONE;
	if (t->srk == ESYS_TR_NONE)
		return TSS_ABSENT;
	rc = Esys_StartAuthSession(t->esys, t->srk, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   ESYS_TR_NONE, NULL, type, &aes, TPM2_ALG_SHA256, out);
	if (rc) {
		*out = ESYS_TR_NONE;
		return rc;
	}
	rc = Esys_TRSess_SetAttributes(t->esys, *out, attributes, 0xff);
	if (rc)
		tss_flush(t, out);
	return rc;
}

uint32_t tss_session(struct tss *t)
{
	if (t->session != ESYS_TR_NONE)
		return 0;
	return start_session(t, TPM2_SE_HMAC, &t->session);
}

uint32_t tss_policy_session(struct tss *t, ESYS_TR *out)
{
	return start_session(t, TPM2_SE_POLICY, out);
}

uint32_t tss_marshal_public(const TPM2B_PUBLIC *area, uint8_t *out, size_t *size)
{
	size_t at = 0;
	uint32_t rc = Tss2_MU_TPMT_PUBLIC_Marshal(&area->publicArea, out, TSS_PUBLIC_MAX, &at);

	*size = at;
	return rc;
}

uint32_t tss_make_persistent(struct tss *t, ESYS_TR *key, uint32_t handle)
{
	ESYS_TR persistent = ESYS_TR_NONE;
	ESYS_TR session = t->session == ESYS_TR_NONE ? ESYS_TR_PASSWORD : t->session;
	uint32_t rc = Esys_EvictControl(t->esys, ESYS_TR_RH_OWNER, *key, session, ESYS_TR_NONE,
					ESYS_TR_NONE, handle, &persistent);

	tss_flush(t, key);
	if (!rc)
		Esys_TR_Close(t->esys, &persistent);
	return rc;
}
