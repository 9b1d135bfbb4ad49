// SPDX-License-Identifier: Apache-2.0
/* Objects that need the TOM's approval: TPM2_PolicyAuthorize over TPM2_PolicyPCR (Part 3, 23.16 and 23.7). */
#include "lib/tss/internal.h"

#include <string.h>

#include <mbedtls/platform_util.h>
#include <tss2/tss2_mu.h>

static void key_digest(const struct tss_policy *p, uint8_t out[32])
{
	uint8_t area[POLICY_PUBLIC];

	policy_public(p->policy_key, area);
	tss_sha256(area, sizeof(area), NULL, 0, out);
}

void tss_policy_digest(const struct tss_policy *p, uint8_t out[32])
{
	uint8_t digest[32], input[AUTHORIZE_INPUT], ref[APPROVAL_REF];
	size_t n = approval_ref(p->kind, p->id, ref);

	key_digest(p, digest);
	authorize_input(digest, input);
	tss_sha256(input, sizeof(input), NULL, 0, digest);
	tss_sha256(digest, sizeof(digest), ref, n, out);
}

static void approved_policy(const struct approval *a, uint8_t out[32])
{
	uint8_t digest[32], input[APPROVAL_POLICY_INPUT];

	tss_sha256(a->pcr, sizeof(a->pcr), NULL, 0, digest);
	approval_policy_input(digest, input);
	tss_sha256(input, sizeof(input), NULL, 0, out);
}

/* In the owner hierarchy: only there does TPM2_VerifySignature give a ticket that counts. */
static uint32_t load_policy_key(struct tss *t, const struct tss_policy *p, ESYS_TR *key)
{
	TPM2B_PUBLIC area = { 0 };
	uint8_t bytes[POLICY_PUBLIC];
	size_t at = 0;
	uint32_t rc;

	policy_public(p->policy_key, bytes);
	rc = Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes, sizeof(bytes), &at, &area.publicArea);
	if (rc)
		return rc;
	return Esys_LoadExternal(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &area,
				 ESYS_TR_RH_OWNER, key);
}

static uint32_t verify(struct tss *t, const struct tss_policy *p, const struct approval *a,
		       TPMT_TK_VERIFIED **ticket)
{
	TPMT_SIGNATURE signature = { .sigAlg = TPM2_ALG_ECDSA };
	TPMS_SIGNATURE_ECDSA *ecdsa = &signature.signature.ecdsa;
	TPM2B_DIGEST digest = { .size = 32 };
	uint8_t policy[32], ref[APPROVAL_REF];
	size_t n = approval_ref(p->kind, p->id, ref);
	ESYS_TR key = ESYS_TR_NONE;
	uint32_t rc;

	if (approval_check(a, p->kind) != 0)
		return TSS_FORMAT;
	approved_policy(a, policy);
	tss_sha256(policy, sizeof(policy), ref, n, digest.buffer);
	ecdsa->hash = TPM2_ALG_SHA256;
	ecdsa->signatureR.size = 32;
	ecdsa->signatureS.size = 32;
	memcpy(ecdsa->signatureR.buffer, a->r, 32);
	memcpy(ecdsa->signatureS.buffer, a->s, 32);
	rc = load_policy_key(t, p, &key);
	if (!rc)
		rc = Esys_VerifySignature(t->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					  &digest, &signature, ticket);
	tss_flush(t, &key);
	return rc;
}

uint32_t tss_approval_verify(struct tss *t, const struct tss_policy *p, const struct approval *a)
{
	TPMT_TK_VERIFIED *ticket = NULL;
	uint32_t rc = verify(t, p, a, &ticket);

	Esys_Free(ticket);
	return rc;
}

/* A policy session that satisfies the object's policy, or an error. The caller flushes it. */
static uint32_t satisfy(struct tss *t, const struct tss_policy *p, const struct approval *a,
			ESYS_TR *session)
{
	const TPML_PCR_SELECTION selection = tss_selection(APPROVAL_PCR_MASK);
	const TPM2B_DIGEST present = { 0 };
	TPM2B_DIGEST approved = { .size = 32 };
	TPM2B_NONCE ref = { 0 };
	TPM2B_NAME name = { .size = TSS_NAME, .name = { 0x00, 0x0b } };
	TPMT_TK_VERIFIED *ticket = NULL;
	uint32_t rc = verify(t, p, a, &ticket);

	*session = ESYS_TR_NONE;
	ref.size = (UINT16)approval_ref(p->kind, p->id, ref.buffer);
	key_digest(p, name.name + 2);
	approved_policy(a, approved.buffer);
	if (!rc)
		rc = tss_policy_session(t, session);
	if (!rc)
		rc = Esys_PolicyPCR(t->esys, *session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				    &present, &selection);
	if (!rc)
		rc = Esys_PolicyAuthorize(t->esys, *session, ESYS_TR_NONE, ESYS_TR_NONE,
					  ESYS_TR_NONE, &approved, &ref, &name, ticket);
	Esys_Free(ticket);
	return rc;
}

static uint32_t pack_blob(const TPM2B_PUBLIC *public_area, const TPM2B_PRIVATE *private_area,
			  struct tss_blob *out)
{
	uint8_t area[TSS_PUBLIC_MAX];
	size_t size;
	uint32_t rc = tss_marshal_public(public_area, area, &size);

	if (rc)
		return rc;
	if (size > sizeof(out->public_area) || private_area->size > sizeof(out->private_area))
		return TSS_FORMAT;
	memset(out, 0, sizeof(*out));
	memcpy(out->public_area, area, size);
	memcpy(out->private_area, private_area->buffer, private_area->size);
	out->public_size = (uint16_t)size;
	out->private_size = private_area->size;
	return 0;
}

static uint32_t unpack(const uint8_t *area, size_t size, TPM2B_PUBLIC *out)
{
	size_t at = 0;
	uint32_t rc = Tss2_MU_TPMT_PUBLIC_Unmarshal(area, size, &at, &out->publicArea);

	out->size = 0;
	return rc ? rc : at == size ? 0 : TSS_FORMAT;
}

uint32_t tss_seal(struct tss *t, const struct tss_policy *p, const uint8_t secret[32],
		  struct tss_blob *out)
{
	TPM2B_SENSITIVE_CREATE sensitive = { .sensitive.data.size = 32 };
	TPM2B_PUBLIC area = { 0 };
	const TPM2B_DATA outside = { 0 };
	const TPML_PCR_SELECTION creation = { 0 };
	TPM2B_PRIVATE *private_area = NULL;
	TPM2B_PUBLIC *public_area = NULL;
	uint32_t rc = tss_srk(t, 0);

	if (!rc)
		rc = tss_session(t);
	if (rc)
		return rc;
	area.publicArea.type = TPM2_ALG_KEYEDHASH;
	area.publicArea.nameAlg = TPM2_ALG_SHA256;
	area.publicArea.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					   TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_NODA;
	area.publicArea.authPolicy.size = 32;
	tss_policy_digest(p, area.publicArea.authPolicy.buffer);
	area.publicArea.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL;
	memcpy(sensitive.sensitive.data.buffer, secret, 32);
	rc = Esys_Create(t->esys, t->srk, t->session, ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, &area,
			 &outside, &creation, &private_area, &public_area, NULL, NULL, NULL);
	mbedtls_platform_zeroize(&sensitive, sizeof(sensitive));
	if (!rc)
		rc = pack_blob(public_area, private_area, out);
	Esys_Free(private_area);
	Esys_Free(public_area);
	return rc;
}

static uint32_t load_and_unseal(struct tss *t, const struct tss_policy *p, const struct approval *a,
				const TPM2B_PUBLIC *public_area, const TPM2B_PRIVATE *private_area,
				uint8_t secret[32])
{
	ESYS_TR object = ESYS_TR_NONE, policy = ESYS_TR_NONE;
	TPM2B_SENSITIVE_DATA *data = NULL;
	uint32_t rc = satisfy(t, p, a, &policy);

	if (!rc)
		rc = Esys_Load(t->esys, t->srk, t->session, ESYS_TR_NONE, ESYS_TR_NONE,
			       private_area, public_area, &object);
	if (!rc)
		rc = Esys_Unseal(t->esys, object, policy, ESYS_TR_NONE, ESYS_TR_NONE, &data);
	if (!rc && data->size == 32)
		memcpy(secret, data->buffer, 32);
	else if (!rc)
		rc = TSS_FORMAT;
	if (data)
		mbedtls_platform_zeroize(data, sizeof(*data));
	Esys_Free(data);
	tss_flush(t, &object);
	tss_flush(t, &policy);
	return rc;
}

uint32_t tss_unseal(struct tss *t, const struct tss_policy *p, const struct approval *a,
		    const struct tss_blob *blob, uint8_t secret[32])
{
	TPM2B_PUBLIC public_area = { 0 };
	TPM2B_PRIVATE private_area = { .size = blob->private_size };
	uint32_t rc;

	if (blob->public_size > sizeof(blob->public_area) ||
	    blob->private_size > sizeof(blob->private_area))
		return TSS_FORMAT;
	memcpy(private_area.buffer, blob->private_area, blob->private_size);
	rc = unpack(blob->public_area, blob->public_size, &public_area);
	if (!rc)
		rc = tss_srk(t, 0);
	if (!rc)
		rc = tss_session(t);
	if (!rc)
		rc = load_and_unseal(t, p, a, &public_area, &private_area, secret);
	return rc;
}

static uint32_t import(struct tss *t, const struct wrapped_parts *w, const TPM2B_PUBLIC *area,
		       TPM2B_PRIVATE **out)
{
	const TPMT_SYM_DEF_OBJECT none = { .algorithm = TPM2_ALG_NULL };
	TPM2B_PRIVATE duplicate = { .size = (UINT16)w->duplicate_size };
	TPM2B_ENCRYPTED_SECRET seed = { .size = (UINT16)w->seed_size };

	if (w->duplicate_size > sizeof(duplicate.buffer) || w->seed_size > sizeof(seed.secret))
		return TSS_FORMAT;
	memcpy(duplicate.buffer, w->duplicate, w->duplicate_size);
	memcpy(seed.secret, w->seed, w->seed_size);
	return Esys_Import(t->esys, t->srk, t->session, ESYS_TR_NONE, ESYS_TR_NONE, NULL, area,
			   &duplicate, &seed, &none, out);
}

uint32_t tss_unwrap(struct tss *t, const struct tss_policy *p, const struct approval *a,
		    const struct wrapped_parts *wrapped, uint8_t secret[32])
{
	TPM2B_PUBLIC area = { 0 };
	TPM2B_PRIVATE *private_area = NULL;
	uint32_t rc = unpack(wrapped->public_area, wrapped->public_size, &area);

	if (!rc)
		rc = tss_srk(t, 0);
	if (!rc)
		rc = tss_session(t);
	if (!rc)
		rc = import(t, wrapped, &area, &private_area);
	if (!rc)
		rc = load_and_unseal(t, p, a, &area, private_area, secret);
	Esys_Free(private_area);
	return rc;
}
