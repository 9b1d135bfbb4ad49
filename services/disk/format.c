// SPDX-License-Identifier: Apache-2.0
/* What the TOM orders: a blank disk formatted, other approvals. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/component.h"
#include "lib/tss/tss.h"
#include "services/disk/state.h"

/* The list at `from` into the header: whole, well formed, each signed by the policy key. */
static int take_approvals(struct disk_header *h, struct tss *t, const uint8_t *from, size_t n,
			  char *text)
{
	const struct tss_policy p = disk_policy(h);
	size_t count = n / sizeof(struct approval);
	char why[TSS_TEXT];

	if (!count || count > APPROVAL_MAX || n != count * sizeof(struct approval)) {
		snprintf(text, 256, "1 to %u approvals are needed", APPROVAL_MAX);
		return -1;
	}
	memset(h->approval, 0, sizeof(h->approval));
	memcpy(h->approval, from, n);
	h->approvals = (uint16_t)count;
	for (unsigned i = 0; i < count; i++) {
		uint32_t rc = tss_approval_verify(t, &p, &h->approval[i]);

		if (rc) {
			snprintf(text, 256, "approval %u is not signed by the policy key: %s", i,
				 tss_text(rc, why));
			return -1;
		}
	}
	return 0;
}

static void new_header(struct disk *d, const struct disk_format *f)
{
	struct disk_header *h = &d->header;

	memset(h, 0, sizeof(*h));
	h->magic = DISK_MAGIC;
	h->version = DISK_HEADER_VERSION;
	h->size = sizeof(*h);
	h->blocks = d->device.blocks;
	random_bytes(h->disk_uuid, sizeof(h->disk_uuid));
	memcpy(h->server_id, f->server_id, sizeof(h->server_id));
	memcpy(h->policy_key, f->policy_key, sizeof(h->policy_key));
}

/* A fresh key, sealed, and taken out once as the next boot will. */
static uint32_t seal_new_key(struct disk *d, struct tss *t, const struct approval *a)
{
	const struct tss_policy p = disk_policy(&d->header);
	struct tss_blob blob;
	uint8_t area[TSS_PUBLIC_MAX], again[DISK_KEY];
	uint32_t rc;

	random_bytes(d->key, sizeof(d->key));
	rc = tss_srk_public(t, area, NULL, d->header.srk_name);
	if (!rc)
		rc = tss_seal(t, &p, d->key, &blob);
	if (!rc)
		rc = tss_unseal(t, &p, a, &blob, again);
	if (!rc && !disk_equal(again, d->key, sizeof(again)))
		rc = TSS_FORMAT;
	wipe(again, sizeof(again));
	if (rc)
		return rc;
	d->header.public_size = blob.public_size;
	d->header.private_size = blob.private_size;
	memcpy(d->header.public_area, blob.public_area, sizeof(blob.public_area));
	memcpy(d->header.private_area, blob.private_area, sizeof(blob.private_area));
	return 0;
}

/* Everything of a format that needs the TPM; the approval that fits, or NULL and the reason in text. */
static const struct approval *prepare(struct disk *d, struct tss *t, const uint8_t *approvals,
				      size_t n, char *text)
{
	uint8_t pcr[APPROVAL_PCRS][32];
	char why[TSS_TEXT];
	unsigned which = 0;
	uint32_t rc = tss_srk(t, 1);

	if (!rc && take_approvals(&d->header, t, approvals, n, text) != 0)
		return NULL;
	if (!rc)
		rc = tss_approval_find(t, d->header.approval, d->header.approvals, &which);
	if ((rc == TSS_NO_APPROVAL || rc == TSS_PCR_INVALID) &&
	    tss_pcrs(t, APPROVAL_PCR_MASK, pcr) == 0) {
		tss_approval_explain(pcr, d->header.approval, d->header.approvals, why,
				     sizeof(why));
		snprintf(text, 256, "not formatted, for it could not be opened again: %s", why);
		return NULL;
	}
	if (!rc)
		rc = seal_new_key(d, t, &d->header.approval[which]);
	if (!rc)
		return &d->header.approval[which];
	snprintf(text, 256, "the disk key cannot be sealed: %s", tss_text(rc, why));
	return NULL;
}

/* Store first, header last: a format that is cut short leaves a blank disk. */
static enum chan_status write_new(struct disk *d, const struct approval *a, char *text)
{
	enum store_result r =
		store_init(&d->store, &d->device, d->key, d->header.disk_uuid, random_bytes);

	if (r == STORE_OK)
		r = store_format(&d->store);
	free(d->store.valid.data);
	free(d->store.next.data);
	free(d->store.block);
	if (r != STORE_OK || header_write(&d->device, &d->header, d->key) != 0) {
		snprintf(text, 256, "the disk cannot be written");
		return CS_IO;
	}
	memcpy(d->status.server_id, d->header.server_id, 16);
	memcpy(d->status.disk_uuid, d->header.disk_uuid, 16);
	d->status.approvals = d->header.approvals;
	disk_open(d, a);
	if (d->status.state == DISK_OPEN)
		return CS_OK;
	snprintf(text, 256, "%s", d->status.text);
	return CS_FAILED;
}

enum chan_status disk_format(struct disk *d, const uint8_t *payload, size_t n, char *text)
{
	const struct approval *a = NULL;
	struct disk_format f;
	struct tss *t;

	if (d->status.state != DISK_BLANK) {
		snprintf(text, 256, "the disk is not blank");
		return CS_STATE;
	}
	if (n < sizeof(f))
		return CS_BAD_REQUEST;
	memcpy(&f, payload, sizeof(f));
	if (f.version != DISK_FORMAT_VERSION || f.approvals > APPROVAL_MAX ||
	    n != sizeof(f) + f.approvals * sizeof(struct approval))
		return CS_BAD_REQUEST;
	new_header(d, &f);
	t = tss_open_chan(d->tpm);
	if (t)
		a = prepare(d, t, payload + sizeof(f), n - sizeof(f), text);
	else
		snprintf(text, 256, "the TPM does not answer");
	tss_close(t);
	if (a)
		return write_new(d, a, text);
	wipe(d->key, sizeof(d->key));
	return CS_FAILED;
}

enum chan_status disk_approve(struct disk *d, const uint8_t *payload, size_t n, char *text)
{
	struct disk_header next = d->header;
	struct tss *t = tss_open_chan(d->tpm);
	int taken = -1;

	if (t)
		taken = take_approvals(&next, t, payload, n, text);
	else
		snprintf(text, 256, "the TPM does not answer");
	tss_close(t);
	if (taken != 0)
		return CS_FAILED;
	if (header_write(&d->device, &next, d->key) != 0) {
		snprintf(text, 256, "the disk cannot be written");
		return CS_IO;
	}
	d->header = next;
	d->status.approvals = next.approvals;
	return CS_OK;
}
