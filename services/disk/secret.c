// SPDX-License-Identifier: Apache-2.0
#include "services/disk/secret.h"

#include <string.h>

#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#define INFO_MAX 128u

static const mbedtls_md_info_t *md(void)
{
	return mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
}

void disk_derive(const uint8_t key[DISK_KEY], const uint8_t uuid[16], const char *text,
		 const uint8_t *extra, size_t n, uint8_t out[32])
{
	uint8_t info[INFO_MAX];
	size_t length = strlen(text);

	memcpy(info, text, length);
	if (n)
		memcpy(info + length, extra, n);
	mbedtls_hkdf(md(), uuid, 16, key, DISK_KEY, info, length + n, out, 32);
}

void disk_hmac(const uint8_t key[32], const void *data, size_t n, uint8_t out[32])
{
	mbedtls_md_hmac(md(), key, 32, data, n, out);
}

void disk_sha256(const void *data, size_t n, uint8_t out[32])
{
	mbedtls_sha256(data, n, out, 0);
}

void disk_identity(const uint8_t key[DISK_KEY], const uint8_t server_id[16], const uint8_t uuid[16],
		   uint8_t out[64])
{
	uint8_t mac_key[32];

	memcpy(out, server_id, 16);
	memcpy(out + 16, uuid, 16);
	disk_derive(key, uuid, "redoubt/1 disk id", NULL, 0, mac_key);
	disk_hmac(mac_key, out, 32, out + 32);
	mbedtls_platform_zeroize(mac_key, sizeof(mac_key));
}

int disk_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	uint8_t differing = 0;

	for (size_t i = 0; i < n; i++)
		differing |= a[i] ^ b[i];
	return differing == 0;
}
