// SPDX-License-Identifier: Apache-2.0
/* The NV index that names the TOM this server is bound to; write-locked for good (TPMA_NV_WRITEDEFINE). */
#include "lib/tss/internal.h"

#include <string.h>

#define BIND_ATTRIBUTES                                                                    \
	(TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD | TPMA_NV_WRITEDEFINE | \
	 TPMA_NV_NO_DA)

static uint32_t define(struct tss *t, ESYS_TR *index)
{
	const TPM2B_AUTH empty = { 0 };
	const TPM2B_NV_PUBLIC area = { .nvPublic = { .nvIndex = TSS_BIND_INDEX,
						     .nameAlg = TPM2_ALG_SHA256,
						     .attributes = BIND_ATTRIBUTES,
						     .dataSize = 32 } };

	return Esys_NV_DefineSpace(t->esys, ESYS_TR_RH_OWNER, t->session, ESYS_TR_NONE,
				   ESYS_TR_NONE, &empty, &area, index);
}

static uint32_t write_and_lock(struct tss *t, ESYS_TR index, const uint8_t hash[32])
{
	TPM2B_MAX_NV_BUFFER data = { .size = 32 };
	uint32_t rc;

	memcpy(data.buffer, hash, 32);
	rc = Esys_NV_Write(t->esys, ESYS_TR_RH_OWNER, index, t->session, ESYS_TR_NONE, ESYS_TR_NONE,
			   &data, 0);
	if (rc)
		return rc;
	return Esys_NV_WriteLock(t->esys, ESYS_TR_RH_OWNER, index, t->session, ESYS_TR_NONE,
				 ESYS_TR_NONE);
}

/* What is in the index; *attributes as the TPM has them now. */
static uint32_t read_index(struct tss *t, ESYS_TR index, uint32_t *attributes, uint8_t hash[32])
{
	TPM2B_NV_PUBLIC *area = NULL;
	TPM2B_MAX_NV_BUFFER *data = NULL;
	uint32_t rc = Esys_NV_ReadPublic(t->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					 &area, NULL);

	if (!rc)
		*attributes = area->nvPublic.attributes;
	if (!rc && area->nvPublic.dataSize != 32)
		rc = TSS_OTHER;
	if (!rc && (*attributes & TPMA_NV_WRITTEN)) {
		rc = Esys_NV_Read(t->esys, index, index, t->session, ESYS_TR_NONE, ESYS_TR_NONE, 32,
				  0, &data);
		if (!rc && data->size == 32)
			memcpy(hash, data->buffer, 32);
		else if (!rc)
			rc = TSS_FORMAT;
	}
	Esys_Free(area);
	Esys_Free(data);
	return rc;
}

uint32_t tss_bound(struct tss *t, uint8_t spki_hash[32])
{
	const uint32_t done = TPMA_NV_WRITTEN | TPMA_NV_WRITELOCKED;
	uint32_t attributes = 0;
	ESYS_TR index;
	uint32_t rc = tss_srk(t, 0);

	if (!rc)
		rc = tss_session(t);
	if (!rc)
		rc = tss_find(t, TSS_BIND_INDEX, &index);
	if (!rc)
		rc = read_index(t, index, &attributes, spki_hash);
	if (!rc && (attributes & ~(uint32_t)TPMA_NV_READLOCKED) != (BIND_ATTRIBUTES | done))
		rc = TSS_OTHER;
	return rc;
}

/* An index that is there but was not finished (power cut) is written and locked; a finished one must hold this hash. */
static uint32_t finish(struct tss *t, ESYS_TR index, const uint8_t hash[32])
{
	uint32_t attributes = 0;
	uint8_t present[32] = { 0 };
	uint32_t rc = read_index(t, index, &attributes, present);

	if (rc)
		return rc;
	if (attributes & TPMA_NV_WRITELOCKED)
		return memcmp(present, hash, 32) == 0 ? TSS_OK : TSS_OTHER;
	return write_and_lock(t, index, hash);
}

uint32_t tss_bind(struct tss *t, const uint8_t spki_hash[32])
{
	ESYS_TR index = ESYS_TR_NONE;
	uint32_t rc = tss_srk(t, 1);

	if (!rc)
		rc = tss_session(t);
	if (!rc)
		rc = tss_find(t, TSS_BIND_INDEX, &index);
	if (rc == TSS_ABSENT && t->session != ESYS_TR_NONE)
		rc = define(t, &index);
	if (!rc)
		rc = finish(t, index, spki_hash);
	return rc;
}
