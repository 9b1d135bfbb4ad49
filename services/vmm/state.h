// SPDX-License-Identifier: Apache-2.0
/*
 * Saved device states. Each device has one function that names its fields once, in order; it serves both
 * directions. A state is a row of sections: u32 tag, u32 version, then the fields, little-endian.
 *
 * Errors stick: `bad` is set when the buffer ends, a tag or version differs, or a device finds a value that
 * it could not have saved. After a load with `bad` set the machine must not run.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state {
	uint8_t *buf; /* not owned */
	size_t size;
	size_t at; /* bytes written or read so far */
	bool loading;
	bool bad;
	uint32_t tag; /* of the section it is in: with bad and at, what is wrong and where */
};

void state_save(struct state *s, void *buf, size_t size);
void state_load(struct state *s, const void *buf, size_t size);

void state_section(struct state *s, uint32_t tag, uint32_t version);
void state_u8(struct state *s, uint8_t *v);
void state_u16(struct state *s, uint16_t *v);
void state_u32(struct state *s, uint32_t *v);
void state_u64(struct state *s, uint64_t *v);
void state_bool(struct state *s, bool *v);
void state_bytes(struct state *s, void *p, size_t n);
/* While loading: what was read must satisfy `ok`. */
void state_check(struct state *s, bool ok);
