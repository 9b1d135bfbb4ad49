// SPDX-License-Identifier: Apache-2.0
/* Storage root key: ECC P-256 template of the TCG TPM v2.0 Provisioning Guidance, section 7.5.1. */
#include "lib/tss/internal.h"

#include <string.h>

static TPM2B_PUBLIC srk_template(void)
{
	TPM2B_PUBLIC area = { 0 };
	TPMS_ECC_PARMS *ecc = &area.publicArea.parameters.eccDetail;

	area.publicArea.type = TPM2_ALG_ECC;
	area.publicArea.nameAlg = TPM2_ALG_SHA256;
	area.publicArea.objectAttributes = TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
					   TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					   TPMA_OBJECT_SENSITIVEDATAORIGIN |
					   TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA;
	ecc->symmetric.algorithm = TPM2_ALG_AES;
	ecc->symmetric.keyBits.aes = 128;
	ecc->symmetric.mode.aes = TPM2_ALG_CFB;
	ecc->scheme.scheme = TPM2_ALG_NULL;
	ecc->curveID = TPM2_ECC_NIST_P256;
	ecc->kdf.scheme = TPM2_ALG_NULL;
	return area;
}

/* All but the point: that is what this chip makes of the template. */
static int fits_template(const TPM2B_PUBLIC *area)
{
	TPM2B_PUBLIC want = srk_template();
	uint8_t a[TSS_PUBLIC_MAX], b[TSS_PUBLIC_MAX];
	size_t na, nb;

	want.publicArea.unique.ecc = area->publicArea.unique.ecc;
	if (tss_marshal_public(area, a, &na) || tss_marshal_public(&want, b, &nb))
		return 0;
	return na == nb && memcmp(a, b, na) == 0;
}

static uint32_t create_srk(struct tss *t)
{
	const TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	const TPM2B_PUBLIC area = srk_template();
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION creation = { 0 };
	ESYS_TR key = ESYS_TR_NONE;
	uint32_t rc = Esys_CreatePrimary(t->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
					 ESYS_TR_NONE, &sensitive, &area, &outside, &creation, &key,
					 NULL, NULL, NULL, NULL);

	if (rc)
		return rc;
	return tss_make_persistent(t, &key, TSS_SRK_HANDLE);
}

static uint32_t read_srk(struct tss *t, TPM2B_PUBLIC **area, TPM2B_NAME **name)
{
	return Esys_ReadPublic(t->esys, t->srk, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, area,
			       name, NULL);
}

uint32_t tss_srk(struct tss *t, int create)
{
	TPM2B_PUBLIC *area = NULL;
	uint32_t rc;

	if (t->srk != ESYS_TR_NONE)
		return 0;
	rc = tss_find(t, TSS_SRK_HANDLE, &t->srk);
	if (rc == TSS_ABSENT && create) {
		rc = create_srk(t);
		if (!rc)
			rc = tss_find(t, TSS_SRK_HANDLE, &t->srk);
	}
	if (!rc)
		rc = read_srk(t, &area, NULL);
	if (!rc && !fits_template(area))
		rc = TSS_TEMPLATE;
	Esys_Free(area);
	if (rc)
		t->srk = ESYS_TR_NONE;
	return rc;
}

uint32_t tss_srk_public(struct tss *t, uint8_t *out, size_t *size, uint8_t name[TSS_NAME])
{
	TPM2B_PUBLIC *area = NULL;
	TPM2B_NAME *tpm_name = NULL;
	size_t n;
	uint32_t rc = tss_srk(t, 0);

	if (!rc)
		rc = read_srk(t, &area, &tpm_name);
	if (!rc)
		rc = tss_marshal_public(area, out, &n);
	if (!rc && tpm_name->size != TSS_NAME)
		rc = TSS_TEMPLATE;
	if (!rc && size)
		*size = n;
	if (!rc && name)
		memcpy(name, tpm_name->name, TSS_NAME);
	Esys_Free(area);
	Esys_Free(tpm_name);
	return rc;
}
