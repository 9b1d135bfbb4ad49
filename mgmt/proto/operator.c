// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>
#include "lib/component.h"
#include "mgmt/proto/operator.h"

static bool verify_hash(const uint8_t key[P256_POINT], const uint8_t hash[32],
			const uint8_t signature[P256_SIG])
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point q;
	mbedtls_mpi r, s;
	bool good;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&q);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	good = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0 &&
	       mbedtls_ecp_point_read_binary(&group, &q, key, P256_POINT) == 0 &&
	       mbedtls_ecp_check_pubkey(&group, &q) == 0 &&
	       mbedtls_mpi_read_binary(&r, signature, 32) == 0 &&
	       mbedtls_mpi_read_binary(&s, signature + 32, 32) == 0 &&
	       mbedtls_ecdsa_verify(&group, hash, 32, &q, &r, &s) == 0;
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_group_free(&group);
	return good;
}

bool operator_verify(const uint8_t key[P256_POINT], const void *p, size_t n,
		     const uint8_t signature[P256_SIG])
{
	uint8_t hash[32];

	return mbedtls_sha256(p, n, hash, 0) == 0 && verify_hash(key, hash, signature);
}

const struct binding *binding_of_boot(const char **why)
{
	static struct binding binding;
	static struct schema_error err;
	const struct start_rom *rom = start_rom("binding");
	const char *bytes = rom ? (const char *)(uintptr_t)rom->va : NULL;

	*why = "there is no binding record on its boot medium";
	if (!rom ||
	    (rom->size == strlen(BINDING_UNBOUND) && !memcmp(bytes, BINDING_UNBOUND, rom->size)))
		return NULL;
	*why = err.text;
	if (!schema_decode(&binding_schema, &binding, (const uint8_t *)bytes, rom->size, &err))
		return NULL;
	*why = "the binding record has an unknown version";
	return binding.version == BINDING_VERSION ? &binding : NULL;
}
