// SPDX-License-Identifier: Apache-2.0
/* The first exchange on every connection: nonce, evidence, verdict. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/evidence.h"
#include "mgmt/tom/session.h"

static bool export_key(struct session *s)
{
	static const char label[] = TMC_EXPORTER_LABEL, role[] = TMC_ROLE_SERVER;

	return SSL_export_keying_material(s->ssl, s->binder.exporter, sizeof(s->binder.exporter),
					  label, sizeof(label) - 1, (const unsigned char *)role,
					  sizeof(role) - 1, 1) == 1;
}

/* SHA-256(own SPKI || the server's). */
static bool hash_keys(struct session *s)
{
	uint8_t own[SPKI_MAX], *der = NULL;
	EVP_PKEY *key = tom_load_key(s->t, "tls");
	size_t own_len = tom_key_spki(key, own, sizeof(own));
	X509 *peer = SSL_get1_peer_certificate(s->ssl);
	int n = peer ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(peer), &der) : 0;

	if (n > 0)
		tom_sha256_two(own, own_len, der, (size_t)n, s->binder.keys);
	OPENSSL_free(der);
	X509_free(peer);
	EVP_PKEY_free(key);
	return n > 0;
}

static bool same_key(const struct server *s, const struct tmc_evidence *e)
{
	return s->ak_size == e->ak.n && memcmp(s->ak, e->ak.p, e->ak.n) == 0;
}

/* Which attestation key counts: the enrolled one; for an armed server the one it shows, until it is proven. */
static bool choose_ak(struct session *s, const struct tmc_evidence *e, struct verify_expect *want)
{
	const char *why;

	if (s->server.state != SERVER_ARMED && !same_key(&s->server, e))
		return session_refuse(s,
				      "attestation key: not the one enrolled for server %s "
				      "(another TPM, or a cleared one)",
				      s->server.name);
	why = tpm_read_ecc(e->ak.p, e->ak.n, &want->ak);
	if (!why && !want->ak.sign)
		why = "not a restricted signing key";
	return why ? session_refuse(s, "attestation key: %s", why) : true;
}

/* A server that was approved for another release may run that one by now. */
static void try_next(struct session *s, const struct tmc_evidence *e,
		     const struct verify_expect *now, struct verdict *v)
{
	struct server other = s->server;
	struct verify_expect want;
	struct verdict second;

	memcpy(other.release, other.next_release, sizeof(other.release));
	if (!other.release[0] || !server_expect(s->t, &other, &want))
		return;
	want.ak = now->ak;
	memcpy(want.binder, now->binder, sizeof(want.binder));
	verify_evidence(&want, e, &second);
	if (!second.good)
		return;
	*v = second;
	server_promote(s->t, &s->server);
	session_log(s, "runs release %s now", s->server.release);
}

static bool appraise(struct session *s, const struct tmc_evidence *e, struct verdict *v)
{
	struct verify_expect want;

	if (!server_expect(s->t, &s->server, &want))
		return session_refuse(s, "release %s of server %s is not approved any more",
				      s->server.release, s->server.name);
	evidence_binder(&s->binder, s->binder_hash);
	memcpy(want.binder, s->binder_hash, sizeof(want.binder));
	if (!choose_ak(s, e, &want))
		return false;
	verify_evidence(&want, e, v);
	if (!v->good)
		try_next(s, e, &want, v);
	evidence_store(s->t, s->server.name, &s->binder, e, v);
	return v->good ? true : session_refuse(s, "%s", v->text);
}

static bool send_result(struct session *s)
{
	struct tmc_result m = { .utc = (uint64_t)time(NULL) };
	EVP_PKEY *key = tom_load_key(s->t, "operator");
	uint8_t input[128];
	size_t n;

	memcpy(m.binder, s->binder_hash, sizeof(m.binder));
	n = tmc_result_input(&m, input, sizeof(input));
	tom_sign(key, input, n, m.signature);
	EVP_PKEY_free(key);
	return session_send(s, TMC_RESULT, &m);
}

static bool admit(struct session *s, const struct tmc_evidence *e, const struct verdict *v)
{
	if (s->server.state == SERVER_BINDING && e->disk == TMC_DISK_OPEN)
		server_set_state(s->t, &s->server, SERVER_BOUND);
	if (s->server.state != SERVER_BOUND)
		return session_enrol(s, e, v);
	if (e->disk != TMC_DISK_OPEN)
		return session_refuse(s, "disk of server %s is %s: %s", s->server.name,
				      e->disk == TMC_DISK_BLANK ? "blank" : "sealed", e->disk_text);
	return true;
}

static void note_good(struct session *s, const struct tmc_evidence *e, const struct verdict *v)
{
	s->server.reset_count = (int64_t)v->reset_count;
	tom_run(s->t,
		"UPDATE server SET verdict = 'good', seen = ?, reset_count = ?, iommu = ? WHERE "
		"name = ?",
		"iiis", (int64_t)time(NULL), s->server.reset_count, (int64_t)e->iommu,
		s->server.name);
}

bool session_attest(struct session *s)
{
	struct tmc_challenge challenge;
	struct tmc_evidence e;
	struct verdict v;

	if (!export_key(s) || !hash_keys(s))
		return session_refuse(s, "TLS gave no exporter or the client no certificate");
	tom_random(challenge.nonce, sizeof(challenge.nonce));
	memcpy(s->binder.nonce, challenge.nonce, sizeof(challenge.nonce));
	if (!session_send(s, TMC_CHALLENGE, &challenge) || !session_expect(s, TMC_EVIDENCE, &e))
		return false;
	s->binder.boot_id = e.boot_id;
	s->binder.iommu = e.iommu;
	if (!server_by_id(s->t, e.server_id, &s->server))
		return session_refuse(
			s, "this TOM has no server of that id; register it with `tom server add`");
	if (s->server.state == SERVER_NEW)
		return session_refuse(s,
				      "server %s may not bind yet: `tom server bind %s` allows it",
				      s->server.name, s->server.name);
	if (!appraise(s, &e, &v) || !admit(s, &e, &v) || !send_result(s))
		return false;
	note_good(s, &e, &v);
	return true;
}
