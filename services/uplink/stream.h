// SPDX-License-Identifier: Apache-2.0
/* Proto "tcp" over lwIP: one outgoing stream per channel. */
#pragma once
#include <stdbool.h>
#include "lib/chan.h"

/* Takes requests of channel `c`, moves data both ways as far as there is room. `own`: the interface's address, 0: none yet. */
void stream_serve(struct chan *c, bool up, const uint8_t mac[6], uint32_t own);
