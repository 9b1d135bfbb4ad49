// SPDX-License-Identifier: Apache-2.0
/*
 * One connection of one server, in its own process: TLS, attestation, then commands, images and consoles. A session that
 * fails tells the server and the database why, and ends; the daemon and the other sessions do not notice.
 */
#pragma once
#include <openssl/ssl.h>
#include "mgmt/proto/frame.h"
#include "mgmt/proto/msg.h"
#include "mgmt/proto/signed.h"
#include "mgmt/proto/state.h"
#include "mgmt/tom/server.h"

#define SESSION_CLIENTS 16u

enum client_kind { CLIENT_FREE = 0, CLIENT_NEW, CLIENT_WAITS, CLIENT_CONSOLE };

struct client { /* a `tom` command connected to the session's socket */
	int fd;
	enum client_kind kind;
	uint64_t sequence; /* WAITS: for the answer to this command */
	/* CONSOLE */
	uint8_t vm_id[16], tvd_id[16], nonce[16], console_session[16];
	bool open;
	uint8_t key_from[32], key_to[32];
	uint64_t count_from, count_to;
};

struct pump {          /* images on their way to the server */
	size_t image;  /* index into the desired state's images; == image_count: all are there */
	uint8_t *data; /* the image's bytes, or NULL */
	size_t size;
	uint32_t chunk;      /* next to send */
	unsigned flying;     /* sent, not answered */
	bool asked;          /* where the vault stands */
	uint64_t generation; /* of requests: older answers are dropped */
	int64_t retry_ms;    /* monotonic time of the next question, 0: now */
};

struct session {
	struct tom *t;
	SSL *ssl;
	int fd;
	struct tmc_reader reader;
	struct server server;
	struct tmc_binder binder;
	uint8_t binder_hash[32];
	int listener;
	struct client clients[SESSION_CLIENTS];
	bool started;          /* the first status has come */
	struct state *desired; /* NULL: none yet */
	uint8_t *desired_bytes;
	struct pump pump;
};

/* Encodes and sends one frame. False: the connection is gone. */
bool session_send(struct session *s, enum tmc_type type, const void *object);
/* Next frame; waits. False: the connection is gone or sent garbage. */
bool session_read(struct session *s, struct tmc_frame *f);
/* Next frame, which must be `type`, decoded; false, with a message, if not. */
bool session_expect(struct session *s, enum tmc_type type, void *object);
/* Tells the server and the database; always false. */
bool session_refuse(struct session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void session_log(const struct session *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Serves a connected socket until it ends; then the process may end. */
void session_run(struct tom *t, SSL_CTX *tls, int fd);

/* attest.c: true once both sides have accepted each other. */
bool session_attest(struct session *s);
/* enrol.c: the binding of an armed server; evidence was good. */
bool session_enrol(struct session *s, const struct tmc_evidence *evidence, const struct verdict *v);

/* orders.c */
bool orders_push(struct session *s, struct client *c);
bool orders_approve(struct session *s, struct client *c, const char *release);
bool orders_answer(struct session *s, const struct tmc_frame *f);
bool orders_status(struct session *s, const struct tmc_frame *f);
void orders_load(struct session *s); /* the desired state changed */

/* images.c */
void pump_reset(struct session *s); /* begin with the first image of the desired state */
void pump_hurry(struct session *s); /* the server may be ready for more: ask at once */
/* "image N of M: P %, X of Y MiB", or "-": nothing is on its way. */
void pump_progress(const struct session *s, char *text, size_t cap);
bool sealed_tick(struct session *s);
/* Milliseconds until sealed_tick() has something to do; -1: nothing. */
int sealed_timeout(const struct session *s);
/* sealed.c */
bool sealed_answer(struct session *s, const struct tmc_frame *f);
/* consoles.c */
bool console_begin(struct session *s, struct client *c, const char *vm);
bool console_input(struct session *s, struct client *c);
void console_end(struct session *s, struct client *c);

/* clients.c */
void client_reply(struct client *c, bool good, const char *text);
void client_close(struct session *s, struct client *c);
void clients_accept(struct session *s);
bool client_read(struct session *s, struct client *c);
