// SPDX-License-Identifier: Apache-2.0
/* What is derived from the disk key: docs/formats.md, section 9. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define DISK_KEY 32u

/* HKDF-SHA-256(disk key, salt = disk UUID, info = text || extra, 32 bytes). */
void disk_derive(const uint8_t key[DISK_KEY], const uint8_t uuid[16], const char *text,
		 const uint8_t *extra, size_t n, uint8_t out[32]);
void disk_hmac(const uint8_t key[32], const void *data, size_t n, uint8_t out[32]);
void disk_sha256(const void *data, size_t n, uint8_t out[32]);
/* The value for PCR 15: server id || disk UUID || HMAC; 64 bytes. */
void disk_identity(const uint8_t key[DISK_KEY], const uint8_t server_id[16], const uint8_t uuid[16],
		   uint8_t out[64]);
/* In constant time. */
int disk_equal(const uint8_t *a, const uint8_t *b, size_t n);
