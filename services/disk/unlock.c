// SPDX-License-Identifier: Apache-2.0
/* From the header on the disk to an open disk: or to the reason why not. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/component.h"
#include "lib/tss/tss.h"
#include "services/disk/state.h"
#include "services/tpm/tpm.h"

#define KEPT_MAGIC 0x5450454b4b534944ull /* "DISKKEPT" */

static void refuse(struct disk *d, enum disk_reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void refuse(struct disk *d, enum disk_reason reason, const char *format, ...)
{
	va_list args;

	wipe(d->key, sizeof(d->key));
	d->status.state = DISK_SEALED;
	d->status.reason = reason;
	va_start(args, format);
	vsnprintf(d->status.text, sizeof(d->status.text), format, args);
	va_end(args);
}

static struct disk_kept *kept(void)
{
	const struct start_info *info = start_info();

	if (info->kept_size < sizeof(struct disk_kept))
		return NULL;
	return (struct disk_kept *)(uintptr_t)info->kept_va;
}

/* The key is on record before PCR 11 moves on: from then on no other copy can be had in this boot. */
static void keep(const struct disk *d, const struct approval *a)
{
	struct disk_kept *k = kept();

	if (!k)
		return;
	k->boot_id = start_info()->boot_id;
	memcpy(k->key, d->key, sizeof(k->key));
	memcpy(k->parts, a->pcr[2], sizeof(k->parts));
	memcpy(k->release, a->release, sizeof(k->release));
	__atomic_store_n(&k->magic, KEPT_MAGIC, __ATOMIC_SEQ_CST);
}

static int was_kept(const struct disk_kept *k)
{
	return k && k->magic == KEPT_MAGIC && k->boot_id == start_info()->boot_id;
}

struct tss_policy disk_policy(const struct disk_header *h)
{
	struct tss_policy p = { .kind = APPROVAL_DISK };

	memcpy(p.policy_key, h->policy_key, sizeof(p.policy_key));
	memcpy(p.id, h->server_id, sizeof(p.id));
	return p;
}

/* PCR 11 is what one of the approvals says, moved on by "disk-open". */
static int opened_before(uint8_t pcr[APPROVAL_PCRS][32], const struct disk_header *h)
{
	uint8_t joined[64], expected[32];

	for (unsigned i = 0; i < h->approvals; i++) {
		memcpy(joined, h->approval[i].pcr[2], 32);
		disk_sha256(TPM_WORD_DISK_OPEN, sizeof(TPM_WORD_DISK_OPEN), joined + 32);
		disk_sha256(joined, sizeof(joined), expected);
		if (memcmp(pcr[2], expected, 32) == 0)
			return 1;
	}
	return 0;
}

static void explain_pcrs(struct disk *d, struct tss *t, uint32_t rc)
{
	uint8_t pcr[APPROVAL_PCRS][32];
	char why[160];

	if (tss_pcrs(t, APPROVAL_PCR_MASK, pcr) != 0) {
		refuse(d, DISK_TPM, "the TPM does not answer");
	} else if (rc == TSS_NO_APPROVAL && opened_before(pcr, &d->header)) {
		refuse(d, DISK_OPENED,
		       "the disk key was already taken out in this boot (PCR 11 has moved on): "
		       "reboot");
	} else {
		tss_approval_explain(pcr, d->header.approval, d->header.approvals, why,
				     sizeof(why));
		refuse(d, rc == TSS_PCR_INVALID ? DISK_PCR_INVALID : DISK_NOT_APPROVED,
		       "the measured code is not approved (%s): boot an approved release or have "
		       "the TOM approve this one",
		       why);
	}
}

/* This TPM's storage root key is the one the disk key was sealed under. */
static int same_tpm(struct disk *d, struct tss *t)
{
	uint8_t area[TSS_PUBLIC_MAX], name[TSS_NAME];
	char why[TSS_TEXT];
	uint32_t rc = tss_srk(t, 0);

	if (!rc)
		rc = tss_srk_public(t, area, NULL, name);
	if (!rc && memcmp(name, d->header.srk_name, sizeof(name)) == 0)
		return 1;
	if (rc == TSS_ABSENT)
		refuse(d, DISK_OTHER_TPM,
		       "this TPM was cleared or is another one (no storage root key): bind the "
		       "server again");
	else if (rc && rc != TSS_TEMPLATE)
		refuse(d, DISK_TPM, "the storage root key cannot be read: %s", tss_text(rc, why));
	else
		refuse(d, DISK_OTHER_TPM,
		       "this disk was sealed by another TPM (disk moved, TPM swapped or cleared): "
		       "put it back or bind the server again");
	return 0;
}

/* Header version, blob and policy are this disk's: the key out of the TPM into d->key. */
static const struct approval *unseal(struct disk *d, struct tss *t)
{
	const struct tss_policy p = disk_policy(&d->header);
	struct tss_blob blob = { .public_size = d->header.public_size,
				 .private_size = d->header.private_size };
	char why[TSS_TEXT];
	unsigned which;
	uint32_t rc;

	if (!same_tpm(d, t))
		return NULL;
	rc = tss_approval_find(t, d->header.approval, d->header.approvals, &which);
	if (rc == TSS_NO_APPROVAL || rc == TSS_PCR_INVALID) {
		explain_pcrs(d, t, rc);
		return NULL;
	}
	memcpy(blob.public_area, d->header.public_area, sizeof(blob.public_area));
	memcpy(blob.private_area, d->header.private_area, sizeof(blob.private_area));
	if (!rc)
		rc = tss_unseal(t, &p, &d->header.approval[which], &blob, d->key);
	if (rc) {
		refuse(d, DISK_TPM, "the TPM does not give the disk key out: %s",
		       tss_text(rc, why));
		return NULL;
	}
	return &d->header.approval[which];
}

/* The key is in d->key: measure, then open the store. */
static void go_open(struct disk *d, const uint8_t parts[32], const char *release)
{
	char why[160];
	enum store_result r;

	if (disk_measure(d, parts, why, sizeof(why)) != 0) {
		refuse(d, DISK_TPM, "%s", why);
		return;
	}
	r = store_init(&d->store, &d->device, d->key, d->header.disk_uuid, random_bytes);
	if (r == STORE_OK)
		r = store_open(&d->store);
	if (r == STORE_OK)
		r = disk_load_volumes(d);
	if (r != STORE_OK) {
		refuse(d, r == STORE_IO ? DISK_IO : DISK_STORE,
		       r == STORE_IO
			       ? "the disk cannot be read"
			       : "neither copy of the system store is intact: the disk is damaged");
		return;
	}
	d->status.state = DISK_OPEN;
	d->status.reason = DISK_NO_REASON;
	snprintf(d->status.release, sizeof(d->status.release), "%s", release);
	snprintf(d->status.text, sizeof(d->status.text), "open with release %s%s",
		 d->status.release, d->store.damaged ? "; the last commit was cut short" : "");
}

void disk_open(struct disk *d, const struct approval *a)
{
	keep(d, a);
	go_open(d, a->pcr[2], a->release);
}

static void start_kept(struct disk *d, const struct disk_kept *k)
{
	memcpy(d->key, k->key, sizeof(d->key));
	if (header_authentic(&d->header, d->key))
		go_open(d, k->parts, k->release);
	else
		refuse(d, DISK_TAMPERED, "the header was changed while the disk was open: reboot");
}

static void start_sealed(struct disk *d)
{
	struct tss *t = tss_open_chan(d->tpm);
	const struct approval *a;

	if (!t) {
		refuse(d, DISK_TPM, "the TPM does not answer");
		return;
	}
	a = unseal(d, t);
	tss_close(t);
	if (!a)
		return;
	if (!header_authentic(&d->header, d->key)) {
		refuse(d, DISK_TAMPERED,
		       "the disk's header is not the one this key wrote: the disk was tampered "
		       "with");
		return;
	}
	disk_open(d, a);
}

static void start_formatted(struct disk *d)
{
	memcpy(d->status.server_id, d->header.server_id, 16);
	memcpy(d->status.disk_uuid, d->header.disk_uuid, 16);
	d->status.approvals = d->header.approvals;
	if (d->header.blocks > d->device.blocks)
		refuse(d, DISK_HEADER, "the device is smaller than the disk that was formatted");
	else if (was_kept(kept()))
		start_kept(d, kept());
	else
		start_sealed(d);
}

void disk_start(struct disk *d)
{
	if (disk_io_init(d) != 0) {
		refuse(d, DISK_IO, "no usable disk: absent, read-only or below 5 MiB");
		return;
	}
	switch (header_read(&d->device, &d->header)) {
	case HEADER_INTACT:
		start_formatted(d);
		break;
	case HEADER_BLANK:
		d->status.state = DISK_BLANK;
		snprintf(d->status.text, sizeof(d->status.text),
			 "blank: waits for the TOM to bind this server");
		break;
	case HEADER_VERSION:
		refuse(d, DISK_FORMAT_UNKNOWN, "the disk's format is of a later release");
		break;
	case HEADER_DAMAGED:
		refuse(d, DISK_HEADER,
		       "not blank, yet without an intact header: overwrite its first 64 KiB with "
		       "zeros if it may be used");
		break;
	default:
		refuse(d, DISK_IO, "the disk cannot be read");
	}
}
