// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/tpm_make.h"

enum { AES_KEY = 16, SENSITIVE_LEN = 74 };

static uint8_t *put(uint8_t *p, const void *data, size_t n)
{
	memcpy(p, data, n);
	return p + n;
}

static uint8_t *put_sized(uint8_t *p, const void *data, uint16_t n)
{
	*p++ = (uint8_t)(n >> 8);
	*p++ = (uint8_t)n;
	return put(p, data, n);
}

void tpm_name(const uint8_t *public_area, size_t n, uint8_t name[TPM_NAME_LEN])
{
	name[0] = 0;
	name[1] = 0x0b;
	tom_sha256(public_area, n, name + 2);
}

void make_approval(EVP_PKEY *policy_key, enum approval_kind kind, const uint8_t id[KEYS_ID],
		   const char *release, const uint8_t pcr[APPROVAL_PCRS][KEYS_DIGEST],
		   struct approval *out)
{
	uint8_t input[APPROVAL_POLICY_INPUT], ref[APPROVAL_REF], digest[32], sig[SIG_LEN];
	size_t ref_len = approval_ref(kind, id, ref);

	memset(out, 0, sizeof(*out));
	out->magic = APPROVAL_MAGIC;
	out->version = APPROVAL_VERSION;
	out->kind = (uint16_t)kind;
	out->pcr_mask = APPROVAL_PCR_MASK;
	strncpy(out->release, release, sizeof(out->release) - 1);
	memcpy(out->pcr, pcr, sizeof(out->pcr));
	tom_sha256(pcr, sizeof(out->pcr), digest);
	approval_policy_input(digest, input);
	tom_sha256(input, sizeof(input), digest);
	tom_sha256_two(digest, sizeof(digest), ref, ref_len, digest);
	tom_sign_hash(policy_key, digest, sig);
	memcpy(out->r, sig, 32);
	memcpy(out->s, sig + 32, 32);
}

/*
 * Protection of Part 1, 24.4 and 23.3: CFB under a key from the seed and the name, then an HMAC over ciphertext and name.
 * Writes TPM2B HMAC || ciphertext.
 */
static uint8_t *protect(const uint8_t seed[32], const uint8_t name[TPM_NAME_LEN],
			const uint8_t *plain, size_t n, uint8_t *out)
{
	uint8_t aes[AES_KEY], mac_key[32], mac[32], input[160];
	uint8_t *enc = out + 2 + sizeof(mac);

	tom_kdfa(seed, 32, "STORAGE", name, TPM_NAME_LEN, 8 * AES_KEY, aes);
	tom_kdfa(seed, 32, "INTEGRITY", NULL, 0, 256, mac_key);
	tom_cfb128(aes, plain, n, enc);
	put(put(input, enc, n), name, TPM_NAME_LEN);
	tom_hmac(mac_key, sizeof(mac_key), input, n + TPM_NAME_LEN, mac);
	put_sized(out, mac, sizeof(mac));
	OPENSSL_cleanse(aes, sizeof(aes));
	return enc + n;
}

EVP_PKEY *rsa_key(const struct tpm_rsa_key *key)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	uint8_t n[TPM_RSA_BYTES];
	unsigned long e = 65537;
	EVP_PKEY *out = NULL;
	OSSL_PARAM params[3];

	for (unsigned i = 0; i < sizeof(n); i++) /* native order: little-endian */
		n[i] = key->modulus[sizeof(n) - 1 - i];
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, sizeof(n));
	params[1] = OSSL_PARAM_construct_ulong(OSSL_PKEY_PARAM_RSA_E, &e);
	params[2] = OSSL_PARAM_construct_end();
	if (!c || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &out, EVP_PKEY_PUBLIC_KEY, params) != 1)
		out = NULL;
	EVP_PKEY_CTX_free(c);
	return out;
}

/* RSA-OAEP with SHA-256 and the label "IDENTITY" with its zero byte (Part 1, B.4 and 24.5). */
static bool encrypt_seed(const struct tpm_rsa_key *ek, const uint8_t seed[32],
			 uint8_t secret[TPM_RSA_BYTES])
{
	static const char label[] = "IDENTITY";
	EVP_PKEY *key = rsa_key(ek);
	EVP_PKEY_CTX *c = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	void *copy = OPENSSL_memdup(label, sizeof(label));
	size_t n = TPM_RSA_BYTES;
	bool good = c && copy && EVP_PKEY_encrypt_init(c) == 1 &&
		    EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) == 1 &&
		    EVP_PKEY_CTX_set0_rsa_oaep_label(c, copy, sizeof(label)) == 1 &&
		    EVP_PKEY_encrypt(c, secret, &n, seed, 32) == 1 && n == TPM_RSA_BYTES;

	EVP_PKEY_CTX_free(c);
	EVP_PKEY_free(key);
	return good;
}

bool make_credential(const struct tpm_rsa_key *ek, const uint8_t ak_name[TPM_NAME_LEN],
		     const uint8_t credential[CREDENTIAL_LEN], uint8_t blob[CREDENTIAL_BLOB_LEN],
		     uint8_t secret[TPM_RSA_BYTES])
{
	uint8_t seed[32], plain[2 + CREDENTIAL_LEN];

	tom_random(seed, sizeof(seed));
	put_sized(plain, credential, CREDENTIAL_LEN);
	protect(seed, ak_name, plain, sizeof(plain), blob);
	return encrypt_seed(ek, seed, secret);
}

/* authPolicy of an object that opens with an approval by the policy key. */
static void authorize_policy(const uint8_t policy_point[65], const uint8_t tvd_id[KEYS_ID],
			     uint8_t out[32])
{
	uint8_t area[POLICY_PUBLIC], input[AUTHORIZE_INPUT], ref[APPROVAL_REF], digest[32];
	size_t ref_len = approval_ref(APPROVAL_TVD, tvd_id, ref);

	policy_public(policy_point + 1, area);
	tom_sha256(area, sizeof(area), digest);
	authorize_input(digest, input);
	tom_sha256(input, sizeof(input), digest);
	tom_sha256_two(digest, sizeof(digest), ref, ref_len, out);
}

/* The seed both sides get from an ephemeral key and the storage root key; the ephemeral point goes to seed_out. */
static uint8_t *share_seed(const uint8_t srk_point[65], uint8_t seed[32], uint8_t *seed_out)
{
	EVP_PKEY *srk = tom_key_from_point(srk_point), *own = tom_key_new();
	uint8_t point[POINT_LEN], z[32];

	if (!srk)
		abort(); /* it was checked when the server was bound */
	tom_key_point(own, point);
	tom_ecdh(own, srk, z);
	tom_kdfe(z, "DUPLICATE", point + 1, srk_point + 1, seed);
	EVP_PKEY_free(srk);
	EVP_PKEY_free(own);
	return put_sized(put_sized(seed_out, point + 1, 32), point + 33, 32);
}

/* TPM2B_SENSITIVE of the TVD key object. */
static void sensitive_area(const uint8_t value[32], const uint8_t key[32],
			   uint8_t out[SENSITIVE_LEN])
{
	static const uint8_t head[] = { 0, SENSITIVE_LEN - 2, 0, 8, 0, 0 };

	put_sized(put_sized(put(out, head, sizeof(head)), value, 32), key, 32);
}

size_t make_wrapped(const uint8_t srk_point[65], const uint8_t policy_point[65],
		    const uint8_t tvd_id[KEYS_ID], const uint8_t key[32], uint8_t out[WRAPPED_MAX])
{
	struct wrapped_key head = { .magic = WRAPPED_MAGIC,
				    .version = WRAPPED_VERSION,
				    .public_size = TVD_KEY_PUBLIC };
	uint8_t value[32], policy[32], unique[32], seed[32], seed_part[68];
	uint8_t area[TVD_KEY_PUBLIC], name[TPM_NAME_LEN], plain[SENSITIVE_LEN];
	uint8_t *duplicate = out + sizeof(head) + TVD_KEY_PUBLIC, *end;

	tom_random(value, sizeof(value));
	tom_sha256_two(value, sizeof(value), key, 32, unique);
	authorize_policy(policy_point, tvd_id, policy);
	tvd_key_public(policy, unique, area);
	tpm_name(area, sizeof(area), name);
	sensitive_area(value, key, plain);
	head.seed_size = (uint16_t)(share_seed(srk_point, seed, seed_part) - seed_part);
	end = protect(seed, name, plain, sizeof(plain), duplicate);
	head.duplicate_size = (uint16_t)(end - duplicate);
	memcpy(head.tvd_id, tvd_id, sizeof(head.tvd_id));
	put(put(out, &head, sizeof(head)), area, sizeof(area));
	OPENSSL_cleanse(plain, sizeof(plain));
	OPENSSL_cleanse(seed, sizeof(seed));
	return (size_t)(put(end, seed_part, head.seed_size) - out);
}
