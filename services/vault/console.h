// SPDX-License-Identifier: Apache-2.0
/*
 * One VM's console: what it said lately, and the sealed session with the TOM. Pure: bytes in, frames out.
 *
 * The text of the VM goes into a ring; a session reads along at its own pace. What the ring has overwritten before the session
 * read it is lost to the session, never held against the VM.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/vault/keyring.h"

#define CONSOLE_RING      65536u
#define CONSOLE_HISTORY   16384u /* bytes of the past that a new session gets */
#define CONSOLE_FRAME_MAX (sizeof(struct console_frame) + CONSOLE_TEXT_MAX + SEAL_TAG)

struct console {
	uint8_t ring[CONSOLE_RING];
	uint64_t written; /* bytes the VM has said so far */
	uint8_t vm_id[KEYS_ID];
	bool open; /* a session: */
	uint8_t session[16];
	uint8_t from_vm[32], to_vm[32]; /* its keys */
	uint64_t read;                  /* bytes it has got or missed */
	uint64_t sent, expected;        /* counters of the two directions */
};

void console_init(struct console *c, const uint8_t vm_id[KEYS_ID]);
void console_say(struct console *c, const uint8_t *text, size_t n);
/* A new session; `session` is fresh and random. It replaces the one before. */
void console_begin(struct console *c, const struct keyring *k, const uint8_t session[16],
		   const uint8_t nonce[16]);
void console_close(struct console *c);
/*
 * The next frame to the TOM into `out` (CONSOLE_FRAME_MAX bytes); its size, or 0: nothing to say. Its text counts as sent only
 * after console_sent(), to be called before anything else is said. A frame that is never sent leaves a gap in the counters.
 */
size_t console_frame_out(struct console *c, uint8_t *out);
void console_sent(struct console *c);
/* A frame of the TOM: bytes of text (at most CONSOLE_TEXT_MAX), or -1: forged, repeated, malformed, or no session. */
int console_frame_in(struct console *c, const uint8_t *frame, size_t n, uint8_t *text);
