// SPDX-License-Identifier: Apache-2.0
/*
 * The world around uplink's main() in one process: its channels, its clock, its memory. uplink runs until it waits,
 * then the test goes on. What it does wrong towards its channels ends the program.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/chan.h"
#include "services/uplink/uplink.h"

#define WORLD_CLIENTS 2u

/* Starts uplink, once; the clock stands at 1000 s, the driver has told nothing yet. */
void world_begin(void);
/* Lets uplink run for `ms` milliseconds of its clock. */
void world_run(unsigned ms);
/* lwIP, whose malloc() this is, gets no heap memory from now on, or again as it likes. */
void world_short_of_memory(bool yes);
void *world_malloc(size_t n);

/* ---- the driver's end of the wire ---- */
/* A frame comes, cut off at 1514 bytes. */
void world_frame(const uint8_t *frame, size_t n);
void world_link(bool up);
void world_wire_restarted(void);
/* The next frame that uplink has sent; its bytes, 0: none. */
size_t world_sent(uint8_t frame[1514]);

/* ---- a client's end of its channel ---- */
/* A request; returns its id. */
uint64_t world_ask(unsigned client, uint16_t type, uint64_t arg, const void *p, size_t n);
/* The next message of uplink; false: none. */
bool world_told(unsigned client, struct msg *m, uint8_t payload[TCP_CHUNK]);
/* What uplink's next look at the channel shows: CHAN_RESTARTED, CHAN_BROKEN, CHAN_CLOSED; CHAN_OK: a new channel. */
void world_client(unsigned client, enum chan_result state);
/* The client's ring has room for that many messages from now on (answers are kept and always fit). */
void world_room(unsigned client, unsigned messages);
