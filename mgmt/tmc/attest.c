// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "lib/component.h"
#include "lib/tss/tss.h"
#include "mgmt/policy/policy.h"
#include "mgmt/tmc/tmc.h"
#include "services/disk/disk.h"
#include "services/tpm/tpm.h"

enum { TRIES = 4, QUOTED = 0xffff };

struct proof {
	uint8_t ak[TSS_PUBLIC_MAX];
	size_t ak_size;
	struct tss_quote quote;
};

static uint8_t boot_log[TMC_LOG_MAX], run_log[TMC_LOG_MAX];

/* A whole log of the broker; false if it is longer than the message may be. */
static bool read_log(enum tpm_log which, uint8_t *out, size_t *size)
{
	size_t at = 0, n;

	for (;;) {
		struct tpm_log_request q = { which, 4096 };

		if (at + q.max > TMC_LOG_MAX)
			q.max = (uint32_t)(TMC_LOG_MAX - at);
		if (q.max == 0)
			return false;
		if (chan_call(tmc.tpm, TPM_LOG, at, &q, sizeof(q), out + at, q.max, &n) != CS_OK)
			return false;
		if (n == 0)
			break;
		at += n;
	}
	*size = at;
	return true;
}

static uint32_t quote(struct proof *p)
{
	struct tss *t = tss_open_chan(tmc.tpm);
	uint32_t rc = t ? tss_srk(t, 1) : (uint32_t)TSS_TRANSPORT;

	if (!rc)
		rc = tss_ak(t, p->ak, &p->ak_size, NULL);
	if (!rc)
		rc = tss_quote(t, tmc.binder, sizeof(tmc.binder), QUOTED, &p->quote);
	tss_close(t);
	return rc;
}

/* Quote and logs that belong together: nothing was extended between them. */
static bool prove(struct proof *p, size_t *boot_size, size_t *run_size)
{
	char text[TSS_TEXT];
	size_t before, after;
	uint32_t rc = 0;

	if (!read_log(TPM_LOG_BOOT, boot_log, boot_size) ||
	    !read_log(TPM_LOG_RUNTIME, run_log, &before))
		return link_refuse("event logs cannot be read from the TPM service");
	for (unsigned i = 0; i < TRIES; i++) {
		rc = quote(p);
		if (rc)
			break;
		if (!read_log(TPM_LOG_RUNTIME, run_log, &after))
			return link_refuse("run-time log cannot be read");
		if (after == before) {
			*run_size = after;
			return true;
		}
		before = after;
	}
	return link_refuse("no quote: %s",
			   rc ? tss_text(rc, text) : "the run-time log keeps growing");
}

static uint64_t disk_state(char *text, size_t cap)
{
	struct disk_status s;
	size_t n;

	snprintf(text, cap, "the disk service does not answer");
	if (chan_call(tmc.disk, DISK_STATUS, 0, NULL, 0, &s, sizeof(s), &n) != CS_OK ||
	    n != sizeof(s))
		return TMC_DISK_SEALED;
	snprintf(text, cap, "%.*s", (int)cap - 1, s.text);
	for (char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return s.state == DISK_OPEN    ? TMC_DISK_OPEN
	       : s.state == DISK_BLANK ? TMC_DISK_BLANK
				       : TMC_DISK_SEALED;
}

static bool make_binder(const struct tmc_challenge *c)
{
	struct tmc_binder b = { .boot_id = tmc.boot_id, .iommu = start_info()->iommu };
	uint8_t input[256];
	size_t n;

	if (!link_exporter(b.exporter))
		return link_refuse("TLS gives no exporter");
	memcpy(b.nonce, c->nonce, sizeof(b.nonce));
	link_keys(b.keys);
	n = tmc_binder_input(&b, input, sizeof(input));
	hash_sha256(input, n, NULL, 0, tmc.binder);
	return true;
}

static bool send_evidence(void)
{
	static struct proof p;
	static struct tmc_evidence e;
	size_t boot_size = 0, run_size = 0;

	memset(&e, 0, sizeof(e));
	e.disk = disk_state(e.disk_text, sizeof(e.disk_text));
	if (!prove(&p, &boot_size, &run_size))
		return false;
	memcpy(e.server_id, tmc.binding->server_id, sizeof(e.server_id));
	e.boot_id = tmc.boot_id;
	e.iommu = start_info()->iommu;
	e.ak = (struct span){ p.ak, p.ak_size };
	e.quote = (struct span){ p.quote.attest, p.quote.attest_size };
	e.signature = (struct span){ p.quote.signature, p.quote.signature_size };
	e.boot_log = (struct span){ boot_log, boot_size };
	e.run_log = (struct span){ run_log, run_size };
	return link_send(TMC_EVIDENCE, &e);
}

static bool check_result(const struct tmc_result *m)
{
	uint8_t input[128];
	size_t n = tmc_result_input(m, input, sizeof(input));

	if (memcmp(m->binder, tmc.binder, sizeof(tmc.binder)) != 0 ||
	    !operator_verify(tmc.binding->operator_key, input, n, m->signature))
		return link_refuse("attestation result is not the operator's for this connection");
	chan_call(tmc.policy, CONF_TIME, m->utc, NULL, 0, NULL, 0, NULL);
	return true;
}

/* The TOM either wants to bind this server first, or gives its result, or refuses. */
static bool await_verdict(void)
{
	struct tmc_result result;
	struct tmc_frame f;

	if (!link_wait(&f))
		return false;
	if (f.type == TMC_BIND_ASK && (!enrol() || !link_wait(&f)))
		return false;
	return link_decode(&f, TMC_RESULT, &result) && check_result(&result);
}

bool attest(void)
{
	struct tmc_challenge challenge;

	return link_expect(TMC_CHALLENGE, &challenge) && make_binder(&challenge) &&
	       send_evidence() && await_verdict();
}
