// SPDX-License-Identifier: Apache-2.0
/* tom init: the TOM's identity. Four P-256 keys and two certificates, made once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include "mgmt/tom/commands.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/identity.h"
#include "mgmt/tom/tvd_key.h"

#define DEFAULT_LISTEN "0.0.0.0:7443"

enum { YEARS = 30 };

static void random_serial(X509 *x)
{
	uint8_t bytes[16];
	BIGNUM *n;

	tom_random(bytes, sizeof(bytes));
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 1);
	n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
	BN_free(n);
}

static bool extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX c;
	X509_EXTENSION *e;
	bool good;

	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	good = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	return good;
}

/* issuer NULL: self-signed CA. */
static X509 *certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	bool good;

	X509_set_version(x, X509_VERSION_3);
	random_serial(x);
	X509_gmtime_adj(X509_getm_notBefore(x), -86400);
	X509_time_adj_ex(X509_getm_notAfter(x), YEARS * 365, 0, NULL);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : subject);
	X509_set_pubkey(x, key);
	good = extension(x, issuer ? issuer : x, NID_basic_constraints,
			 issuer ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
	       extension(x, issuer ? issuer : x, NID_key_usage,
			 issuer ? "critical,digitalSignature" : "critical,keyCertSign") &&
	       X509_sign(x, issuer_key, EVP_sha256()) > 0;
	if (good)
		return x;
	X509_free(x);
	return NULL;
}

static bool save_certificate(const struct tom *t, const char *name, X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char path[512], *pem;
	long n;
	bool good = x && PEM_write_bio_X509(bio, x) == 1;

	n = BIO_get_mem_data(bio, &pem);
	tom_path(t, path, sizeof(path), "keys/%s.crt", name);
	good = good && tom_write_file(path, pem, (size_t)n);
	BIO_free(bio);
	return good;
}

static bool make_identity(const struct tom *t)
{
	EVP_PKEY *ca = tom_key_new(), *tls = tom_key_new();
	EVP_PKEY *policy = tom_key_new(), *oper = tom_key_new();
	X509 *ca_cert = certificate("Redoubt TOM CA", ca, NULL, ca);
	X509 *tls_cert = ca_cert ? certificate("Redoubt TOM", tls, ca_cert, ca) : NULL;
	bool good = save_certificate(t, "ca", ca_cert) && save_certificate(t, "tls", tls_cert) &&
		    tom_save_key(t, "tls", tls) && tom_save_key(t, "policy", policy) &&
		    tom_save_key(t, "operator", oper) && tvd_key_init(t) &&
		    tom_save_key(t, "ca", ca);

	X509_free(tls_cert);
	X509_free(ca_cert);
	EVP_PKEY_free(ca);
	EVP_PKEY_free(tls);
	EVP_PKEY_free(policy);
	EVP_PKEY_free(oper);
	return good;
}

int cmd_init(struct tom *t, struct args *a)
{
	const char *listen = arg_option(a, "--listen"), *ek_ca;
	char path[512];
	int result = TOM_OK;

	if (!tom_make_dirs(t))
		return tom_fail(TOM_BROKEN, "%s: cannot be made or written", t->home);
	tom_path(t, path, sizeof(path), "keys/ca.key");
	if (access(path, F_OK) == 0)
		return tom_fail(TOM_USAGE,
				"%s is there already: this TOM has its identity; a second init "
				"would orphan its servers",
				path);
	if (!tom_db_open(t) || !make_identity(t))
		return tom_fail(TOM_BROKEN, "%s: keys could not be written", t->home);
	tom_run(t, "INSERT INTO meta VALUES('listen', ?)", "s", listen ? listen : DEFAULT_LISTEN);
	while (result == TOM_OK && (ek_ca = arg_option(a, "--ek-ca")))
		result = trust_ek_ca(t, "", ek_ca);
	if (result != TOM_OK || !arg_end(a))
		return result != TOM_OK ? result : TOM_USAGE;
	if (!t->json)
		printf("TOM ready in %s\n", t->home);
	return TOM_OK;
}
