// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include "mgmt/tom/crypto.h"

static void must(bool good)
{
	if (good)
		return;
	fprintf(stderr, "tom: the cryptographic library failed\n");
	abort();
}

void tom_random(void *p, size_t n)
{
	must(RAND_bytes(p, (int)n) == 1);
}

void tom_sha256_two(const void *a, size_t na, const void *b, size_t nb, uint8_t out[SHA256_LEN])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	must(c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1);
	must(EVP_DigestUpdate(c, a, na) == 1 && EVP_DigestUpdate(c, b, nb) == 1);
	must(EVP_DigestFinal_ex(c, out, NULL) == 1);
	EVP_MD_CTX_free(c);
}

void tom_sha256(const void *p, size_t n, uint8_t out[SHA256_LEN])
{
	tom_sha256_two(p, n, NULL, 0, out);
}

void tom_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[SHA256_LEN])
{
	must(HMAC(EVP_sha256(), key, (int)key_len, p, n, out, NULL) != NULL);
}

void tom_hkdf(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len, const void *info,
	      size_t info_len, uint8_t *out, size_t n)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	must(c && EVP_PKEY_derive_init(c) == 1);
	must(EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) == 1);
	must(EVP_PKEY_CTX_set1_hkdf_key(c, ikm, (int)ikm_len) == 1);
	must(EVP_PKEY_CTX_set1_hkdf_salt(c, salt, (int)salt_len) == 1);
	must(EVP_PKEY_CTX_add1_hkdf_info(c, info, (int)info_len) == 1);
	must(EVP_PKEY_derive(c, out, &n) == 1);
	EVP_PKEY_CTX_free(c);
}

void tom_seal(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len,
	      const void *plain, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	must(c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
	must(EVP_EncryptUpdate(c, NULL, &len, aad, (int)aad_len) == 1);
	must(EVP_EncryptUpdate(c, out, &len, plain, (int)n) == 1);
	must(EVP_EncryptFinal_ex(c, out + len, &len) == 1);
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, 16, out + n) == 1);
	EVP_CIPHER_CTX_free(c);
}

bool tom_open(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len,
	      const uint8_t *sealed, size_t n, uint8_t *plain)
{
	EVP_CIPHER_CTX *c;
	uint8_t tag[16];
	int len;
	bool good;

	if (n < sizeof(tag))
		return false;
	n -= sizeof(tag);
	memcpy(tag, sealed + n, sizeof(tag));
	c = EVP_CIPHER_CTX_new();
	must(c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1);
	must(EVP_DecryptUpdate(c, NULL, &len, aad, (int)aad_len) == 1);
	must(EVP_DecryptUpdate(c, plain, &len, sealed, (int)n) == 1);
	must(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, sizeof(tag), tag) == 1);
	good = EVP_DecryptFinal_ex(c, plain + len, &len) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!good)
		OPENSSL_cleanse(plain, n);
	return good;
}

void tom_cfb128(const uint8_t key[16], const uint8_t *in, size_t n, uint8_t *out)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int len;

	must(c && EVP_EncryptInit_ex(c, EVP_aes_128_cfb128(), NULL, key, iv) == 1);
	must(EVP_EncryptUpdate(c, out, &len, in, (int)n) == 1);
	EVP_CIPHER_CTX_free(c);
}

EVP_PKEY *tom_key_new(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	must(key != NULL);
	return key;
}

EVP_PKEY *tom_key_from_point(const uint8_t point[POINT_LEN])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[3];
	char group[] = "P-256";
	uint8_t copy[POINT_LEN];

	memcpy(copy, point, sizeof(copy));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy));
	params[2] = OSSL_PARAM_construct_end();
	must(c && EVP_PKEY_fromdata_init(c) == 1);
	if (EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL; /* not a point of the curve */
	EVP_PKEY_CTX_free(c);
	return key;
}

void tom_key_point(EVP_PKEY *key, uint8_t point[POINT_LEN])
{
	size_t n;

	must(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_LEN, &n) ==
	     1);
	must(n == POINT_LEN && point[0] == 4);
}

size_t tom_key_spki(EVP_PKEY *key, uint8_t *out, size_t cap)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(key, &der);

	must(n > 0 && (size_t)n <= cap);
	memcpy(out, der, (size_t)n);
	OPENSSL_free(der);
	return (size_t)n;
}

void tom_ecdh(EVP_PKEY *own, EVP_PKEY *peer, uint8_t z[32])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(own, NULL);
	size_t n = 32;

	must(c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, peer) == 1);
	must(EVP_PKEY_derive(c, z, &n) == 1 && n == 32);
	EVP_PKEY_CTX_free(c);
}

void tom_sign_hash(EVP_PKEY *key, const uint8_t hash[SHA256_LEN], uint8_t sig[SIG_LEN])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	uint8_t der[80];
	const uint8_t *p = der;
	size_t n = sizeof(der);
	ECDSA_SIG *s;

	must(c && EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c, der, &n, hash, SHA256_LEN) == 1);
	EVP_PKEY_CTX_free(c);
	s = d2i_ECDSA_SIG(NULL, &p, (long)n);
	must(s && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32);
	must(BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32);
	ECDSA_SIG_free(s);
}

bool tom_verify_hash(EVP_PKEY *key, const uint8_t hash[SHA256_LEN], const uint8_t sig[SIG_LEN])
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
	uint8_t *der = NULL;
	int n;
	bool good;

	must(s && c);
	must(ECDSA_SIG_set0(s, BN_bin2bn(sig, 32, NULL), BN_bin2bn(sig + 32, 32, NULL)) == 1);
	n = i2d_ECDSA_SIG(s, &der);
	must(n > 0 && EVP_PKEY_verify_init(c) == 1);
	good = EVP_PKEY_verify(c, der, (size_t)n, hash, SHA256_LEN) == 1;
	OPENSSL_free(der);
	EVP_PKEY_CTX_free(c);
	ECDSA_SIG_free(s);
	return good;
}

void tom_sign(EVP_PKEY *key, const void *p, size_t n, uint8_t sig[SIG_LEN])
{
	uint8_t hash[SHA256_LEN];

	tom_sha256(p, n, hash);
	tom_sign_hash(key, hash, sig);
}

bool tom_verify(EVP_PKEY *key, const void *p, size_t n, const uint8_t sig[SIG_LEN])
{
	uint8_t hash[SHA256_LEN];

	tom_sha256(p, n, hash);
	return tom_verify_hash(key, hash, sig);
}

static size_t append(uint8_t *to, size_t at, const void *p, size_t n)
{
	if (n)
		memcpy(to + at, p, n);
	return at + n;
}

void tom_kdfa(const uint8_t *key, size_t key_len, const char *label, const void *u, size_t u_len,
	      unsigned bits, uint8_t *out)
{
	const uint8_t counter[4] = { 0, 0, 0, 1 };
	const uint8_t size[4] = { 0, 0, (uint8_t)(bits >> 8), (uint8_t)bits };
	uint8_t input[160], full[SHA256_LEN];
	size_t n = append(input, 0, counter, 4);

	must(u_len <= 80 && bits <= 256);
	n = append(input, n, label, strlen(label) + 1);
	n = append(input, n, u, u_len);
	n = append(input, n, size, 4);
	tom_hmac(key, key_len, input, n, full);
	memcpy(out, full, bits / 8);
}

void tom_kdfe(const uint8_t z[32], const char *label, const uint8_t u[32], const uint8_t v[32],
	      uint8_t out[32])
{
	const uint8_t counter[4] = { 0, 0, 0, 1 };
	uint8_t input[160];
	size_t n = append(input, 0, counter, 4);

	n = append(input, n, z, 32);
	n = append(input, n, label, strlen(label) + 1);
	n = append(input, n, u, 32);
	n = append(input, n, v, 32);
	tom_sha256(input, n, out);
}
