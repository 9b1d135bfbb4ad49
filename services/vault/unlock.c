// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "lib/component.h"
#include "lib/tss/tss.h"
#include "services/vault/args.h"
#include "services/vault/state.h"

#define TRIES 5u

static void refuse(struct vault *v, const char *text)
{
	v->status.state = VAULT_REFUSED;
	snprintf(v->status.text, sizeof(v->status.text), "%s", text);
}

static uint32_t take_key(struct vault *v, const struct vault_start *start)
{
	struct tss_policy p = { .kind = APPROVAL_TVD };
	struct tss *t = tss_open_chan(v->tpm);
	unsigned which;
	uint32_t rc;

	if (!t)
		return TSS_TRANSPORT;
	memcpy(p.policy_key, start->head.policy_key, sizeof(p.policy_key));
	memcpy(p.id, start->head.tvd_id, sizeof(p.id));
	rc = tss_approval_find(t, start->approval, start->head.approvals, &which);
	if (!rc)
		rc = tss_unwrap(t, &p, &start->approval[which], &start->wrapped, v->keyring.key);
	tss_close(t);
	return rc;
}

static void explain(struct vault *v, const struct vault_start *start, uint32_t rc)
{
	uint8_t pcr[APPROVAL_PCRS][32];
	char why[TSS_TEXT], text[256];
	struct tss *t = NULL;

	tss_text(rc, why);
	if (rc == TSS_NO_APPROVAL || rc == TSS_PCR_INVALID)
		t = tss_open_chan(v->tpm);
	if (t && tss_pcrs(t, APPROVAL_PCR_MASK, pcr) == 0)
		tss_approval_explain(pcr, start->approval, start->head.approvals, why, sizeof(why));
	tss_close(t);
	snprintf(text, sizeof(text), "the TVD key stays closed: %s", why);
	refuse(v, text);
}

void vault_unlock(struct vault *v)
{
	const struct start_info *info = start_info();
	static struct vault_start start;
	uint32_t rc = TSS_TRANSPORT;

	if (vault_args_parse((const void *)(uintptr_t)info->arg_va, (size_t)info->arg_size,
			     &start) != 0) {
		refuse(v, "the start argument is malformed");
		return;
	}
	memcpy(v->keyring.tvd_id, start.head.tvd_id, KEYS_ID);
	memcpy(v->status.tvd_id, start.head.tvd_id, KEYS_ID);
	for (unsigned i = 0; rc && rc != TSS_NO_APPROVAL && i < TRIES; i++)
		rc = take_key(v, &start); /* the broker may be restarted in between */
	if (rc) {
		explain(v, &start, rc);
		return;
	}
	v->status.state = VAULT_OPEN;
	snprintf(v->status.text, sizeof(v->status.text), "open");
}
