// SPDX-License-Identifier: Apache-2.0
/* RSA 2048 endorsement key: TCG EK Credential Profile 2.x, template L-1, certificate at its NV index. */
#include "lib/tss/internal.h"

#include <string.h>

/* PolicySecret(TPM_RH_ENDORSEMENT), "PolicyA" of the profile. */
static const uint8_t policy_a[32] = {
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
	0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
	0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

static TPM2B_PUBLIC ek_template(void)
{
	TPM2B_PUBLIC area = { 0 };
	TPMS_RSA_PARMS *rsa = &area.publicArea.parameters.rsaDetail;

	area.publicArea.type = TPM2_ALG_RSA;
	area.publicArea.nameAlg = TPM2_ALG_SHA256;
	area.publicArea.objectAttributes =
		TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
		TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT;
	area.publicArea.authPolicy.size = sizeof(policy_a);
	memcpy(area.publicArea.authPolicy.buffer, policy_a, sizeof(policy_a));
	rsa->symmetric.algorithm = TPM2_ALG_AES;
	rsa->symmetric.keyBits.aes = 128;
	rsa->symmetric.mode.aes = TPM2_ALG_CFB;
	rsa->scheme.scheme = TPM2_ALG_NULL;
	rsa->keyBits = 2048;
	area.publicArea.unique.rsa.size = 256;
	return area;
}

static uint32_t create_ek(struct tss *t, ESYS_TR *ek)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_PUBLIC area = ek_template();
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION creation = { 0 };

	return Esys_CreatePrimary(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				  ESYS_TR_NONE, &sensitive, &area, &outside, &creation, ek, NULL,
				  NULL, NULL, NULL);
}

/* The persistent key, or a transient one from the template, which the caller flushes: *made. */
static uint32_t find_ek(struct tss *t, ESYS_TR *ek, ESYS_TR *made)
{
	uint32_t rc = tss_find(t, TSS_EK_HANDLE, ek);

	*made = ESYS_TR_NONE;
	if (rc != TSS_ABSENT)
		return rc;
	rc = create_ek(t, made);
	*ek = *made;
	return rc;
}

uint32_t tss_ek_public(struct tss *t, uint8_t *out, size_t *size)
{
	TPM2B_PUBLIC *area = NULL;
	ESYS_TR ek, made;
	uint32_t rc = find_ek(t, &ek, &made);

	if (!rc)
		rc = Esys_ReadPublic(t->esys, ek, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area,
				     NULL, NULL);
	if (!rc)
		rc = tss_marshal_public(area, out, size);
	Esys_Free(area);
	tss_flush(t, &made);
	return rc;
}

static uint32_t read_nv(struct tss *t, ESYS_TR index, uint8_t *out, size_t size)
{
	for (size_t at = 0; at < size;) {
		TPM2B_MAX_NV_BUFFER *part = NULL;
		UINT16 n = (UINT16)(size - at > 512 ? 512 : size - at);
		uint32_t rc = Esys_NV_Read(t->esys, index, index, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					   ESYS_TR_NONE, n, (UINT16)at, &part);

		if (rc)
			return rc;
		n = part->size < n ? part->size : n;
		memcpy(out + at, part->buffer, n);
		Esys_Free(part);
		if (!n)
			return TSS_FORMAT;
		at += n;
	}
	return 0;
}

uint32_t tss_ek_certificate(struct tss *t, uint8_t *out, size_t cap, size_t *size)
{
	TPM2B_NV_PUBLIC *area = NULL;
	ESYS_TR index;
	uint32_t rc = tss_find(t, TSS_EK_CERT_INDEX, &index);

	if (!rc)
		rc = Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					&area, NULL);
	if (!rc && area->nvPublic.dataSize > cap)
		rc = TSS_FORMAT;
	if (!rc) {
		*size = area->nvPublic.dataSize;
		rc = read_nv(t, index, out, *size);
	}
	Esys_Free(area);
	return rc;
}

static uint32_t ek_policy(struct tss *t, ESYS_TR *session)
{
	uint32_t rc = tss_policy_session(t, session);

	if (!rc)
		rc = Esys_PolicySecret(t->esys, ESYS_TR_RH_ENDORSEMENT, *session, t->session,
				       ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0, NULL, NULL);
	return rc;
}

static uint32_t activate(struct tss *t, ESYS_TR ak, ESYS_TR ek, const TPM2B_ID_OBJECT *blob,
			 const TPM2B_ENCRYPTED_SECRET *secret, uint8_t *out, size_t *size)
{
	ESYS_TR policy = ESYS_TR_NONE;
	TPM2B_DIGEST *credential = NULL;
	uint32_t rc = ek_policy(t, &policy);

	if (!rc)
		rc = Esys_TRSess_SetAttributes(t->esys, policy, TPMA_SESSION_CONTINUESESSION, 0xff);
	if (!rc)
		rc = Esys_ActivateCredential(t->esys, ak, ek, t->session, policy, ESYS_TR_NONE,
					     blob, secret, &credential);
	if (!rc) {
		memcpy(out, credential->buffer, credential->size);
		*size = credential->size;
	}
	Esys_Free(credential);
	tss_flush(t, &policy);
	return rc;
}

uint32_t tss_activate(struct tss *t, const uint8_t *id_object, size_t id_size,
		      const uint8_t *secret, size_t secret_size, uint8_t *out, size_t *size)
{
	TPM2B_ID_OBJECT blob = { .size = (UINT16)id_size };
	TPM2B_ENCRYPTED_SECRET wrapped = { .size = (UINT16)secret_size };
	ESYS_TR ak, ek, made = ESYS_TR_NONE;
	uint32_t rc;

	if (id_size > sizeof(blob.credential) || secret_size > sizeof(wrapped.secret))
		return TSS_FORMAT;
	memcpy(blob.credential, id_object, id_size);
	memcpy(wrapped.secret, secret, secret_size);
	rc = tss_srk(t, 0);
	if (!rc)
		rc = tss_session(t);
	if (!rc)
		rc = tss_find(t, TSS_AK_HANDLE, &ak);
	if (!rc)
		rc = find_ek(t, &ek, &made);
	if (!rc)
		rc = activate(t, ak, ek, &blob, &wrapped, out, size);
	tss_flush(t, &made);
	return rc;
}
