// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/pem.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/ek.h"
#include "mgmt/tom/identity.h"

int trust_ek_ca(struct tom *t, const char *server, const char *file)
{
	size_t n;
	char *pem = (char *)tom_read_file(file, &n);
	unsigned count = pem ? ek_count_pem(pem) : 0;

	if (count)
		tom_run(t, "INSERT OR IGNORE INTO ek_ca VALUES(?, ?)", "ss", server, pem);
	free(pem);
	return count ? TOM_OK : tom_fail(TOM_BROKEN, "%s: no PEM certificates in it", file);
}

char *trusted_ek_cas(struct tom *t, const char *server)
{
	sqlite3_stmt *q =
		tom_query(t,
			  "SELECT group_concat(pem, char(10)) FROM ek_ca WHERE server IN ('', ?)",
			  "s", server);
	char *pem = NULL;

	while (tom_row(q))
		pem = strdup(tom_text(q, 0));
	return pem;
}

static size_t certificate_der(const struct tom *t, uint8_t *out, size_t cap)
{
	char path[512];
	uint8_t *der = NULL;
	X509 *x = NULL;
	FILE *f;
	int n;

	tom_path(t, path, sizeof(path), "keys/ca.crt");
	f = fopen(path, "r");
	if (f) {
		x = PEM_read_X509(f, NULL, NULL, NULL);
		fclose(f);
	}
	n = x ? i2d_X509(x, &der) : 0;
	if (n > 0 && (size_t)n <= cap)
		memcpy(out, der, (size_t)n);
	else
		n = 0;
	OPENSSL_free(der);
	X509_free(x);
	return (size_t)n;
}

static void point_of(const struct tom *t, const char *name, uint8_t point[P256_POINT])
{
	EVP_PKEY *key = tom_load_key(t, name);

	tom_key_point(key, point);
	EVP_PKEY_free(key);
}

bool identity_record(struct tom *t, struct binding *b)
{
	static uint8_t spki[SPKI_MAX], cert[CERT_MAX];
	EVP_PKEY *tls = tom_load_key(t, "tls");

	b->version = BINDING_VERSION;
	b->tls_spki = (struct span){ spki, tom_key_spki(tls, spki, sizeof(spki)) };
	b->ca_cert = (struct span){ cert, certificate_der(t, cert, sizeof(cert)) };
	EVP_PKEY_free(tls);
	point_of(t, "operator", b->operator_key);
	point_of(t, "policy", b->policy_key);
	return b->ca_cert.n != 0;
}

void identity_hash(const struct binding *b, uint8_t hash[32])
{
	tom_sha256(b->tls_spki.p, b->tls_spki.n, hash);
}

bool parse_address(const char *text, uint8_t ip[4], uint64_t *port)
{
	const char *colon = strchr(text, ':');
	char host[INET_ADDRSTRLEN], *end;
	unsigned long n;

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	n = strtoul(colon + 1, &end, 10);
	*port = n;
	return inet_pton(AF_INET, host, ip) == 1 && !*end && end != colon + 1 && n > 0 && n < 65536;
}
