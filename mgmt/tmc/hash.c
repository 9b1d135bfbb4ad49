// SPDX-License-Identifier: Apache-2.0
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>
#include "lib/component.h"
#include "mgmt/tmc/tmc.h"

void hash_sha256(const void *a, size_t na, const void *b, size_t nb, uint8_t out[32])
{
	mbedtls_sha256_context c;
	int bad;

	mbedtls_sha256_init(&c);
	bad = mbedtls_sha256_starts(&c, 0) | mbedtls_sha256_update(&c, a, na);
	if (nb)
		bad |= mbedtls_sha256_update(&c, b, nb);
	bad |= mbedtls_sha256_finish(&c, out);
	mbedtls_sha256_free(&c);
	if (bad)
		die("SHA-256 failed");
}

void hash_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[32])
{
	if (mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, key_len, p, n,
			    out) != 0)
		die("HMAC failed");
}
