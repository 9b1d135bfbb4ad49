// SPDX-License-Identifier: Apache-2.0
/*
 * What disk measures once its key is out. Each PCR is read first: a component that died in between extends none twice.
 */
#include <stdio.h>
#include <string.h>

#include "lib/tss/tss.h"
#include "services/disk/state.h"
#include "services/tpm/tpm.h"

static void after(const uint8_t before[32], const uint8_t *content, size_t n, uint8_t out[32])
{
	uint8_t joined[64];

	memcpy(joined, before, 32);
	disk_sha256(content, n, joined + 32);
	disk_sha256(joined, sizeof(joined), out);
}

/* 0: the PCR holds `before` extended with the content. */
static int ensure(struct disk *d, uint32_t pcr, const uint8_t now[32], const uint8_t before[32],
		  const uint8_t *content, size_t n)
{
	uint8_t done[32];

	after(before, content, n, done);
	if (memcmp(now, done, 32) == 0)
		return 0;
	if (memcmp(now, before, 32) != 0)
		return -1;
	return chan_call(d->tpm, TPM_EXTEND, pcr, content, n, NULL, 0, NULL) == CS_OK ? 0 : -1;
}

int disk_measure(struct disk *d, const uint8_t parts[32], char *text, size_t size)
{
	static const uint8_t unused[32];
	const uint32_t mask = 1u << TPM_PCR_PARTS | 1u << TPM_PCR_IDENTITY;
	uint8_t identity[sizeof(TPM_WORD_DISK_ID) + 64] = TPM_WORD_DISK_ID;
	uint8_t pcr[2][32];
	char why[TSS_TEXT];
	struct tss *t = tss_open_chan(d->tpm);
	uint32_t rc = t ? tss_pcrs(t, mask, pcr) : TSS_TRANSPORT;

	tss_close(t);
	if (rc) {
		snprintf(text, size, "cannot read PCR 11: %s", tss_text(rc, why));
		return -1;
	}
	if (ensure(d, TPM_PCR_PARTS, pcr[0], parts, (const uint8_t *)TPM_WORD_DISK_OPEN,
		   sizeof(TPM_WORD_DISK_OPEN)) != 0) {
		snprintf(text, size, "PCR 11 could not be extended with \"disk-open\": reboot");
		return -1;
	}
	disk_identity(d->key, d->header.server_id, d->header.disk_uuid,
		      identity + sizeof(TPM_WORD_DISK_ID));
	if (ensure(d, TPM_PCR_IDENTITY, pcr[1], unused, identity, sizeof(identity)) != 0) {
		snprintf(text, size,
			 "PCR 15 could not be extended with the disk's identity: reboot");
		return -1;
	}
	return 0;
}
