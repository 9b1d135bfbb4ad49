// SPDX-License-Identifier: Apache-2.0
/*
 * Binding: the TPM that holds the AK is genuine (certificate of its endorsement key) and the same chip (credential
 * activation), the server has the binding record made for it (token); then it gets its disk approvals.
 */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/ek.h"
#include "mgmt/tom/identity.h"
#include "mgmt/tom/session.h"
#include "mgmt/tom/tpm_make.h"

static bool check_offer(struct session *s, const struct tmc_offer *o, struct tpm_rsa_key *ek)
{
	struct tpm_ecc_key srk;
	uint8_t proof[32];
	const char *why;
	char *trusted;

	tom_hmac(s->server.token, sizeof(s->server.token), s->binder_hash, sizeof(s->binder_hash),
		 proof);
	if (CRYPTO_memcmp(proof, o->token_proof, sizeof(proof)) != 0)
		return session_refuse(s,
				      "binding: wrong token (the record on the server's ESP is not "
				      "the one made for %s)",
				      s->server.name);
	why = tpm_read_rsa(o->ek.p, o->ek.n, ek);
	if (why)
		return session_refuse(s, "binding: endorsement key: %s", why);
	trusted = trusted_ek_cas(s->t, s->server.name);
	why = ek_check(o->ek_cert.p, o->ek_cert.n, trusted ? trusted : "", ek);
	free(trusted);
	if (why)
		return session_refuse(s, "binding: %s", why);
	why = tpm_read_ecc(o->srk.p, o->srk.n, &srk);
	if (why || srk.sign)
		return session_refuse(s, "binding: storage root key: %s",
				      why ? why : "not a storage key");
	return true;
}

static bool prove_ak(struct session *s, const struct tpm_rsa_key *ek, const struct span *ak)
{
	uint8_t credential[CREDENTIAL_LEN], blob[CREDENTIAL_BLOB_LEN], secret[TPM_RSA_BYTES];
	uint8_t name[TPM_NAME_LEN], proof[32];
	struct tmc_credential m = { { blob, sizeof(blob) }, { secret, sizeof(secret) } };
	struct tmc_activated answer;

	tom_random(credential, sizeof(credential));
	tpm_name(ak->p, ak->n, name);
	if (!make_credential(ek, name, credential, blob, secret))
		return session_refuse(s, "binding: endorsement key is not usable");
	if (!session_send(s, TMC_CREDENTIAL, &m) || !session_expect(s, TMC_ACTIVATED, &answer))
		return false;
	tom_hmac(credential, sizeof(credential), s->binder_hash, sizeof(s->binder_hash), proof);
	if (CRYPTO_memcmp(proof, answer.proof, sizeof(proof)) != 0)
		return session_refuse(
			s,
			"binding: the attestation key is not in the TPM of that endorsement key");
	return true;
}

/* Known from now on, though not bound before the server says so. */
static void store_keys(struct session *s, const struct span *ak, const struct tmc_offer *o,
		       const struct verdict *v)
{
	memcpy(s->server.ak, ak->p, ak->n);
	s->server.ak_size = ak->n;
	memcpy(s->server.srk, o->srk.p, o->srk.n);
	s->server.srk_size = o->srk.n;
	memcpy(s->server.pcr7, v->pcr[7], 32);
	s->server.have_pcr7 = true;
	tom_run(s->t, "UPDATE server SET ak = ?, srk = ?, ek_cert = ?, pcr7 = ? WHERE name = ?",
		"bbbbs", ak->p, ak->n, o->srk.p, o->srk.n, o->ek_cert.p, o->ek_cert.n, v->pcr[7],
		(size_t)32, s->server.name);
	server_set_state(s->t, &s->server, SERVER_BINDING);
}

static bool send_bind(struct session *s)
{
	struct approval approval;
	struct tmc_bind m = { .approvals = { (uint8_t *)&approval, sizeof(approval) } };
	uint8_t input[TMC_APPROVALS_MAX];
	EVP_PKEY *key;
	size_t n;

	if (!server_approval(s->t, &s->server, s->server.release, APPROVAL_DISK, s->server.id,
			     &approval))
		return session_refuse(s, "release %s is not approved any more", s->server.release);
	memcpy(m.server_id, s->server.id, sizeof(m.server_id));
	memcpy(m.binder, s->binder_hash, sizeof(m.binder));
	n = tmc_bind_input(&m, input, sizeof(input));
	key = tom_load_key(s->t, "operator");
	tom_sign(key, input, n, m.signature);
	EVP_PKEY_free(key);
	return session_send(s, TMC_BIND, &m);
}

bool session_enrol(struct session *s, const struct tmc_evidence *evidence, const struct verdict *v)
{
	static uint8_t ak_bytes[512], srk_bytes[512], cert_bytes[4096];
	struct span ak = { ak_bytes, evidence->ak.n };
	struct tmc_bound bound;
	struct tpm_rsa_key ek;
	struct tmc_offer o;

	memcpy(ak_bytes, evidence->ak.p, evidence->ak.n); /* the reader's buffer is used again */
	session_log(s, "binding: asking for the endorsement key");
	if (!session_send(s, TMC_BIND_ASK, NULL) || !session_expect(s, TMC_OFFER, &o) ||
	    !check_offer(s, &o, &ek))
		return false;
	memcpy(srk_bytes, o.srk.p, o.srk.n);
	memcpy(cert_bytes, o.ek_cert.p, o.ek_cert.n);
	o.srk.p = srk_bytes;
	o.ek_cert.p = cert_bytes;
	if (!prove_ak(s, &ek, &ak))
		return false;
	store_keys(s, &ak, &o, v);
	if (!send_bind(s) || !session_expect(s, TMC_BOUND, &bound))
		return false;
	tom_run(s->t, "UPDATE server SET disk_id = ? WHERE name = ?", "bs", bound.disk_id,
		sizeof(bound.disk_id), s->server.name);
	server_set_state(s->t, &s->server, SERVER_BOUND);
	session_log(s, "bound");
	return true;
}
