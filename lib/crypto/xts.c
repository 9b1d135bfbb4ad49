/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/crypto/xts.h"

#include <string.h>

#include <mbedtls/constant_time.h>
#include <mbedtls/platform_util.h>

#include "lib/crypto/cpu.h"

enum {
	BLOCK = 16,
};

bool xts_set_key(struct xts_key *k, const uint8_t *key, size_t key_len)
{
	size_t half = key_len / 2;
	int bits = (int)half * 8;

	memset(k, 0, sizeof(*k));
	if ((key_len != 32 && key_len != 64) || !crypto_cpu()->usable)
		return false;
	if (mbedtls_ct_memcmp(key, key + half, half) == 0)
		return false;
	aesni_set_encrypt_key(key, bits, &k->encrypt);
	aesni_set_decrypt_key(key, bits, &k->decrypt);
	aesni_set_encrypt_key(key + half, bits, &k->tweak);
	return true;
}

static void plain64(uint8_t iv[BLOCK], uint64_t sector)
{
	memset(iv, 0, BLOCK);
	memcpy(iv, &sector, sizeof(sector));
}

bool xts_encrypt(const struct xts_key *k, uint64_t sector, const uint8_t *in, uint8_t *out,
		 size_t len)
{
	uint8_t iv[BLOCK];

	if (len < BLOCK)
		return false;
	plain64(iv, sector);
	aesni_xts_encrypt(in, out, len, &k->encrypt, &k->tweak, iv);
	return true;
}

bool xts_decrypt(const struct xts_key *k, uint64_t sector, const uint8_t *in, uint8_t *out,
		 size_t len)
{
	uint8_t iv[BLOCK];

	if (len < BLOCK)
		return false;
	plain64(iv, sector);
	aesni_xts_decrypt(in, out, len, &k->decrypt, &k->tweak, iv);
	return true;
}

void xts_wipe(struct xts_key *k)
{
	mbedtls_platform_zeroize(k, sizeof(*k));
}
