// SPDX-License-Identifier: Apache-2.0
/*
 * tmc: the server's end of the management channel. What its files share. One connection at a time; nothing is sent or
 * accepted before attestation beside what msg.h puts first.
 */
#pragma once
#include "lib/chan.h"
#include "mgmt/proto/frame.h"
#include "mgmt/proto/msg.h"
#include "mgmt/proto/operator.h"
#include "mgmt/proto/signed.h"

struct tmc {
	const struct binding *binding;
	struct chan *tcp, *tpm, *disk, *policy;
	uint8_t tom_hash[32]; /* SHA-256 of the TOM's SPKI */
	uint64_t boot_id;
	uint8_t binder[32]; /* of this connection */
	uint64_t sequence;  /* of the last command taken, as in the store */
	struct tmc_reader reader;
};

extern struct tmc tmc;

/* ---- link.c: TLS over the stream of uplink ---- */

enum link_result { LINK_OK, LINK_MORE, LINK_GONE };

/* Makes this boot's TLS key and certificate. */
void link_identity(void);
/* Connects and shakes hands; false with a line in the log. */
bool link_open(void);
void link_close(void);
/* Frames out and in. link_next(): LINK_MORE when nothing whole is there yet. */
bool link_send(enum tmc_type type, const void *object);
enum link_result link_next(struct tmc_frame *f);
/* Next frame, waiting up to 60 s; false if none comes or it is a REFUSE (logged). */
bool link_wait(struct tmc_frame *f);
/* The frame must be `type` and well-formed; false, and a REFUSE was sent, if not. */
bool link_decode(const struct tmc_frame *f, enum tmc_type type, void *object);
/* Both. */
bool link_expect(enum tmc_type type, void *object);
bool link_exporter(uint8_t out[TMC_EXPORTER_LEN]);
/* SHA-256(TOM SPKI || own SPKI). */
void link_keys(uint8_t out[32]);
/* Tells the TOM and the log why, always false. */
bool link_refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- attest.c ---- */
/* Evidence, binding if the TOM asks for it, result. True: the TOM accepted this server and proved to be the operator's. */
bool attest(void);

/* ---- enrol.c: binding ---- */
/* After BIND_ASK: OFFER ... BOUND. */
bool enrol(void);

/* ---- orders.c: after attestation ---- */
/* Serves the connection until it ends or `until` (ns since boot) has come. */
void orders_serve(uint64_t until);
bool orders_load_sequence(void);

/* ---- relay.c: TOM <-> vaults ---- */
bool relay_request(const struct tmc_frame *f);
/* Passes on what vaults and policy have for the TOM; false: the link is gone. */
bool relay_poll(void);

/* ---- hash.c ---- */
void hash_sha256(const void *a, size_t na, const void *b, size_t nb, uint8_t out[32]);
void hash_hmac(const void *key, size_t key_len, const void *p, size_t n, uint8_t out[32]);
