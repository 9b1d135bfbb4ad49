/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 over OpenSSL's assembly; the contract is mbedtls/sha256.h. */
#include <mbedtls/sha256.h>

#include <string.h>

#include <mbedtls/platform_util.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/perlasm.h"

enum {
	BLOCK = 64,
	LENGTH_AT = 56, /* FIPS 180-4 5.1.1: the last eight bytes hold the length in bits */
};

/* FIPS 180-4 5.3.2 and 5.3.3. */
static const uint32_t initial224[8] = { 0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
					0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4 };
static const uint32_t initial256[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };

void mbedtls_sha256_init(mbedtls_sha256_context *ctx)
{
	memset(ctx, 0, sizeof(*ctx));
}

void mbedtls_sha256_free(mbedtls_sha256_context *ctx)
{
	if (ctx)
		mbedtls_platform_zeroize(ctx, sizeof(*ctx));
}

void mbedtls_sha256_clone(mbedtls_sha256_context *dst, const mbedtls_sha256_context *src)
{
	*dst = *src;
}

int mbedtls_sha256_starts(mbedtls_sha256_context *ctx, int is224)
{
	if (is224 != 0 && is224 != 1)
		return MBEDTLS_ERR_SHA256_BAD_INPUT_DATA;
	crypto_cpu();
	ctx->len = 0;
	ctx->is224 = is224;
	memcpy(ctx->state, is224 ? initial224 : initial256, sizeof(ctx->state));
	return 0;
}

/* Complete the block in progress as far as `len` bytes go; returns how many were taken. */
static size_t fill_block(mbedtls_sha256_context *ctx, const uint8_t *in, size_t len)
{
	size_t at = (size_t)(ctx->len % BLOCK);
	size_t n = BLOCK - at < len ? BLOCK - at : len;

	memcpy(ctx->block + at, in, n);
	ctx->len += n;
	if (at + n == BLOCK)
		sha256_block_data_order(ctx->state, ctx->block, 1);
	return n;
}

int mbedtls_sha256_update(mbedtls_sha256_context *ctx, const unsigned char *input, size_t ilen)
{
	size_t done = 0, blocks;

	if (ilen == 0)
		return 0;
	if (ctx->len % BLOCK)
		done = fill_block(ctx, input, ilen);
	blocks = (ilen - done) / BLOCK;
	if (blocks)
		sha256_block_data_order(ctx->state, input + done, blocks);
	done += blocks * BLOCK;
	ctx->len += blocks * BLOCK;
	if (done < ilen)
		fill_block(ctx, input + done, ilen - done);
	return 0;
}

int mbedtls_sha256_finish(mbedtls_sha256_context *ctx, unsigned char *output)
{
	uint64_t bits = __builtin_bswap64(ctx->len * 8);
	size_t at = (size_t)(ctx->len % BLOCK);
	size_t words = ctx->is224 ? 7 : 8;

	ctx->block[at++] = 0x80;
	memset(ctx->block + at, 0, BLOCK - at);
	if (at > LENGTH_AT) {
		sha256_block_data_order(ctx->state, ctx->block, 1);
		memset(ctx->block, 0, BLOCK);
	}
	memcpy(ctx->block + LENGTH_AT, &bits, sizeof(bits));
	sha256_block_data_order(ctx->state, ctx->block, 1);
	for (size_t i = 0; i < words; i++) {
		uint32_t word = __builtin_bswap32(ctx->state[i]);

		memcpy(output + 4 * i, &word, sizeof(word));
	}
	return 0;
}
