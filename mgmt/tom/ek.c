// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include "mgmt/tom/ek.h"
#include "mgmt/tom/tpm_make.h"

#define EK_USAGE "2.23.133.8.1" /* tcg-kp-EKCertificate */

static X509_STORE *load_trusted(const char *pem, unsigned *count)
{
	X509_STORE *store = X509_STORE_new();
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert;

	*count = 0;
	while (bio && store && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		X509_STORE_add_cert(store, cert);
		X509_free(cert);
		++*count;
	}
	BIO_free(bio);
	return store;
}

unsigned ek_count_pem(const char *pem)
{
	unsigned count;

	X509_STORE_free(load_trusted(pem, &count));
	return count;
}

static bool has_ek_usage(X509 *cert)
{
	EXTENDED_KEY_USAGE *usage = X509_get_ext_d2i(cert, NID_ext_key_usage, NULL, NULL);
	bool found = false;
	char oid[64];

	for (int i = 0; usage && i < sk_ASN1_OBJECT_num(usage); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(usage, i), 1);
		found |= strcmp(oid, EK_USAGE) == 0;
	}
	EXTENDED_KEY_USAGE_free(usage);
	return found;
}

/* The subject alternative name of TPM certificates is a critical directory name; X509_verify_cert knows it as handled. */
static const char *check_chain(X509 *cert, const char *trusted)
{
	static _Thread_local char text[160];
	unsigned count;
	X509_STORE *store = load_trusted(trusted, &count);
	X509_STORE_CTX *c = X509_STORE_CTX_new();
	const char *why = NULL;

	if (count == 0) {
		why = "no CA for endorsement keys is trusted yet: add one with --ek-ca FILE";
	} else if (!c || X509_STORE_CTX_init(c, store, cert, NULL) != 1) {
		why = "certificate store failed";
	} else if (X509_verify_cert(c) != 1) {
		snprintf(text, sizeof(text),
			 "EK certificate does not chain to a trusted TPM maker: %s",
			 X509_verify_cert_error_string(X509_STORE_CTX_get_error(c)));
		why = text;
	}
	X509_STORE_CTX_free(c);
	X509_STORE_free(store);
	return why;
}

const char *ek_check(const uint8_t *cert, size_t n, const char *trusted,
		     const struct tpm_rsa_key *ek)
{
	const uint8_t *p = cert;
	X509 *x = d2i_X509(NULL, &p, (long)n);
	EVP_PKEY *key = rsa_key(ek);
	const char *why = NULL;

	if (!x)
		why = "EK certificate is not an X.509 certificate";
	else if (!has_ek_usage(x))
		why = "certificate is not for an endorsement key (extended key usage)";
	else if (!key || EVP_PKEY_eq(X509_get0_pubkey(x), key) != 1)
		why = "EK certificate is for another key than this TPM's endorsement key";
	else
		why = check_chain(x, trusted);
	EVP_PKEY_free(key);
	X509_free(x);
	return why;
}
