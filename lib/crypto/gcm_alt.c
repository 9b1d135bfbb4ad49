/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM over OpenSSL's assembly; the contract is mbedtls/gcm.h. */
#include <mbedtls/gcm.h>

#include <string.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>

#include "lib/crypto/cpu.h"

enum {
	BLOCK = 16,
	CHUNK = 3072, /* text that is still in the first-level cache when GHASH reads it again */
	TAG_MIN = 4,
};

/* SP 800-38D 5.2.1.1: at most 2^39 - 256 bits of text, 2^64 - 1 bits of additional data. */
#define TEXT_MAX ((UINT64_C(1) << 36) - 32)
#define AD_MAX   (UINT64_C(1) << 61)

static uint8_t *hash_bytes(mbedtls_gcm_context *ctx)
{
	return (uint8_t *)ctx->ghash.xi;
}

static void hash_mult(mbedtls_gcm_context *ctx)
{
	if (crypto_cpu()->avx)
		gcm_gmult_avx(ctx->ghash.xi, ctx->ghash.table);
	else
		gcm_gmult_clmul(ctx->ghash.xi, ctx->ghash.table);
}

static void hash_blocks(mbedtls_gcm_context *ctx, const uint8_t *in, size_t len)
{
	if (crypto_cpu()->avx)
		gcm_ghash_avx(ctx->ghash.xi, ctx->ghash.table, in, len);
	else
		gcm_ghash_clmul(ctx->ghash.xi, ctx->ghash.table, in, len);
}

/* Hash bytes that continue a block already filled up to `at`; a full block is multiplied. */
static void hash_bytewise(mbedtls_gcm_context *ctx, size_t at, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash_bytes(ctx)[at + i] ^= in[i];
	if (at + len == BLOCK)
		hash_mult(ctx);
}

/* Hash `in` after `done` bytes of the same kind (additional data, or a long IV). */
static void hash_stream(mbedtls_gcm_context *ctx, uint64_t done, const uint8_t *in, size_t len)
{
	size_t at = (size_t)(done % BLOCK);
	size_t head = at == 0 ? 0 : BLOCK - at < len ? BLOCK - at : len;
	size_t body = (len - head) / BLOCK * BLOCK;

	if (head)
		hash_bytewise(ctx, at, in, head);
	if (body)
		hash_blocks(ctx, in + head, body);
	if (len > head + body)
		hash_bytewise(ctx, 0, in + head + body, len - head - body);
}

static void put_be64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

static void hash_lengths(mbedtls_gcm_context *ctx, uint64_t first, uint64_t second)
{
	uint8_t block[BLOCK];

	put_be64(block, first * 8);
	put_be64(block + 8, second * 8);
	hash_blocks(ctx, block, BLOCK);
}

static void counter_add(mbedtls_gcm_context *ctx, size_t blocks)
{
	uint32_t c;

	memcpy(&c, ctx->counter + 12, sizeof(c));
	c = __builtin_bswap32(__builtin_bswap32(c) + (uint32_t)blocks);
	memcpy(ctx->counter + 12, &c, sizeof(c));
}

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
	if (ctx)
		mbedtls_platform_zeroize(ctx, sizeof(*ctx));
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher,
		       const unsigned char *key, unsigned int keybits)
{
	static const uint8_t zero[BLOCK];
	uint64_t h[2];

	if (cipher != MBEDTLS_CIPHER_ID_AES || (keybits != 128 && keybits != 192 && keybits != 256))
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (!crypto_cpu()->usable)
		return MBEDTLS_ERR_PLATFORM_FEATURE_UNSUPPORTED;
	aesni_set_encrypt_key(key, (int)keybits, &ctx->key);
	aesni_encrypt(zero, (uint8_t *)h, &ctx->key);
	ctx->ghash.h[0] = h[0] = __builtin_bswap64(h[0]);
	ctx->ghash.h[1] = h[1] = __builtin_bswap64(h[1]);
	if (crypto_cpu()->avx)
		gcm_init_avx(ctx->ghash.table, h);
	else
		gcm_init_clmul(ctx->ghash.table, h);
	mbedtls_platform_zeroize(h, sizeof(h));
	ctx->keyed = true;
	return 0;
}

/* SP 800-38D 7.1 step 2: a 96-bit IV is the counter itself, any other is hashed into one. */
static void first_counter(mbedtls_gcm_context *ctx, const uint8_t *iv, size_t len)
{
	memset(ctx->counter, 0, BLOCK);
	if (len == 12) {
		memcpy(ctx->counter, iv, len);
		ctx->counter[15] = 1;
		return;
	}
	hash_stream(ctx, 0, iv, len);
	if (len % BLOCK)
		hash_mult(ctx);
	hash_lengths(ctx, 0, len);
	memcpy(ctx->counter, ctx->ghash.xi, BLOCK);
	memset(ctx->ghash.xi, 0, BLOCK);
}

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
	if (!ctx->keyed || iv_len == 0 || iv_len >= AD_MAX)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	memset(ctx->ghash.xi, 0, sizeof(ctx->ghash.xi));
	ctx->ad_len = 0;
	ctx->len = 0;
	ctx->decrypt = mode == MBEDTLS_GCM_DECRYPT;
	first_counter(ctx, iv, iv_len);
	aesni_encrypt(ctx->counter, ctx->first, &ctx->key);
	counter_add(ctx, 1);
	return 0;
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
	if (ctx->len != 0 || add_len >= AD_MAX - ctx->ad_len)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (add_len == 0)
		return 0;
	hash_stream(ctx, ctx->ad_len, add, add_len);
	ctx->ad_len += add_len;
	return 0;
}

static void crypt_chunk(mbedtls_gcm_context *ctx, const uint8_t *in, uint8_t *out, size_t len)
{
	if (ctx->decrypt)
		hash_blocks(ctx, in, len);
	aesni_ctr32_encrypt_blocks(in, out, len / BLOCK, &ctx->key, ctx->counter);
	counter_add(ctx, len / BLOCK);
	if (!ctx->decrypt)
		hash_blocks(ctx, out, len);
}

/* Whole blocks, starting on a block boundary. */
static void crypt_blocks(mbedtls_gcm_context *ctx, const uint8_t *in, uint8_t *out, size_t len)
{
	size_t done = 0;

	if (crypto_cpu()->avx)
		done = (ctx->decrypt ? aesni_gcm_decrypt : aesni_gcm_encrypt)(
			in, out, len, &ctx->key, ctx->counter, ctx->ghash.xi);
	for (size_t n; done < len; done += n) {
		n = len - done < CHUNK ? len - done : CHUNK;
		crypt_chunk(ctx, in + done, out + done, n);
	}
}

/* At most the rest of one block, `at` bytes of which are done. */
static void crypt_bytewise(mbedtls_gcm_context *ctx, size_t at, const uint8_t *in, uint8_t *out,
			   size_t len)
{
	if (at == 0) {
		aesni_encrypt(ctx->counter, ctx->stream, &ctx->key);
		counter_add(ctx, 1);
	}
	for (size_t i = 0; i < len; i++) {
		uint8_t c = in[i] ^ ctx->stream[at + i];

		hash_bytes(ctx)[at + i] ^= ctx->decrypt ? in[i] : c;
		out[i] = c;
	}
	if (at + len == BLOCK)
		hash_mult(ctx);
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length,
		       unsigned char *output, size_t output_size, size_t *output_length)
{
	size_t at = (size_t)(ctx->len % BLOCK);
	size_t head = at == 0 ? 0 : BLOCK - at < input_length ? BLOCK - at : input_length;
	size_t body = (input_length - head) / BLOCK * BLOCK;
	size_t tail = input_length - head - body;

	if (output_size < input_length)
		return MBEDTLS_ERR_GCM_BUFFER_TOO_SMALL;
	*output_length = input_length;
	if (input_length == 0)
		return 0;
	if (!ctx->keyed || input_length > TEXT_MAX - ctx->len)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (output > input && (size_t)(output - input) < input_length)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (ctx->len == 0 && ctx->ad_len % BLOCK)
		hash_mult(ctx);
	if (head)
		crypt_bytewise(ctx, at, input, output, head);
	if (body)
		crypt_blocks(ctx, input + head, output + head, body);
	if (tail)
		crypt_bytewise(ctx, 0, input + head + body, output + head + body, tail);
	ctx->len += input_length;
	return 0;
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size,
		       size_t *output_length, unsigned char *tag, size_t tag_len)
{
	uint64_t last = ctx->len ? ctx->len : ctx->ad_len;

	(void)output;
	(void)output_size;
	*output_length = 0;
	if (!ctx->keyed || tag_len > BLOCK || tag_len < TAG_MIN)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (last % BLOCK)
		hash_mult(ctx);
	hash_lengths(ctx, ctx->ad_len, ctx->len);
	for (size_t i = 0; i < tag_len; i++)
		tag[i] = hash_bytes(ctx)[i] ^ ctx->first[i];
	return 0;
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length,
			      const unsigned char *iv, size_t iv_len, const unsigned char *add,
			      size_t add_len, const unsigned char *input, unsigned char *output,
			      size_t tag_len, unsigned char *tag)
{
	size_t out_len;
	int r = mbedtls_gcm_starts(ctx, mode, iv, iv_len);

	if (r == 0)
		r = mbedtls_gcm_update_ad(ctx, add, add_len);
	if (r == 0)
		r = mbedtls_gcm_update(ctx, input, length, output, length, &out_len);
	if (r == 0)
		r = mbedtls_gcm_finish(ctx, NULL, 0, &out_len, tag, tag_len);
	return r;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv,
			     size_t iv_len, const unsigned char *add, size_t add_len,
			     const unsigned char *tag, size_t tag_len, const unsigned char *input,
			     unsigned char *output)
{
	uint8_t expected[BLOCK];
	int r = mbedtls_gcm_crypt_and_tag(ctx, MBEDTLS_GCM_DECRYPT, length, iv, iv_len, add,
					  add_len, input, output, tag_len, expected);

	if (r == 0 && mbedtls_ct_memcmp(expected, tag, tag_len) != 0)
		r = MBEDTLS_ERR_GCM_AUTH_FAILED;
	if (r != 0 && length)
		mbedtls_platform_zeroize(output, length);
	mbedtls_platform_zeroize(expected, sizeof(expected));
	return r;
}
