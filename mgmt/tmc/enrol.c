// SPDX-License-Identifier: Apache-2.0
/* Binding, the server's side: prove the TPM and the record, then take the TOM as the only one for good. */
#include <string.h>
#include "lib/component.h"
#include "lib/tss/tss.h"
#include "mgmt/tmc/tmc.h"
#include "services/disk/disk.h"

enum { CERT_ROOM = 4096, CREDENTIAL_ROOM = 64 };

static bool tpm_failed(const char *what, uint32_t rc)
{
	char text[TSS_TEXT];

	return link_refuse("binding: %s: %s", what, tss_text(rc, text));
}

static bool send_offer(void)
{
	static uint8_t cert[CERT_ROOM], ek[TSS_PUBLIC_MAX], srk[TSS_PUBLIC_MAX];
	struct tmc_offer o = { .ek_cert.p = cert, .ek.p = ek, .srk.p = srk };
	struct tss *t = tss_open_chan(tmc.tpm);
	uint32_t rc = t ? tss_srk(t, 1) : (uint32_t)TSS_TRANSPORT;

	if (!rc)
		rc = tss_srk_public(t, srk, &o.srk.n, NULL);
	if (!rc)
		rc = tss_ek_public(t, ek, &o.ek.n);
	if (!rc)
		rc = tss_ek_certificate(t, cert, sizeof(cert), &o.ek_cert.n);
	tss_close(t);
	if (rc)
		return tpm_failed("endorsement key and its certificate", rc);
	hash_hmac(tmc.binding->token, sizeof(tmc.binding->token), tmc.binder, sizeof(tmc.binder),
		  o.token_proof);
	return link_send(TMC_OFFER, &o);
}

static bool activate(void)
{
	uint8_t credential[CREDENTIAL_ROOM];
	struct tmc_activated answer;
	struct tmc_credential m;
	struct tss *t;
	size_t n = 0;
	uint32_t rc;

	if (!link_expect(TMC_CREDENTIAL, &m))
		return false;
	t = tss_open_chan(tmc.tpm);
	rc = t ? tss_srk(t, 0) : (uint32_t)TSS_TRANSPORT;
	if (!rc)
		rc = tss_activate(t, m.blob.p, m.blob.n, m.secret.p, m.secret.n, credential, &n);
	tss_close(t);
	if (rc)
		return tpm_failed("credential activation", rc);
	hash_hmac(credential, n, tmc.binder, sizeof(tmc.binder), answer.proof);
	wipe(credential, sizeof(credential));
	return link_send(TMC_ACTIVATED, &answer);
}

static bool check_bind(const struct tmc_bind *m)
{
	static uint8_t input[TMC_APPROVALS_MAX + 256];
	size_t n = tmc_bind_input(m, input, sizeof(input));

	if (memcmp(m->server_id, tmc.binding->server_id, sizeof(m->server_id)) != 0 ||
	    memcmp(m->binder, tmc.binder, sizeof(m->binder)) != 0 ||
	    !operator_verify(tmc.binding->operator_key, input, n, m->signature))
		return link_refuse(
			"binding: the order is not the operator's for this server and connection");
	if (m->approvals.n == 0 || m->approvals.n % sizeof(struct approval))
		return link_refuse("binding: malformed approvals");
	return true;
}

/* From here on no other TOM can take this server. */
static bool lock_tom(void)
{
	struct tss *t = tss_open_chan(tmc.tpm);
	uint32_t rc = t ? tss_srk(t, 0) : (uint32_t)TSS_TRANSPORT;

	if (!rc)
		rc = tss_bind(t, tmc.tom_hash);
	tss_close(t);
	if (rc == TSS_OTHER)
		return link_refuse(
			"binding: this server is bound to another TOM (NV index 0x01800100)");
	return rc ? tpm_failed("NV index of the TOM's identity", rc) : true;
}

static bool format_disk(const struct tmc_bind *m, uint8_t disk_id[16])
{
	static uint8_t buf[sizeof(struct disk_format) + TMC_APPROVALS_MAX];
	struct disk_format head = { .version = DISK_FORMAT_VERSION };
	struct disk_status s;
	char text[160] = "";
	size_t n = 0;
	enum chan_status result;

	head.approvals = (uint32_t)(m->approvals.n / sizeof(struct approval));
	memcpy(head.server_id, tmc.binding->server_id, sizeof(head.server_id));
	memcpy(head.policy_key, tmc.binding->policy_key + 1, sizeof(head.policy_key));
	memcpy(buf, &head, sizeof(head));
	memcpy(buf + sizeof(head), m->approvals.p, m->approvals.n);
	result = chan_call(tmc.disk, DISK_FORMAT, 0, buf, sizeof(head) + m->approvals.n, &s,
			   sizeof(s), &n);
	if (result == CS_OK && n == sizeof(s)) {
		memcpy(disk_id, s.disk_uuid, sizeof(s.disk_uuid));
		return true;
	}
	memcpy(text, &s, n < sizeof(text) ? n : sizeof(text) - 1);
	return link_refuse("binding: disk is not formatted (%d): %s", (int)result, text);
}

bool enrol(void)
{
	struct tmc_bound bound;
	struct tmc_bind m;

	log_line("binding to the TOM of the binding record");
	if (!send_offer() || !activate() || !link_expect(TMC_BIND, &m) || !check_bind(&m) ||
	    !lock_tom() || !format_disk(&m, bound.disk_id))
		return false;
	log_line("bound: this server takes orders from this TOM alone");
	return link_send(TMC_BOUND, &bound);
}
