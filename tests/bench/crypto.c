/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bulk crypto objects that ship in components, linked into a Linux program, against OpenSSL's
 * EVP in the same run. Prints one JSON object per figure: MB/s of one core, the best of many short
 * runs, ours and OpenSSL's taking turns.
 */
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/crypto/xts.h"

enum {
	ROUNDS = 200,
	BYTES_PER_RUN = 2 << 20,
	LEN_MAX = 16384,
	AD_LEN = 13,
};

static uint8_t text[LEN_MAX], out[LEN_MAX], key[64], iv[16], tag[16];

static mbedtls_gcm_context gcm;
static EVP_CIPHER_CTX *gcm_peer;
static struct xts_key xts;
static EVP_CIPHER_CTX *xts_peer;

static void our_gcm(size_t len)
{
	if (mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, len, iv, 12, key, AD_LEN, text,
				      out, sizeof(tag), tag))
		abort();
}

static void their_gcm(size_t len)
{
	int n;

	EVP_EncryptInit_ex(gcm_peer, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(gcm_peer, NULL, &n, key, AD_LEN);
	EVP_EncryptUpdate(gcm_peer, out, &n, text, (int)len);
	EVP_EncryptFinal_ex(gcm_peer, out + n, &n);
	EVP_CIPHER_CTX_ctrl(gcm_peer, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag);
}

static void our_xts(size_t len)
{
	if (!xts_encrypt(&xts, 7, text, out, len))
		abort();
}

static void their_xts(size_t len)
{
	int n;

	EVP_EncryptInit_ex(xts_peer, NULL, NULL, NULL, iv);
	EVP_EncryptUpdate(xts_peer, out, &n, text, (int)len);
}

static void our_sha256(size_t len)
{
	mbedtls_sha256(text, len, out, 0);
}

static void their_sha256(size_t len)
{
	EVP_Digest(text, len, out, NULL, EVP_sha256(), NULL);
}

static double run(void (*work)(size_t), size_t len)
{
	size_t times = BYTES_PER_RUN / len;
	struct timespec a, b;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (size_t i = 0; i < times; i++)
		work(len);
	clock_gettime(CLOCK_MONOTONIC, &b);
	seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) * 1e-9;
	return (double)(times * len) / seconds / 1e6;
}

static void compare(const char *name, void (*ours)(size_t), void (*theirs)(size_t), size_t len)
{
	double best = 0, peer = 0;

	for (int i = 0; i < ROUNDS; i++) {
		double a = run(ours, len), b = run(theirs, len);

		best = a > best ? a : best;
		peer = b > peer ? b : peer;
	}
	printf("{\"name\": \"%s\", \"value\": %.0f, \"unit\": \"MB/s\", \"peer\": %.0f, "
	       "\"ratio\": %.3f}\n",
	       name, best, peer, best / peer);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37);
	gcm_peer = EVP_CIPHER_CTX_new();
	xts_peer = EVP_CIPHER_CTX_new();
	EVP_EncryptInit_ex(gcm_peer, EVP_aes_256_gcm(), NULL, key, NULL);
	EVP_EncryptInit_ex(xts_peer, EVP_aes_256_xts(), NULL, key, NULL);
	mbedtls_gcm_init(&gcm);
	if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256))
		abort();
	if (!xts_set_key(&xts, key, sizeof(key)))
		abort();
	compare("gcm_1500", our_gcm, their_gcm, 1500);
	compare("gcm_16k", our_gcm, their_gcm, 16384);
	compare("xts_4k", our_xts, their_xts, 4096);
	compare("sha256_16k", our_sha256, their_sha256, 16384);
	return 0;
}
