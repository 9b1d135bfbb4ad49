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
 * once. When a peer is restarted, root resets both rings and raises `epoch`: chan_recv()/chan_send() then
 * report CHAN_RESTARTED once, and requests without an answer are to be sent again (all requests of our
 * protocols are idempotent or are made so by their id).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAN_MAGIC 0x4e414843u /* "CHAN" */

/* Shared-memory layout: one header page, then ring 0 (client to server), then ring 1, each `ring_size` bytes. */
struct chan_ring {
	_Atomic uint32_t head; /* bytes produced, free-running; written by the producer */
	uint32_t pad0[15];
	_Atomic uint32_t tail; /* bytes consumed, free-running; written by the consumer */
	_Atomic uint32_t sleeping; /* consumer is about to sleep: producer must up its semaphore */
	uint32_t pad1[14];
};

struct chan_mem {
	uint32_t magic;
	uint32_t version;   /* 1 */
	uint32_t ring_size; /* bytes per direction, power of two >= 4096 */
	_Atomic uint32_t epoch; /* raised by root when one side is restarted */
	uint32_t pad[12];
	struct chan_ring ring[2];
};

struct msg {
	uint32_t len;   /* bytes including this header, >= 24 */
	uint16_t type;  /* protocol's enum; the answer has CHAN_ANSWER set */
	uint16_t status; /* enum chan_status in answers, 0 in requests */
	uint64_t id;
	uint64_t arg;   /* protocol-specific small argument (block number, handle) */
};
_Static_assert(sizeof(struct msg) == 24, "msg");

#define CHAN_ANSWER 0x8000u

enum chan_status { /* closed set for answers of every protocol */
	CS_OK = 0,
	CS_BAD_REQUEST = 1, /* malformed or unknown */
	CS_DENIED = 2,      /* not granted to this client */
	CS_NOT_FOUND = 3,
	CS_NO_SPACE = 4,
	CS_IO = 5,          /* device error */
	CS_CORRUPT = 6,     /* integrity check failed */
	CS_BUSY = 7,        /* try again later */
	CS_EXISTS = 8,
	CS_STATE = 9,       /* not possible in the present state (e.g. disk still sealed) */
	CS_UNSUPPORTED = 10,
	CS_FAILED = 11,     /* see the text in the payload */
};

enum chan_result { CHAN_OK = 0, CHAN_EMPTY, CHAN_FULL, CHAN_RESTARTED, CHAN_BROKEN, CHAN_CLOSED };

struct chan; /* one end, owned by the runtime; find it with chan_open() or chan_next() */

/* The channel to static component `peer`, or to its instance `instance` (NULL: any). NULL if not granted. */
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
enum chan_result chan_send2(struct chan *c, struct msg *m, const void *a, size_t na, const void *b, size_t nb);
/* Take the next message: header to *m, payload to buf (cap bytes; a longer one breaks the channel). */
enum chan_result chan_recv(struct chan *c, struct msg *m, void *buf, size_t cap);
/* Send a request and sleep until its answer (other messages on this channel must not occur meanwhile; other channels wait).
 * Sends again by itself after a restart of the peer. Returns the answer's status, or CS_FAILED when the channel is closed.
 * *out_len: payload bytes of the answer. */
enum chan_status chan_call(struct chan *c, uint16_t type, uint64_t arg, const void *in, size_t n, void *out, size_t cap,
			   size_t *out_len);
/* Answer request *q. If the ring is full, waits for the peer to read. */
void chan_answer(struct chan *c, const struct msg *q, enum chan_status s, uint64_t arg, const void *payload, size_t n);
