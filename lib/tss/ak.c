// SPDX-License-Identifier: Apache-2.0
/* Attestation key: restricted ECDSA P-256 under the storage root key. */
#include "lib/tss/internal.h"

#include <string.h>

#include <tss2/tss2_mu.h>

static TPM2B_PUBLIC ak_template(void)
{
	TPM2B_PUBLIC area = { 0 };
	TPMS_ECC_PARMS *ecc = &area.publicArea.parameters.eccDetail;

	area.publicArea.type = TPM2_ALG_ECC;
	area.publicArea.nameAlg = TPM2_ALG_SHA256;
	area.publicArea.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT |
					   TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					   TPMA_OBJECT_SENSITIVEDATAORIGIN |
					   TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;
	ecc->symmetric.algorithm = TPM2_ALG_NULL;
	ecc->scheme.scheme = TPM2_ALG_ECDSA;
	ecc->scheme.details.ecdsa.hashAlg = TPM2_ALG_SHA256;
	ecc->curveID = TPM2_ECC_NIST_P256;
	ecc->kdf.scheme = TPM2_ALG_NULL;
	return area;
}

static uint32_t create_ak(struct tss *t)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_PUBLIC area = ak_template();
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION creation = { 0 };
	TPM2B_PRIVATE *private_area = NULL;
	TPM2B_PUBLIC *public_area = NULL;
	ESYS_TR key = ESYS_TR_NONE;
	uint32_t rc = Esys_Create(t->esys, t->srk, t->session, ESYS_TR_NONE, ESYS_TR_NONE,
				  &sensitive, &area, &outside, &creation, &private_area,
				  &public_area, NULL, NULL, NULL);

	if (!rc)
		rc = Esys_Load(t->esys, t->srk, t->session, ESYS_TR_NONE, ESYS_TR_NONE,
			       private_area, public_area, &key);
	Esys_Free(private_area);
	Esys_Free(public_area);
	return rc ? rc : tss_make_persistent(t, &key, TSS_AK_HANDLE);
}

/* Handle of the attestation key, with a session ready. */
static uint32_t find_ak(struct tss *t, int create, ESYS_TR *ak)
{
	uint32_t rc = tss_srk(t, create);

	if (!rc)
		rc = tss_session(t);
	if (!rc)
		rc = tss_find(t, TSS_AK_HANDLE, ak);
	if (rc == TSS_ABSENT && create && t->session != ESYS_TR_NONE) {
		rc = create_ak(t);
		if (!rc)
			rc = tss_find(t, TSS_AK_HANDLE, ak);
	}
	return rc;
}

uint32_t tss_ak(struct tss *t, uint8_t *out, size_t *size, uint8_t name[TSS_NAME])
{
	TPM2B_PUBLIC *area = NULL;
	TPM2B_NAME *tpm_name = NULL;
	ESYS_TR ak;
	uint32_t rc = find_ak(t, 1, &ak);

	if (!rc)
		rc = Esys_ReadPublic(t->esys, ak, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &area,
				     &tpm_name, NULL);
	if (!rc)
		rc = tss_marshal_public(area, out, size);
	if (!rc && (tpm_name->size != TSS_NAME ||
		    area->publicArea.objectAttributes != ak_template().publicArea.objectAttributes))
		rc = TSS_TEMPLATE;
	if (!rc && name)
		memcpy(name, tpm_name->name, TSS_NAME);
	Esys_Free(area);
	Esys_Free(tpm_name);
	return rc;
}

static uint32_t pack_quote(const TPM2B_ATTEST *attest, const TPMT_SIGNATURE *signature,
			   struct tss_quote *out)
{
	if (attest->size > TSS_ATTEST_MAX)
		return TSS_FORMAT;
	memcpy(out->attest, attest->attestationData, attest->size);
	out->attest_size = attest->size;
	out->signature_size = 0;
	return Tss2_MU_TPMT_SIGNATURE_Marshal(signature, out->signature, sizeof(out->signature),
					      &out->signature_size);
}

uint32_t tss_quote(struct tss *t, const uint8_t *extra, size_t n, uint32_t mask,
		   struct tss_quote *out)
{
	const TPMT_SIG_SCHEME scheme = { .scheme = TPM2_ALG_NULL };
	const TPML_PCR_SELECTION selection = tss_selection(mask);
	TPM2B_DATA qualifying = { .size = (UINT16)n };
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	ESYS_TR ak;
	uint32_t rc;

	if (n > sizeof(qualifying.buffer))
		return TSS_FORMAT;
	memcpy(qualifying.buffer, extra, n);
	rc = find_ak(t, 0, &ak);
	if (!rc)
		rc = Esys_Quote(t->esys, ak, t->session, ESYS_TR_NONE, ESYS_TR_NONE, &qualifying,
				&scheme, &selection, &attest, &signature);
	if (!rc)
		rc = pack_quote(attest, signature, out);
	Esys_Free(attest);
	Esys_Free(signature);
	return rc;
}
