// SPDX-License-Identifier: Apache-2.0
/*
 * Requests of a component to a block channel (lib/blk.h) that are under way: sends them, sends them again after a restart of the
 * server, and tells the owner when each is answered. Write data is copied, so that it can be sent again.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/blk.h"
#include "lib/chan.h"

#define BLKQ_DEPTH 32u
#define BLKQ_BYTES (BLK_MAX_COUNT * BLK_SIZE)

struct blkq_request {
	uint16_t type; /* enum blk_type */
	uint64_t block;
	struct blk_span span;
	/* Called once: the answer's status and, for a read, its data (valid only now). */
	void (*done)(struct blkq_request *r, enum chan_status status, const uint8_t *data,
		     size_t n);
	void *owner;      /* for done() */
	uint64_t word[2]; /* for done() */
};

struct blkq_slot {
	struct blkq_request request;
	uint64_t id; /* 0: free */
	bool sent;
	uint8_t *copy; /* of a write's data; kept for the next request in this slot */
	size_t n;
};

struct blkq {
	struct chan *chan;
	uint64_t next_id;
	unsigned busy;
	struct blkq_slot slot[BLKQ_DEPTH];
	uint8_t *answer;
};

/* 0, or -1: no memory. The channel's other use is chan_call() only. */
int blkq_init(struct blkq *q, struct chan *chan) __attribute__((warn_unused_result));
unsigned blkq_room(const struct blkq *q);
/* Takes the request; `data` (n bytes) goes with a write. -1: no room or no memory, done() will not be called. */
int blkq_submit(struct blkq *q, const struct blkq_request *r, const void *data, size_t n)
	__attribute__((warn_unused_result));
/* Handles what came on the channel; true: something was done. */
bool blkq_poll(struct blkq *q);
/* Requests of that owner are still carried out, but their done() is not called any more. */
void blkq_forget(struct blkq *q, const void *owner);
