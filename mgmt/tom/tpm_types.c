// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "mgmt/tom/tpm_types.h"

enum {
	ALG_RSA = 0x0001,
	ALG_AES = 0x0006,
	ALG_SHA256 = 0x000b,
	ALG_NULL = 0x0010,
	ALG_ECDSA = 0x0018,
	ALG_ECC = 0x0023,
	ALG_CFB = 0x0043,
	CURVE_P256 = 0x0003,
	ST_ATTEST_QUOTE = 0x8018,
};

#define TPM_GENERATED 0xff544347u

struct reader {
	const uint8_t *p, *end;
	bool bad;
};

static const uint8_t *take(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || (size_t)(r->end - r->p) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static uint64_t number(struct reader *r, unsigned bytes)
{
	const uint8_t *p = take(r, bytes);
	uint64_t v = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static void expect(struct reader *r, unsigned bytes, uint64_t value)
{
	if (number(r, bytes) != value)
		r->bad = true;
}

/* Sized buffer; *n bytes of it. */
static const uint8_t *sized(struct reader *r, size_t *n)
{
	*n = (size_t)number(r, 2);
	return take(r, *n);
}

/* Unsigned big-endian number into exactly 32 bytes. */
static void coordinate(struct reader *r, uint8_t out[32])
{
	size_t n;
	const uint8_t *p = sized(r, &n);

	memset(out, 0, 32);
	if (!p || n > 32)
		r->bad = true;
	else
		memcpy(out + 32 - n, p, n);
}

static bool done(const struct reader *r)
{
	return !r->bad && r->p == r->end;
}

static void aes_128_cfb(struct reader *r)
{
	expect(r, 2, ALG_AES);
	expect(r, 2, 128);
	expect(r, 2, ALG_CFB);
}

const char *tpm_read_ecc(const uint8_t *p, size_t n, struct tpm_ecc_key *out)
{
	struct reader r = { p, p + n, false };
	size_t policy;

	memset(out, 0, sizeof(*out));
	expect(&r, 2, ALG_ECC);
	expect(&r, 2, ALG_SHA256);
	out->attributes = (uint32_t)number(&r, 4);
	sized(&r, &policy);
	if (r.bad || policy != 0)
		return "not an ECC key of SHA-256 name without policy";
	out->sign = out->attributes == TPM_ATTRS_AK;
	if (out->sign) {
		expect(&r, 2, ALG_NULL);
		expect(&r, 2, ALG_ECDSA);
		expect(&r, 2, ALG_SHA256);
	} else if (out->attributes == TPM_ATTRS_STORAGE) {
		aes_128_cfb(&r);
		expect(&r, 2, ALG_NULL);
	} else {
		return "key attributes are neither those of an attestation key nor of the storage "
		       "root";
	}
	expect(&r, 2, CURVE_P256);
	expect(&r, 2, ALG_NULL);
	out->point[0] = 4;
	coordinate(&r, out->point + 1);
	coordinate(&r, out->point + 33);
	return done(&r) ? NULL : "not a P-256 key of the expected scheme";
}

const char *tpm_read_rsa(const uint8_t *p, size_t n, struct tpm_rsa_key *out)
{
	struct reader r = { p, p + n, false };
	size_t policy, size;

	memset(out, 0, sizeof(*out));
	expect(&r, 2, ALG_RSA);
	expect(&r, 2, ALG_SHA256);
	out->attributes = (uint32_t)number(&r, 4);
	sized(&r, &policy);
	aes_128_cfb(&r);
	expect(&r, 2, ALG_NULL);
	expect(&r, 2, 2048);
	expect(&r, 4, 0);
	out->modulus = sized(&r, &size);
	return done(&r) && size == TPM_RSA_BYTES ? NULL : "not an RSA 2048 storage key";
}

static uint32_t sha256_selection(struct reader *r)
{
	const uint8_t *p;
	size_t n;

	expect(r, 4, 1);
	expect(r, 2, ALG_SHA256);
	n = (size_t)number(r, 1);
	p = take(r, n);
	if (!p || n != 3) {
		r->bad = true;
		return 0;
	}
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

const char *tpm_read_quote(const uint8_t *p, size_t n, struct tpm_quote *out)
{
	struct reader r = { p, p + n, false };
	size_t size;

	memset(out, 0, sizeof(*out));
	expect(&r, 4, TPM_GENERATED);
	if (r.bad)
		return "not made by a TPM (magic)";
	expect(&r, 2, ST_ATTEST_QUOTE);
	if (r.bad)
		return "not a quote";
	sized(&r, &size); /* qualified signer */
	out->extra = sized(&r, &size);
	if (r.bad || size != 32)
		return "extraData is not 32 bytes";
	out->clock = number(&r, 8);
	out->reset_count = (uint32_t)number(&r, 4);
	out->restart_count = (uint32_t)number(&r, 4);
	number(&r, 1); /* safe */
	out->firmware = number(&r, 8);
	out->pcr_mask = sha256_selection(&r);
	out->pcr_digest = sized(&r, &size);
	return done(&r) && size == 32 ? NULL : "malformed quote";
}

const char *tpm_read_signature(const uint8_t *p, size_t n, uint8_t sig[64])
{
	struct reader r = { p, p + n, false };

	expect(&r, 2, ALG_ECDSA);
	expect(&r, 2, ALG_SHA256);
	coordinate(&r, sig);
	coordinate(&r, sig + 32);
	return done(&r) ? NULL : "not an ECDSA signature with SHA-256";
}
