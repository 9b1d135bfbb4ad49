// SPDX-License-Identifier: Apache-2.0
/* The server's side of the operator's signatures (mbedTLS). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "mgmt/proto/binding.h"

/* ECDSA P-256 over SHA-256(p, n); the key is a point of the measured binding record. */
bool operator_verify(const uint8_t key[P256_POINT], const void *p, size_t n,
		     const uint8_t signature[P256_SIG]);

/* The binding record of this server: decoded from the boot part "binding". NULL with *why if there is no usable one. */
const struct binding *binding_of_boot(const char **why);
