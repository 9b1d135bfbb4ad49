// SPDX-License-Identifier: Apache-2.0
/* Messages of a channel that wait outside of its rings, for its runtime alone. At most CHAN_MAX_KEPT; copies on the heap. */
#pragma once
#include "lib/chan.h"

struct kept { /* a message that waits outside of the rings */
	struct kept *next;
	struct msg m;
	uint8_t payload[];
};

struct queue {
	struct kept *first, *last;
	uint32_t count;
};

void queue_clear(struct queue *q);
/* At its end. False: too many, or no memory. */
bool queue_put(struct queue *q, const struct msg *m, const void *payload);
/* The first, which there is. */
void queue_drop(struct queue *q);
