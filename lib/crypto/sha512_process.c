/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-512's block function of mbedTLS (MBEDTLS_SHA512_PROCESS_ALT) over OpenSSL's assembly. */
#include <mbedtls/sha512.h>

#include "lib/crypto/cpu.h"
#include "lib/crypto/perlasm.h"

int mbedtls_internal_sha512_process(mbedtls_sha512_context *ctx, const unsigned char data[128])
{
	crypto_cpu();
	sha512_block_data_order(ctx->MBEDTLS_PRIVATE(state), data, 1);
	return 0;
}
