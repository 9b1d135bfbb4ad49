// SPDX-License-Identifier: Apache-2.0
/*
 * TLS 1.3 client. The TOM's certificate must be issued by the CA of the binding record and carry the pinned key; dates are
 * not looked at, since the server has no clock it could trust. Its own key is fresh each boot: the quote vouches for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include "lib/component.h"
#include "mgmt/tmc/stream.h"
#include "mgmt/tmc/tmc.h"

#define WAIT_NS      60000000000ull
#define HANDSHAKE_NS 60000000000ull

enum { DER_MAX = 1024 };

static struct {
	mbedtls_pk_context key;
	mbedtls_x509_crt cert, ca;
	mbedtls_ssl_config config;
	mbedtls_ssl_context ssl;
	bool open, pinned;
} tls;

static uint8_t in_buf[TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX],
	out_buf[TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX];

static int rng(void *arg, unsigned char *out, size_t n)
{
	(void)arg;
	random_bytes(out, n);
	return 0;
}

static void must(int result, const char *what)
{
	if (result != 0)
		die("%s failed (-0x%04x)", what, (unsigned)-result);
}

static void self_signed(void)
{
	static uint8_t der[DER_MAX];
	static const uint8_t serial[] = { 1 };
	mbedtls_x509write_cert w;
	int n;

	mbedtls_x509write_crt_init(&w);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_subject_key(&w, &tls.key);
	mbedtls_x509write_crt_set_issuer_key(&w, &tls.key);
	must(mbedtls_x509write_crt_set_subject_name(&w, "CN=Redoubt server"), "certificate");
	must(mbedtls_x509write_crt_set_issuer_name(&w, "CN=Redoubt server"), "certificate");
	must(mbedtls_x509write_crt_set_serial_raw(&w, (unsigned char *)(uintptr_t)serial,
						  sizeof(serial)),
	     "certificate");
	must(mbedtls_x509write_crt_set_validity(&w, "20200101000000", "20991231235959"),
	     "certificate");
	n = mbedtls_x509write_crt_der(&w, der, sizeof(der), rng, NULL);
	if (n <= 0)
		must(n ? n : -1, "certificate");
	mbedtls_x509write_crt_free(&w);
	must(mbedtls_x509_crt_parse_der(&tls.cert, der + sizeof(der) - n, (size_t)n),
	     "certificate");
}

/* Called for each certificate of the chain, the leaf last. */
static int check_certificate(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	const struct span *spki = &tmc.binding->tls_spki;

	(void)arg;
	*flags &= ~(uint32_t)(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
	if (depth == 0) {
		tls.pinned =
			cert->pk_raw.len == spki->n && !memcmp(cert->pk_raw.p, spki->p, spki->n);
		if (!tls.pinned)
			*flags |= MBEDTLS_X509_BADCERT_OTHER;
	}
	return 0;
}

static void configure(void)
{
	static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
					   MBEDTLS_SSL_IANA_TLS_GROUP_NONE };
	mbedtls_ssl_config *c = &tls.config;

	mbedtls_ssl_config_init(c);
	must(mbedtls_ssl_config_defaults(c, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
					 MBEDTLS_SSL_PRESET_DEFAULT),
	     "TLS configuration");
	mbedtls_ssl_conf_min_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_max_tls_version(c, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_groups(c, groups);
	mbedtls_ssl_conf_authmode(c, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(c, &tls.ca, NULL);
	mbedtls_ssl_conf_verify(c, check_certificate, NULL);
	mbedtls_ssl_conf_rng(c, rng, NULL);
	must(mbedtls_ssl_conf_own_cert(c, &tls.cert, &tls.key), "TLS configuration");
}

void link_identity(void)
{
	const struct span *ca = &tmc.binding->ca_cert;

	if (psa_crypto_init() != PSA_SUCCESS)
		die("PSA does not start");
	mbedtls_pk_init(&tls.key);
	mbedtls_x509_crt_init(&tls.cert);
	mbedtls_x509_crt_init(&tls.ca);
	must(mbedtls_pk_setup(&tls.key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), "TLS key");
	must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(tls.key), rng, NULL),
	     "TLS key");
	self_signed();
	must(mbedtls_x509_crt_parse_der(&tls.ca, ca->p, ca->n),
	     "CA certificate of the binding record");
	configure();
	hash_sha256(tmc.binding->tls_spki.p, tmc.binding->tls_spki.n, NULL, 0, tmc.tom_hash);
}

static int bio_send(void *arg, const unsigned char *p, size_t n)
{
	int done = stream_send(p, n);

	(void)arg;
	return done == STREAM_GONE ? MBEDTLS_ERR_SSL_CONN_EOF : done;
}

static int bio_receive(void *arg, unsigned char *p, size_t n)
{
	int got = stream_receive(p, n);

	(void)arg;
	if (got == STREAM_NOTHING)
		return MBEDTLS_ERR_SSL_WANT_READ;
	return got == STREAM_GONE ? MBEDTLS_ERR_SSL_CONN_EOF : got;
}

static bool handshake(void)
{
	uint64_t until = now_ns() + HANDSHAKE_NS;
	int r;

	while ((r = mbedtls_ssl_handshake(&tls.ssl)) == MBEDTLS_ERR_SSL_WANT_READ ||
	       r == MBEDTLS_ERR_SSL_WANT_WRITE) {
		if (now_ns() >= until)
			break;
		component_wait(until);
	}
	if (r == 0 && tls.pinned)
		return true;
	if (r == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		log_line("refused: the TOM that answers has another %s than the binding record "
			 "(PCR 12) names",
			 tls.pinned ? "certificate authority" : "key");
	else
		log_line("TLS handshake with the TOM failed (-0x%04x)", (unsigned)-r);
	return false;
}

bool link_open(void)
{
	bool busy;

	if (!stream_open(tmc.binding->ip, (uint16_t)tmc.binding->port, &busy))
		return false;
	mbedtls_ssl_init(&tls.ssl);
	tls.open = true;
	tls.pinned = false;
	tmc_reader_init(&tmc.reader, in_buf);
	must(mbedtls_ssl_setup(&tls.ssl, &tls.config), "TLS");
	must(mbedtls_ssl_set_hostname(&tls.ssl, NULL),
	     "TLS"); /* the key is pinned, no name is needed */
	mbedtls_ssl_set_bio(&tls.ssl, NULL, bio_send, bio_receive, NULL);
	return handshake();
}

void link_close(void)
{
	if (tls.open) {
		mbedtls_ssl_close_notify(&tls.ssl);
		mbedtls_ssl_free(&tls.ssl);
	}
	tls.open = false;
	stream_close();
}

bool link_exporter(uint8_t out[TMC_EXPORTER_LEN])
{
	static const char label[] = TMC_EXPORTER_LABEL, role[] = TMC_ROLE_SERVER;

	return mbedtls_ssl_export_keying_material(&tls.ssl, out, TMC_EXPORTER_LEN, label,
						  sizeof(label) - 1, (const unsigned char *)role,
						  sizeof(role) - 1, 1) == 0;
}

void link_keys(uint8_t out[32])
{
	hash_sha256(tmc.binding->tls_spki.p, tmc.binding->tls_spki.n, tls.cert.pk_raw.p,
		    tls.cert.pk_raw.len, out);
}

static bool write_all(const uint8_t *p, size_t n)
{
	while (n) {
		int done = mbedtls_ssl_write(&tls.ssl, p, n);

		if (done <= 0 && done != MBEDTLS_ERR_SSL_WANT_WRITE)
			return false;
		if (done > 0) {
			p += done;
			n -= (size_t)done;
		}
	}
	return true;
}

bool link_send(enum tmc_type type, const void *object)
{
	const struct schema *schema = tmc_schema((uint16_t)type);
	size_t n = schema_encode(schema, object, out_buf + TMC_FRAME_HEAD, TMC_FRAME_BODY_MAX);

	if (!n) {
		log_line("message %d does not fit its limits", (int)type);
		return false;
	}
	tmc_frame_head(out_buf, (uint16_t)type, n);
	return write_all(out_buf, TMC_FRAME_HEAD + n);
}

enum link_result link_next(struct tmc_frame *f)
{
	for (;;) {
		enum tmc_frame_result r = tmc_reader_next(&tmc.reader, f);
		size_t wanted;
		uint8_t *to;
		int got;

		if (r != TMC_FRAME_MORE)
			return r == TMC_FRAME_OK ? LINK_OK : LINK_GONE;
		to = tmc_reader_space(&tmc.reader, &wanted);
		got = mbedtls_ssl_read(&tls.ssl, to, wanted);
		if (got == MBEDTLS_ERR_SSL_WANT_READ)
			return LINK_MORE;
		if (got <= 0)
			return LINK_GONE;
		tmc_reader_add(&tmc.reader, (size_t)got);
	}
}

bool link_refuse(const char *fmt, ...)
{
	struct tmc_refuse m;
	va_list args;

	va_start(args, fmt);
	vsnprintf(m.text, sizeof(m.text), fmt, args);
	va_end(args);
	log_line("refused: %s", m.text);
	link_send(TMC_REFUSE, &m);
	return false;
}

static bool refused_by_tom(const struct tmc_frame *f)
{
	struct tmc_refuse m;

	if (f->type != TMC_REFUSE)
		return false;
	if (schema_decode(&tmc_refuse_schema, &m, f->body, f->len, NULL))
		log_line("the TOM refuses this server: %s", m.text);
	return true;
}

bool link_wait(struct tmc_frame *f)
{
	uint64_t until = now_ns() + WAIT_NS;
	enum link_result r;

	while ((r = link_next(f)) == LINK_MORE && now_ns() < until)
		component_wait(until);
	if (r != LINK_OK)
		log_line("the TOM ended the connection or sent nothing for a minute");
	return r == LINK_OK && !refused_by_tom(f);
}

bool link_decode(const struct tmc_frame *f, enum tmc_type type, void *object)
{
	struct schema_error err;

	if (f->type != type)
		return link_refuse("message %u where only %d is allowed", f->type, (int)type);
	if (!schema_decode(tmc_schema((uint16_t)type), object, f->body, f->len, &err))
		return link_refuse("malformed message: %s", err.text);
	return true;
}

bool link_expect(enum tmc_type type, void *object)
{
	struct tmc_frame f;

	return link_wait(&f) && link_decode(&f, type, object);
}
