// SPDX-License-Identifier: Apache-2.0
/*
 * Run-time log: records in the TLV encoding of the TCG Canonical Event Log Format 1.0 (type u8, length u32 big-endian, value):
 *   0 record number (8 bytes), 1 PCR (1 byte), 3 digests { 0x0B: SHA-256 of the content }, 0x52 content
 * The content is the payload of TPM_EXTEND: a word, a zero byte, data. Record numbers count from 0 without a gap.
 * Reader and writer touch memory only; the verifier uses the same reader.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "services/tpm/tpm.h"

#define CEL_CONTENT  0x52u
#define CEL_OVERHEAD (5u + 8 + 5 + 1 + 5 + 5 + 32 + 5) /* bytes of a record beside its content */

struct cel_record {
	uint64_t number;
	uint32_t pcr;
	const uint8_t *digest;  /* 32 bytes, inside the log */
	const uint8_t *content; /* inside the log */
	size_t content_size;
	const char *word;    /* inside the content, NUL-terminated */
	const uint8_t *data; /* behind the word's zero byte */
	size_t data_size;
};

/* Content of an event: 1..TPM_WORD_MAX bytes of [a-z0-9-], a zero byte, data; at most TPM_EVENT_MAX in all. 0 or -1. */
int cel_content_check(const uint8_t *content, size_t n);

/*
 * Reads the record at *at of the log and moves *at behind it: 1; 0 at the end; -1 if it is malformed (then *at stays).
 * That the digest is the content's is the caller's to check.
 */
int cel_next(const uint8_t *log, size_t size, size_t *at, struct cel_record *out);

/* Writes one record; `out` has CEL_OVERHEAD + n bytes. Returns the bytes written. */
size_t cel_write(uint8_t *out, uint64_t number, uint32_t pcr, const uint8_t digest[32],
		 const uint8_t *content, size_t n);
