/* SPDX-License-Identifier: Apache-2.0 */
/* lib/crypto (the objects that ship) against OpenSSL's EVP in the same process. */
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/xts.h"

enum {
	LEN_MAX = 2200,
	TAG = 16,
};

static uint8_t text[LEN_MAX], ours[LEN_MAX], theirs[LEN_MAX], back[LEN_MAX];
static uint8_t key[64], iv[64], ad[96];
static int failures;

static void report(const char *what, int bad)
{
	printf("%s crypto: %s\n", bad ? "not ok" : "ok", what);
	failures += bad != 0;
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rand();
}

static void openssl_gcm(size_t key_len, size_t iv_len, size_t ad_len, size_t len, uint8_t *tag)
{
	const EVP_CIPHER *c = key_len == 16   ? EVP_aes_128_gcm()
			      : key_len == 24 ? EVP_aes_192_gcm()
					      : EVP_aes_256_gcm();
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	EVP_EncryptInit_ex(ctx, c, NULL, NULL, NULL);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)iv_len, NULL);
	EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv);
	EVP_EncryptUpdate(ctx, NULL, &n, ad, (int)ad_len);
	EVP_EncryptUpdate(ctx, theirs, &n, text, (int)len);
	EVP_EncryptFinal_ex(ctx, theirs + n, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag);
	EVP_CIPHER_CTX_free(ctx);
}

static int gcm_one(mbedtls_gcm_context *ctx, size_t key_len, size_t iv_len, size_t ad_len,
		   size_t len)
{
	uint8_t tag[TAG], expected[TAG];
	int bad = mbedtls_gcm_setkey(ctx, MBEDTLS_CIPHER_ID_AES, key, (unsigned)key_len * 8);

	openssl_gcm(key_len, iv_len, ad_len, len, expected);
	bad |= mbedtls_gcm_crypt_and_tag(ctx, MBEDTLS_GCM_ENCRYPT, len, iv, iv_len, ad, ad_len,
					 text, ours, TAG, tag);
	bad |= memcmp(tag, expected, TAG) || memcmp(ours, theirs, len);
	bad |= mbedtls_gcm_auth_decrypt(ctx, len, iv, iv_len, ad, ad_len, tag, TAG, ours, back);
	bad |= memcmp(back, text, len);
	tag[len % TAG] ^= 1;
	bad |= mbedtls_gcm_auth_decrypt(ctx, len, iv, iv_len, ad, ad_len, tag, TAG, ours, back) !=
	       MBEDTLS_ERR_GCM_AUTH_FAILED;
	for (size_t i = 0; i < len; i++)
		bad |= back[i];
	return bad;
}

static void test_gcm_lengths(const char *what)
{
	mbedtls_gcm_context ctx;
	int bad = 0;

	for (size_t len = 0; len <= LEN_MAX; len++) {
		mbedtls_gcm_init(&ctx);
		bad |= gcm_one(&ctx, 16 + len % 3 * 8, 12, len % sizeof(ad), len);
		mbedtls_gcm_free(&ctx);
	}
	report(what, bad);
}

static void test_gcm_iv(void)
{
	mbedtls_gcm_context ctx;
	int bad = 0;

	mbedtls_gcm_init(&ctx);
	for (size_t n = 1; n <= sizeof(iv); n++)
		bad |= gcm_one(&ctx, 32, n, 13, 700);
	mbedtls_gcm_free(&ctx);
	report("GCM with IVs of 1 to 64 bytes", bad);
}

static void test_gcm_in_place(void)
{
	mbedtls_gcm_context ctx;
	uint8_t tag[TAG], expected[TAG];
	int bad = 0;

	mbedtls_gcm_init(&ctx);
	mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 256);
	for (size_t len = 0; len <= LEN_MAX; len += 7) {
		openssl_gcm(32, 12, 20, len, expected);
		memcpy(ours, text, len);
		bad |= mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, len, iv, 12, ad, 20,
						 ours, ours, TAG, tag);
		bad |= memcmp(tag, expected, TAG) || memcmp(ours, theirs, len);
		bad |= mbedtls_gcm_auth_decrypt(&ctx, len, iv, 12, ad, 20, tag, TAG, ours, ours);
		bad |= memcmp(ours, text, len);
	}
	mbedtls_gcm_free(&ctx);
	report("GCM in place", bad);
}

static size_t step(size_t left, size_t most)
{
	size_t n = (size_t)rand() % most;

	return n < left ? n : left;
}

static int gcm_in_parts(mbedtls_gcm_context *ctx, int mode, const uint8_t *in, size_t ad_len,
			size_t len, uint8_t *tag)
{
	static const size_t most[] = { 5, 17, 40, 400, 1300 };
	int bad = mbedtls_gcm_starts(ctx, mode, iv, 12);
	size_t out;

	for (size_t done = 0, n; done < ad_len; done += n) {
		n = step(ad_len - done, 23);
		bad |= mbedtls_gcm_update_ad(ctx, ad + done, n);
	}
	for (size_t done = 0, n; done < len; done += n) {
		n = step(len - done, most[(size_t)rand() % 5]);
		bad |= mbedtls_gcm_update(ctx, in + done, n, back + done, n, &out) || out != n;
	}
	return bad | mbedtls_gcm_finish(ctx, NULL, 0, &out, tag, TAG);
}

static void test_gcm_parts(const char *what)
{
	mbedtls_gcm_context ctx;
	uint8_t tag[TAG], expected[TAG];
	int bad = 0;

	mbedtls_gcm_init(&ctx);
	mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 256);
	for (int i = 0; i < 3000; i++) {
		size_t len = (size_t)rand() % LEN_MAX, ad_len = (size_t)rand() % sizeof(ad);

		openssl_gcm(32, 12, ad_len, len, expected);
		bad |= gcm_in_parts(&ctx, MBEDTLS_GCM_ENCRYPT, text, ad_len, len, tag);
		bad |= memcmp(tag, expected, TAG) || memcmp(back, theirs, len);
		bad |= gcm_in_parts(&ctx, MBEDTLS_GCM_DECRYPT, theirs, ad_len, len, tag);
		bad |= memcmp(tag, expected, TAG) || memcmp(back, text, len);
	}
	mbedtls_gcm_free(&ctx);
	report(what, bad);
}

static void test_gcm_refusals(void)
{
	mbedtls_gcm_context ctx;
	uint8_t tag[TAG];
	size_t out;
	int bad = 0;

	mbedtls_gcm_init(&ctx);
	bad |= !mbedtls_gcm_starts(&ctx, MBEDTLS_GCM_ENCRYPT, iv, 12);
	bad |= !mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 160);
	bad |= !mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_CAMELLIA, key, 128);
	bad |= mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 128);
	bad |= !mbedtls_gcm_starts(&ctx, MBEDTLS_GCM_ENCRYPT, iv, 0);
	bad |= mbedtls_gcm_starts(&ctx, MBEDTLS_GCM_ENCRYPT, iv, 12);
	bad |= !mbedtls_gcm_update(&ctx, text, 16, ours, 15, &out);
	bad |= !mbedtls_gcm_update(&ctx, text, 16, text + 8, 16, &out);
	bad |= mbedtls_gcm_update(&ctx, text, 16, ours, 16, &out);
	bad |= !mbedtls_gcm_update_ad(&ctx, ad, 1);
	bad |= !mbedtls_gcm_finish(&ctx, NULL, 0, &out, tag, 17);
	bad |= !mbedtls_gcm_finish(&ctx, NULL, 0, &out, tag, 3);
	mbedtls_gcm_free(&ctx);
	report("GCM refuses wrong keys, IVs, sizes and order", bad);
}

static void openssl_xts(size_t key_len, uint64_t sector, size_t len)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tweak[16] = { 0 };
	int n;

	memcpy(tweak, &sector, sizeof(sector));
	EVP_EncryptInit_ex(ctx, key_len == 64 ? EVP_aes_256_xts() : EVP_aes_128_xts(), NULL, key,
			   tweak);
	EVP_EncryptUpdate(ctx, theirs, &n, text, (int)len);
	EVP_CIPHER_CTX_free(ctx);
}

static void test_xts(void)
{
	struct xts_key k;
	int bad = 0;

	for (size_t len = 16; len <= LEN_MAX; len++) {
		size_t key_len = len % 2 ? 64 : 32;
		uint64_t sector = (uint64_t)rand() << 20 | len;

		openssl_xts(key_len, sector, len);
		bad |= !xts_set_key(&k, key, key_len);
		bad |= !xts_encrypt(&k, sector, text, ours, len) || memcmp(ours, theirs, len);
		bad |= !xts_decrypt(&k, sector, ours, back, len) || memcmp(back, text, len);
		bad |= !xts_decrypt(&k, sector, ours, ours, len) || memcmp(ours, text, len);
		xts_wipe(&k);
	}
	report("XTS of 16 to 2200 bytes, in place too", bad);
}

static void test_xts_refusals(void)
{
	static const struct xts_key zero;
	uint8_t twins[64] = { 0 };
	struct xts_key k;
	int bad = xts_set_key(&k, twins, 64) || memcmp(&k, &zero, sizeof(k));

	bad |= xts_set_key(&k, key, 48);
	bad |= !xts_set_key(&k, key, 64);
	bad |= xts_encrypt(&k, 0, text, ours, 15);
	xts_wipe(&k);
	bad |= memcmp(&k, &zero, sizeof(k));
	report("XTS refuses equal halves and short sectors, wipes keys", bad);
}

static void test_sha2(const char *what)
{
	uint8_t a[64], b[64];
	int bad = 0;

	for (size_t len = 0; len <= LEN_MAX; len++) {
		mbedtls_sha256(text, len, a, 0);
		EVP_Digest(text, len, b, NULL, EVP_sha256(), NULL);
		bad |= memcmp(a, b, 32);
		mbedtls_sha256(text, len, a, 1);
		EVP_Digest(text, len, b, NULL, EVP_sha224(), NULL);
		bad |= memcmp(a, b, 28);
		mbedtls_sha512(text, len, a, 0);
		EVP_Digest(text, len, b, NULL, EVP_sha512(), NULL);
		bad |= memcmp(a, b, 64);
		mbedtls_sha512(text, len, a, 1);
		EVP_Digest(text, len, b, NULL, EVP_sha384(), NULL);
		bad |= memcmp(a, b, 48);
	}
	report(what, bad);
}

static void test_sha256_parts(void)
{
	mbedtls_sha256_context ctx, copy;
	uint8_t a[32], b[32], c[32];
	int bad = 0;

	for (int i = 0; i < 2000; i++) {
		size_t len = (size_t)rand() % LEN_MAX, done = 0, n;

		mbedtls_sha256_init(&ctx);
		mbedtls_sha256_init(&copy);
		bad |= mbedtls_sha256_starts(&ctx, 0);
		for (; done < len; done += n) {
			n = step(len - done, i % 2 ? 40 : 300);
			bad |= mbedtls_sha256_update(&ctx, text + done, n);
		}
		mbedtls_sha256_clone(&copy, &ctx);
		bad |= mbedtls_sha256_finish(&ctx, a) || mbedtls_sha256_finish(&copy, c);
		EVP_Digest(text, len, b, NULL, EVP_sha256(), NULL);
		bad |= memcmp(a, b, sizeof(a)) || memcmp(c, b, sizeof(c));
		mbedtls_sha256_free(&ctx);
	}
	report("SHA-256 in 2000 random splits, cloned contexts", bad);
}

/* The same code on a CPU whose operating system saves no AVX state. */
static void forget_avx(void)
{
	((struct crypto_cpu *)crypto_cpu())->avx = false;
	OPENSSL_ia32cap_P[1] &= ~(UINT32_C(1) << 28);
	OPENSSL_ia32cap_P[2] = 0;
}

int main(void)
{
	srand(1);
	fill(text, sizeof(text));
	fill(key, sizeof(key));
	fill(iv, sizeof(iv));
	fill(ad, sizeof(ad));
	report("CPU has AES-NI, PCLMULQDQ and SSSE3", !crypto_cpu()->usable);
	test_gcm_lengths("GCM of 0 to 2200 bytes, forged tags refused and output wiped");
	test_gcm_iv();
	test_gcm_in_place();
	test_gcm_parts("GCM in 3000 random splits");
	test_gcm_refusals();
	test_xts();
	test_xts_refusals();
	test_sha2("SHA-224, 256, 384 and 512 of 0 to 2200 bytes");
	test_sha256_parts();
	forget_avx();
	test_gcm_lengths("GCM of 0 to 2200 bytes without AVX");
	test_gcm_parts("GCM in 3000 random splits without AVX");
	test_sha2("SHA-2 without AVX and SHA extensions");
	return failures != 0;
}
