// SPDX-License-Identifier: Apache-2.0
/*
 * The records of the system store as one block of bytes: what a commit encrypts and writes. Pure: checked before use, no crypto, no I/O.
 *
 *   struct snapshot_head, then per record: struct record_head, name (no NUL), value; records in no order, names unique
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "services/disk/disk.h"

#define SNAPSHOT_MAGIC    0x50414e53u            /* "SNAP" */
#define SNAPSHOT_NAME_MAX (STORE_NAME_MAX + 16u) /* "client/name" */

struct snapshot_head {
	uint32_t magic;
	uint32_t count; /* records */
};

struct record_head {
	uint32_t value_size;
	uint32_t name_size; /* 1..SNAPSHOT_NAME_MAX, printable ASCII without space */
};

struct record {
	const char *name; /* inside the snapshot, not terminated */
	const uint8_t *value;
	size_t name_size, value_size;
};

struct snapshot {
	uint8_t *data; /* STORE_SNAPSHOT_MAX bytes, the owner's */
	size_t size;
};

enum snapshot_result { SNAPSHOT_OK = 0, SNAPSHOT_FULL, SNAPSHOT_BAD };

void snapshot_empty(struct snapshot *s);
/* The bytes are a whole snapshot. */
enum snapshot_result snapshot_check(const uint8_t *data, size_t size);
/* The record at *at (0: the first), moving *at on: 1, or 0 at the end. Only for a checked snapshot. */
int snapshot_next(const struct snapshot *s, size_t *at, struct record *out);
/* 1 if it is there. */
int snapshot_find(const struct snapshot *s, const char *name, size_t name_size, struct record *out);
/*
 * Into `to`: the records of `from` with one set, or removed (value NULL; need not be there). `from` and `to` are different.
 */
enum snapshot_result snapshot_set(const struct snapshot *from, struct snapshot *to,
				  const char *name, size_t name_size, const uint8_t *value,
				  size_t value_size);
/* A record name as clients may choose it. */
int snapshot_name_ok(const char *name, size_t n, size_t max);
