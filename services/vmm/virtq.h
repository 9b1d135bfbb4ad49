// SPDX-License-Identifier: Apache-2.0
/*
 * Split virtqueue, the device's side. Source: virtio 1.2, section 2.7.
 *
 * The ring lies in guest memory that the guest may change at any moment: everything is read once, checked, and used from
 * the copy. A queue that breaks the format is marked `broken` and stays silent until the device is reset.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "services/vmm/guest_mem.h"
#include "services/vmm/state.h"

#define VIRTQ_MAX  128u /* descriptors a queue may have */
#define VIRTQ_SEGS 66u  /* segments of one request; the drivers are told fewer */

struct virtq {
	uint16_t size; /* 0 < size <= VIRTQ_MAX, power of two */
	uint16_t vector;
	bool enabled, broken, event_idx;
	uint64_t desc, avail, used; /* guest-physical */
	uint16_t next_avail, next_used;
	uint16_t told_used; /* next_used when the guest was last considered for an interrupt */
};

struct virtq_seg {
	uint8_t *p;
	uint32_t len;
};

/* One request: first the bytes the device reads, then those it writes. */
struct virtq_chain {
	uint16_t head;
	uint16_t outs, ins; /* seg[0, outs) readable, seg[outs, outs + ins) writable */
	uint32_t out_len, in_len;
	struct virtq_seg seg[VIRTQ_SEGS];
};

void virtq_reset(struct virtq *q);
/* The guest switches the queue on; a queue outside of RAM or misaligned becomes `broken`. */
void virtq_enable(struct virtq *q, const struct guest_mem *gm);
/* Take the next request; false: none (or the queue is broken). */
bool virtq_pop(struct virtq *q, const struct guest_mem *gm, struct virtq_chain *c);
/* Does a request wait? If not, the guest is asked to notify the next one. */
bool virtq_waiting(struct virtq *q, const struct guest_mem *gm);
/* Put back what virtq_pop() gave last; it comes again. */
void virtq_unpop(struct virtq *q);
/* Collect the request whose first descriptor is c->head; false: it breaks the format. */
bool virtq_chain_at(const struct virtq *q, const struct guest_mem *gm, struct virtq_chain *c);
/* Give a request back, `len` bytes written to it. */
void virtq_push(struct virtq *q, const struct guest_mem *gm, uint16_t head, uint32_t len);
/* Does the guest want an interrupt for what was pushed since the last call? */
bool virtq_wants_interrupt(struct virtq *q, const struct guest_mem *gm);
/* Copy n bytes from the readable or to the writable bytes of the request from `at` on; false: it has fewer. */
bool virtq_copy_out(const struct virtq_chain *c, uint32_t at, void *buf, uint32_t n);
bool virtq_copy_in(const struct virtq_chain *c, uint32_t at, const void *buf, uint32_t n);
void virtq_state(struct state *s, struct virtq *q);
