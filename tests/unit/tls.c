/* SPDX-License-Identifier: Apache-2.0 */
/* The one mbedTLS configuration does what the management channel needs: two ends in one process. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>

enum {
	PIPE_SIZE = 1 << 17,
	STEPS_MAX = 200,
	EXPORT_LEN = 32,
	RECORD = 16000,
};

struct pipe {
	uint8_t bytes[PIPE_SIZE];
	size_t head, tail;
};

struct end {
	mbedtls_pk_context key;
	mbedtls_x509_crt cert;
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	struct pipe *in, *out;
};

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static struct pipe to_server, to_client;
static struct end client, server;
static int failures;

static void report(const char *what, int bad)
{
	printf("%s tls: %s\n", bad ? "not ok" : "ok", what);
	failures += bad != 0;
}

static int pipe_send(void *ctx, const unsigned char *p, size_t n)
{
	struct pipe *out = ((struct end *)ctx)->out;

	if (n > PIPE_SIZE - out->tail)
		return MBEDTLS_ERR_SSL_WANT_WRITE;
	memcpy(out->bytes + out->tail, p, n);
	out->tail += n;
	return (int)n;
}

static int pipe_recv(void *ctx, unsigned char *p, size_t n)
{
	struct pipe *in = ((struct end *)ctx)->in;
	size_t there = in->tail - in->head;

	if (there == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	n = n < there ? n : there;
	memcpy(p, in->bytes + in->head, n);
	in->head += n;
	if (in->head == in->tail)
		in->head = in->tail = 0;
	return (int)n;
}

static int make_identity(struct end *e, const char *name)
{
	mbedtls_x509write_cert w;
	uint8_t der[1024];
	uint8_t serial[] = { 1 };
	int n;

	mbedtls_pk_init(&e->key);
	mbedtls_x509_crt_init(&e->cert);
	if (mbedtls_pk_setup(&e->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(e->key),
				mbedtls_ctr_drbg_random, &drbg))
		return 1;
	mbedtls_x509write_crt_init(&w);
	mbedtls_x509write_crt_set_subject_key(&w, &e->key);
	mbedtls_x509write_crt_set_issuer_key(&w, &e->key);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	if (mbedtls_x509write_crt_set_subject_name(&w, name) ||
	    mbedtls_x509write_crt_set_issuer_name(&w, name) ||
	    mbedtls_x509write_crt_set_serial_raw(&w, serial, sizeof(serial)) ||
	    mbedtls_x509write_crt_set_validity(&w, "20200101000000", "20991231235959"))
		return 1;
	n = mbedtls_x509write_crt_der(&w, der, sizeof(der), mbedtls_ctr_drbg_random, &drbg);
	mbedtls_x509write_crt_free(&w);
	return n <= 0 || mbedtls_x509_crt_parse_der(&e->cert, der + sizeof(der) - n, (size_t)n);
}

static int set_up(struct end *e, struct end *peer, int role)
{
	mbedtls_ssl_config_init(&e->config);
	mbedtls_ssl_init(&e->ssl);
	if (mbedtls_ssl_config_defaults(&e->config, role, MBEDTLS_SSL_TRANSPORT_STREAM,
					MBEDTLS_SSL_PRESET_DEFAULT))
		return 1;
	mbedtls_ssl_conf_rng(&e->config, mbedtls_ctr_drbg_random, &drbg);
	mbedtls_ssl_conf_authmode(&e->config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&e->config, &peer->cert, NULL);
	if (mbedtls_ssl_conf_own_cert(&e->config, &e->cert, &e->key) ||
	    mbedtls_ssl_setup(&e->ssl, &e->config))
		return 1;
	mbedtls_ssl_set_bio(&e->ssl, e, pipe_send, pipe_recv, NULL);
	return role == MBEDTLS_SSL_IS_CLIENT && mbedtls_ssl_set_hostname(&e->ssl, "tom");
}

static int waiting(int r)
{
	return r == MBEDTLS_ERR_SSL_WANT_READ || r == MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int handshake(void)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		int a = mbedtls_ssl_handshake(&client.ssl), b = mbedtls_ssl_handshake(&server.ssl);

		if (a == 0 && b == 0)
			return 0;
		if ((a != 0 && !waiting(a)) || (b != 0 && !waiting(b)))
			return 1;
	}
	return 1;
}

static int export(struct end *e, uint8_t *out, const char *context)
{
	static const char label[] = "EXPORTER-redoubt-tmc-attest";

	return mbedtls_ssl_export_keying_material(&e->ssl, out, EXPORT_LEN, label,
						  sizeof(label) - 1, (const uint8_t *)context,
						  strlen(context), 1);
}

static void test_exporter(void)
{
	uint8_t a[EXPORT_LEN], b[EXPORT_LEN], c[EXPORT_LEN];
	int bad = export(&client, a, "server") || export(&server, b, "server") ||
		  export(&server, c, "tom");

	report("both ends export the same keying material, another context other",
	       bad || memcmp(a, b, sizeof(a)) || !memcmp(b, c, sizeof(b)));
}

static void test_records(void)
{
	static uint8_t sent[RECORD], got[RECORD];
	size_t done = 0;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7);
	if (mbedtls_ssl_write(&client.ssl, sent, sizeof(sent)) == RECORD) {
		for (int n; done < RECORD; done += (size_t)n) {
			n = mbedtls_ssl_read(&server.ssl, got + done, RECORD - done);
			if (n <= 0)
				break;
		}
	}
	report("16000 bytes arrive", done != RECORD || memcmp(sent, got, RECORD));
}

static void test_forged_record(void)
{
	static const uint8_t word[] = "configuration";
	uint8_t got[64];
	int bad = mbedtls_ssl_write(&client.ssl, word, sizeof(word)) != sizeof(word);

	to_server.bytes[to_server.tail - 1] ^= 1;
	report("a record with a changed byte is refused",
	       bad || mbedtls_ssl_read(&server.ssl, got, sizeof(got)) !=
			       MBEDTLS_ERR_SSL_INVALID_MAC);
}

static void free_end(struct end *e)
{
	mbedtls_ssl_free(&e->ssl);
	mbedtls_ssl_config_free(&e->config);
	mbedtls_x509_crt_free(&e->cert);
	mbedtls_pk_free(&e->key);
}

int main(void)
{
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	report("PSA and the generator start",
	       psa_crypto_init() != PSA_SUCCESS ||
		       mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0));
	report("P-256 identities",
	       make_identity(&client, "CN=server") || make_identity(&server, "CN=tom"));
	client.out = server.in = &to_server;
	client.in = server.out = &to_client;
	report("both ends set up", set_up(&client, &server, MBEDTLS_SSL_IS_CLIENT) ||
					   set_up(&server, &client, MBEDTLS_SSL_IS_SERVER));
	report("mutual TLS 1.3 handshake", handshake());
	report("version is TLS 1.3",
	       mbedtls_ssl_get_version_number(&client.ssl) != MBEDTLS_SSL_VERSION_TLS1_3);
	test_exporter();
	test_records();
	test_forged_record();
	free_end(&client);
	free_end(&server);
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
	mbedtls_psa_crypto_free();
	return failures != 0;
}
