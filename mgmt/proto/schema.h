// SPDX-License-Identifier: Apache-2.0
/*
 * Table-driven coding of C structs as CBOR maps: one table per message gives encoder, decoder and limits, and reads like
 * its CDDL rule in docs/tmc.md. All fields of a table are required, in order of key. A decoder refuses unknown keys below
 * 128 and steps over keys from 128 on ("not critical", RFC 8949 deterministic order puts them last).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEMA_NOT_CRITICAL 128u

/* Bytes that belong to somebody else (when decoded: to the input buffer). */
struct span {
	const uint8_t *p;
	size_t n;
};

enum field_kind {
	FIELD_UINT,  /* uint64_t, at most `max` */
	FIELD_BYTES, /* uint8_t[max], always that long */
	FIELD_SPAN,  /* struct span of at most `max` bytes */
	FIELD_NAME,  /* char[max]: 1..max-1 of a-z 0-9 - . _, NUL-terminated */
	FIELD_TEXT,  /* char[max]: 0..max-1 printable ASCII, NUL-terminated */
	FIELD_LIST,  /* array in place of at most `max` structs; size_t count at `count` */
};

struct schema;

struct field {
	uint8_t key;
	uint8_t kind;
	uint32_t offset;
	uint32_t count; /* FIELD_LIST: offset of the size_t */
	uint64_t max;
	const char *name;
	const struct schema *item; /* FIELD_LIST */
};

struct schema {
	const char *name;
	const struct field *fields;
	size_t count;
	size_t size; /* of the C struct */
};

#define SCHEMA_FIELD(key, kind, type, member, max)                                 \
	{                                                                          \
		key, kind, (uint32_t)offsetof(type, member), 0, max, #member, NULL \
	}
#define SCHEMA_UINT(key, type, member, max) SCHEMA_FIELD(key, FIELD_UINT, type, member, max)
#define SCHEMA_BYTES(key, type, member) \
	SCHEMA_FIELD(key, FIELD_BYTES, type, member, sizeof(((type *)0)->member))
#define SCHEMA_SPAN(key, type, member, max) SCHEMA_FIELD(key, FIELD_SPAN, type, member, max)
#define SCHEMA_NAME(key, type, member) \
	SCHEMA_FIELD(key, FIELD_NAME, type, member, sizeof(((type *)0)->member))
#define SCHEMA_TEXT(key, type, member) \
	SCHEMA_FIELD(key, FIELD_TEXT, type, member, sizeof(((type *)0)->member))
#define SCHEMA_LIST(key, type, member, n, most, schema)                                         \
	{                                                                                       \
		key, FIELD_LIST, (uint32_t)offsetof(type, member), (uint32_t)offsetof(type, n), \
			most, #member, schema                                                   \
	}
#define SCHEMA(type, table)                                                           \
	{                                                                             \
#type, table, sizeof(table) / sizeof((table)[0]), sizeof(struct type) \
	}

struct schema_error {
	char text[120]; /* "state.vms[2].mem: 9000 is more than 4096" */
};

/* Encodes *obj. Returns the length, 0 if it does not fit or a field breaks its limit. */
size_t schema_encode(const struct schema *s, const void *obj, uint8_t *buf, size_t cap);
/* Decodes exactly `n` bytes into *obj (spans point into `p`). On failure *obj is zeroed and *err says what and where. */
bool schema_decode(const struct schema *s, void *obj, const uint8_t *p, size_t n,
		   struct schema_error *err);
