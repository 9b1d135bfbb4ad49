// SPDX-License-Identifier: Apache-2.0
/*
 * Channel: the one way components exchange data. Shared memory with two single-producer single-consumer
 * rings of messages, one per direction, and a wake-up of the peer's semaphore.
 *
 * A message is a struct msg followed by `len - sizeof(struct msg)` bytes of payload, never split: it is copied
 * in whole by chan_send() and copied out whole by chan_recv(), so the peer cannot change it under the reader.
 * Nothing read from the shared memory is trusted: indices are masked and lengths checked on every use; a peer
 * that breaks the ring format gets its channel marked broken, which the owner sees as CHAN_BROKEN.
 *
 * Requests carry an `id` chosen by the client; the answer repeats it. Servers answer every request exactly
 * once. When a peer is restarted, root raises the channel's epoch: both rings are empty then, and
 * chan_recv()/chan_send() report CHAN_RESTARTED once; requests without an answer are to be sent again (all
 * requests of our protocols are idempotent or are made so by their id).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Shared-memory layout: one header page, then the data of ring 0 (client to server), then of ring 1, each of
 * chan_ring_size(start_chan.size) bytes. All zero at first. Each word has one writer, as told. Whoever starts
 * (or sees the epoch rise) writes its positions as 0, then its epoch word: until the producer's epoch word is
 * the current epoch the ring is empty, until the consumer's is, nothing has been consumed.
 * A message takes len rounded up to 8 bytes and may wrap round the end.
 */
struct chan_ring {
	_Atomic uint32_t head;       /* producer: bytes produced, free-running */
	_Atomic uint32_t head_epoch; /* producer */
	_Atomic uint32_t
		starving; /* set by the producer that found no room, cleared by the consumer, who wakes it */
	uint32_t pad0[13];
	_Atomic uint32_t tail;       /* consumer: bytes consumed, free-running */
	_Atomic uint32_t tail_epoch; /* consumer */
	_Atomic uint32_t
		sleeping; /* set by the consumer about to sleep, cleared by the producer, who wakes it */
	uint32_t pad1[13];
};

struct chan_mem {
	_Atomic uint32_t closed
		[2]; /* per side: serial of the closed channel whose end this side will not touch any more */
	uint32_t pad[30];
	struct chan_ring ring[2];
};
_Static_assert(sizeof(struct chan_mem) == 384, "chan_mem");

#define CHAN_HEADER   4096u
#define CHAN_MAX_RING 0x1000000u

/* Bytes per ring of a channel of `size` bytes: the largest power of two so that both fit; 0 if below 4096. */
uint32_t chan_ring_size(uint64_t size);

struct msg {
	uint32_t len;    /* bytes including this header, >= 24 */
	uint16_t type;   /* protocol's enum; the answer has CHAN_ANSWER set */
	uint16_t status; /* enum chan_status in answers, 0 in requests */
	uint64_t id;
	uint64_t arg; /* protocol-specific small argument (block number, handle) */
};
_Static_assert(sizeof(struct msg) == 24, "msg");

#define CHAN_ANSWER 0x8000u

enum chan_status { /* closed set for answers of every protocol */
		   CS_OK = 0,
		   CS_BAD_REQUEST = 1, /* malformed or unknown */
		   CS_DENIED = 2,      /* not granted to this client */
		   CS_NOT_FOUND = 3,
		   CS_NO_SPACE = 4,
		   CS_IO = 5,      /* device error */
		   CS_CORRUPT = 6, /* integrity check failed */
		   CS_BUSY = 7,    /* try again later */
		   CS_EXISTS = 8,
		   CS_STATE = 9, /* not possible in the present state (e.g. disk still sealed) */
		   CS_UNSUPPORTED = 10,
		   CS_FAILED = 11, /* see the text in the payload */
};

enum chan_result { CHAN_OK = 0, CHAN_EMPTY, CHAN_FULL, CHAN_RESTARTED, CHAN_BROKEN, CHAN_CLOSED };

struct chan; /* one end, owned by the runtime; find it with chan_open() or chan_next() */

/* The channel of that protocol to component `peer`; peer NULL: the one we are client of, whoever serves. NULL if not granted. */
struct chan *chan_open(const char *peer, const char *proto);
/* Iterate over all channels incl. those added since: pass NULL first. */
struct chan *chan_next(struct chan *c);

const char *chan_peer(const struct chan *c);
const char *chan_instance(const struct chan *c);
const char *chan_proto(const struct chan *c);
uint64_t chan_tag(const struct chan *c);
bool chan_is_server(const struct chan *c);
/* A slot for the owner's per-channel state (NULL at first, reset to NULL when the slot is reused). */
void **chan_user(struct chan *c);

/* Largest payload that one message may carry: ring_size/2 - sizeof(struct msg). */
size_t chan_max(const struct chan *c);
/* Send header + payload (may be NULL/0) whole, or nothing: CHAN_FULL. Wakes the peer. m->len is filled in. */
enum chan_result chan_send(struct chan *c, struct msg *m, const void *payload, size_t n);
/* As chan_send() with the payload in two pieces. */
enum chan_result chan_send2(struct chan *c, struct msg *m, const void *a, size_t na, const void *b,
			    size_t nb);
/* Take the next message: header to *m, payload to buf (cap bytes; a longer one breaks the channel). */
enum chan_result chan_recv(struct chan *c, struct msg *m, void *buf, size_t cap);
/* As chan_recv(), but of a closed channel first what was in it then. For what is only kept or shown (log lines, a console):
 * a request must not be carried out once its client is gone, there may be another in its place. */
enum chan_result chan_drain(struct chan *c, struct msg *m, void *buf, size_t cap);
/* As chan_recv(), for an owner that takes no message now: CHAN_OK when it could. */
enum chan_result chan_look(struct chan *c);
/* Send a request and sleep until its answer. Other messages of this channel that come meanwhile are kept for chan_recv();
 * other channels wait.
 * Sends again by itself after a restart of the peer. Returns the answer's status, or CS_FAILED when the channel is closed.
 * *out_len: payload bytes of the answer. */
enum chan_status chan_call(struct chan *c, uint16_t type, uint64_t arg, const void *in, size_t n,
			   void *out, size_t cap, size_t *out_len);
/* Answer request *q. Never waits: an answer that finds no room is kept and sent by a later chan_recv(), which takes no
 * further request of that channel before; a client that lets CHAN_MAX_KEPT answers pile up breaks its channel. */
void chan_answer(struct chan *c, const struct msg *q, enum chan_status s, uint64_t arg,
		 const void *payload, size_t n);

#define CHAN_MAX_KEPT 64u

/*
 * Announce that this component is about to sleep on START_SEL_WAKE by other means than component_wait() (vcpu_run). False:
 * a message, a new channel or a restart came since the last look at the channel: do not sleep. True: whatever comes from
 * now on ups the semaphore. A message that the owner leaves in its ring counts as seen.
 */
bool chan_arm(void);
/* Awake again: spare the peers their wake-ups. component_wait() does it by itself. */
void chan_disarm(void);
