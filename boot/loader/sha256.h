// SPDX-License-Identifier: Apache-2.0
/* SHA-256 (FIPS 180-4) of one whole buffer. */
#pragma once
#include <stdint.h>
#include <stddef.h>

void sha256(const void *data, size_t size, uint8_t digest[32]);
