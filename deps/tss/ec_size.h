/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included ahead of tpm2-tss's esys_crypto_mbed.c only. That file takes the size of an elliptic
 * curve coordinate from mbedtls_mpi_size(), which drops leading zero bytes: one salted session in
 * 256 then fails. TPM 2.0 Part 1, C.8 wants coordinates padded to the size of the field.
 */
#ifndef DEPS_TSS_EC_SIZE_H
#define DEPS_TSS_EC_SIZE_H

#include <mbedtls/bignum.h>

static inline size_t coordinate_size(const mbedtls_mpi *x)
{
	size_t n = mbedtls_mpi_size(x);

	return n <= 32 ? 32 : n <= 48 ? 48 : 66;
}

#define mbedtls_mpi_size(x) coordinate_size(x)

#endif
