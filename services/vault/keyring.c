// SPDX-License-Identifier: Apache-2.0
#include "services/vault/keyring.h"

#include <string.h>

#include <mbedtls/gcm.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

static void derive(const struct keyring *k, const uint8_t *info, size_t n, uint8_t *out,
		   size_t size)
{
	mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), k->tvd_id, sizeof(k->tvd_id),
		     k->key, sizeof(k->key), info, n, out, size);
}

int keyring_volume(const struct keyring *k, const uint8_t uuid[KEYS_ID], struct xts_key *out)
{
	uint8_t info[KEYS_INFO], key[64];
	bool good;

	derive(k, info, keys_info_volume(uuid, info), key, sizeof(key));
	good = xts_set_key(out, key, sizeof(key));
	mbedtls_platform_zeroize(key, sizeof(key));
	return good ? 0 : -1;
}

void keyring_image(const struct keyring *k, const uint8_t digest[KEYS_DIGEST], uint8_t out[32])
{
	uint8_t info[KEYS_INFO];

	derive(k, info, keys_info_image(digest, info), out, 32);
}

void keyring_console(const struct keyring *k, const uint8_t vm_id[KEYS_ID],
		     const uint8_t session[16], const uint8_t nonce[16], uint8_t *from_vm,
		     uint8_t *to_vm)
{
	uint8_t info[KEYS_INFO], keys[64];

	derive(k, info, keys_info_console(vm_id, session, nonce, info), keys, sizeof(keys));
	memcpy(from_vm, keys, 32);
	memcpy(to_vm, keys + 32, 32);
	mbedtls_platform_zeroize(keys, sizeof(keys));
}

void keyring_image_volume(const uint8_t digest[KEYS_DIGEST], uint8_t uuid[KEYS_ID])
{
	static const char label[] = "redoubt/1 image volume";
	uint8_t input[sizeof(label) - 1 + KEYS_DIGEST], hash[32];

	memcpy(input, label, sizeof(label) - 1);
	memcpy(input + sizeof(label) - 1, digest, KEYS_DIGEST);
	mbedtls_sha256(input, sizeof(input), hash, 0);
	memcpy(uuid, hash, KEYS_ID);
}

int seal(const uint8_t key[32], const uint8_t nonce[SEAL_NONCE], const uint8_t *aad,
	 size_t aad_size, const uint8_t *text, size_t n, uint8_t *out)
{
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
	if (!rc)
		rc = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, n, nonce, SEAL_NONCE, aad,
					       aad_size, text, out, SEAL_TAG, out + n);
	mbedtls_gcm_free(&gcm);
	return rc ? -1 : 0;
}

int seal_open(const uint8_t key[32], const uint8_t nonce[SEAL_NONCE], const uint8_t *aad,
	      size_t aad_size, const uint8_t *sealed, size_t n, uint8_t *text)
{
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
	if (!rc)
		rc = mbedtls_gcm_auth_decrypt(&gcm, n, nonce, SEAL_NONCE, aad, aad_size, sealed + n,
					      SEAL_TAG, sealed, text);
	mbedtls_gcm_free(&gcm);
	return rc ? -1 : 0;
}
