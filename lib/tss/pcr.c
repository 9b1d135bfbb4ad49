// SPDX-License-Identifier: Apache-2.0
#include "lib/tss/internal.h"

#include <string.h>

TPML_PCR_SELECTION tss_selection(uint32_t mask)
{
	TPML_PCR_SELECTION selection = { .count = 1 };

	selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
	selection.pcrSelections[0].sizeofSelect = 3;
	for (unsigned i = 0; i < 3; i++)
		selection.pcrSelections[0].pcrSelect[i] = (BYTE)(mask >> (8 * i));
	return selection;
}

static uint32_t selected(const TPML_PCR_SELECTION *s)
{
	uint32_t mask = 0;

	if (s->count != 1 || s->pcrSelections[0].hash != TPM2_ALG_SHA256)
		return 0;
	for (unsigned i = 0; i < s->pcrSelections[0].sizeofSelect && i < 3; i++)
		mask |= (uint32_t)s->pcrSelections[0].pcrSelect[i] << (8 * i);
	return mask;
}

/* How many PCRs of `mask` come before number `pcr`. */
static unsigned position(uint32_t mask, unsigned pcr)
{
	return (unsigned)__builtin_popcount(mask & ((1u << pcr) - 1));
}

/* Puts what one TPM2_PCR_Read gave (the PCRs `got`) into its places; 0, or TSS_FORMAT. */
static uint32_t place(const TPML_DIGEST *values, uint32_t got, uint32_t mask, uint8_t (*out)[32])
{
	unsigned n = 0;

	for (unsigned pcr = 0; pcr < 24; pcr++) {
		if (!(got >> pcr & 1))
			continue;
		if (n >= values->count || values->digests[n].size != 32)
			return TSS_FORMAT;
		memcpy(out[position(mask, pcr)], values->digests[n++].buffer, 32);
	}
	return 0;
}

uint32_t tss_pcrs(struct tss *t, uint32_t mask, uint8_t (*out)[32])
{
	uint32_t missing = mask & 0xffffff;

	while (missing) {
		TPML_PCR_SELECTION want = tss_selection(missing);
		TPML_PCR_SELECTION *got = NULL;
		TPML_DIGEST *values = NULL;
		UINT32 updates;
		uint32_t read = 0;
		uint32_t rc = Esys_PCR_Read(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					    &want, &updates, &got, &values);

		if (!rc) {
			read = selected(got) & missing;
			rc = read ? place(values, read, mask, out) : TSS_FORMAT;
		}
		Esys_Free(got);
		Esys_Free(values);
		if (rc)
			return rc;
		missing &= ~read;
	}
	return 0;
}

int tss_pcr_invalid(const uint8_t value[32])
{
	if (value[0] != 0x00 && value[0] != 0xff)
		return 0;
	for (unsigned i = 1; i < 32; i++)
		if (value[i] != value[0])
			return 0;
	return 1;
}
