// SPDX-License-Identifier: Apache-2.0
/* Much data over one stream of uplink: byte i of each direction is i ^ i >> 8. */
#pragma once
#include <stdint.h>
#include "lib/chan.h"

/* The next message of `stream` or answer on channel `c`, into data (TCP_CHUNK bytes); CHAN_EMPTY after `ns`. */
enum chan_result bulk_next(struct chan *c, uint64_t stream, struct msg *m, uint8_t *data,
			   uint64_t ns);
/* Sends `out` and receives `in` bytes at once, at most four requests waiting. "good", or what is wrong. */
const char *bulk(struct chan *c, uint64_t stream, uint64_t out, uint64_t in);
