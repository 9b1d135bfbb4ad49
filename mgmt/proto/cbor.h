// SPDX-License-Identifier: Apache-2.0
/*
 * The CBOR subset of every Redoubt message and record (RFC 8949 section 4.2.1, deterministic encoding): unsigned integers,
 * byte strings, text strings of printable ASCII, arrays, maps with unsigned keys in strictly rising order. Definite
 * lengths and the shortest head only; no tags, floats, negative numbers, null. One value has exactly one encoding.
 *
 * Errors are sticky: after the first, writers write nothing and readers return zeros; look once at the end.
 * Nothing allocates; strings that are read stay in the input buffer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBOR_MAX_DEPTH 8u /* of a value that is skipped */

enum cbor_kind { CBOR_UINT = 0, CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5 };

struct cbor_out {
	uint8_t *buf;
	size_t cap;
	size_t len;
	bool full; /* something did not fit */
};

struct cbor_in {
	const uint8_t *p;
	const uint8_t *end;
	const char *error; /* NULL, or what the first fault was */
};

/* Head of a value: for BYTES and TEXT `n` bytes follow, for ARRAY `n` values, for MAP `n` pairs; for UINT it is the value. */
void cbor_put_head(struct cbor_out *o, enum cbor_kind kind, uint64_t n);
void cbor_put_raw(struct cbor_out *o, const void *p, size_t n);
void cbor_put_uint(struct cbor_out *o, uint64_t v);
void cbor_put_bytes(struct cbor_out *o, const void *p, size_t n);
void cbor_put_text(struct cbor_out *o, const char *s);

/* Marks the input as bad; the first error stays. */
void cbor_fail(struct cbor_in *in, const char *error);
/* The head of the next value, which must be of `kind`; 0 on error. */
uint64_t cbor_get_head(struct cbor_in *in, enum cbor_kind kind);
uint64_t cbor_get_uint(struct cbor_in *in);
/* The content of a byte or text string: a pointer into the input, NULL on error. */
const uint8_t *cbor_get_string(struct cbor_in *in, enum cbor_kind kind, size_t *n);
/* Steps over one value of any kind in the subset. */
void cbor_skip(struct cbor_in *in);
