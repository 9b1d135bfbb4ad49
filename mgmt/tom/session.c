// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/ctl.h"
#include "mgmt/tom/decision.h"
#include "mgmt/tom/session.h"

enum { ATTEST_SECONDS = 120, SESSION_SECONDS = 65 * 60, POLL_MS = 5000 };

void session_log(const struct session *s, const char *fmt, ...)
{
	char now[32];
	time_t t = time(NULL);
	va_list args;

	strftime(now, sizeof(now), "%F %T", gmtime(&t));
	fprintf(stderr, "%s %s: ", now, s->server.name[0] ? s->server.name : "(unknown server)");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
}

static bool write_all(struct session *s, const void *p, size_t n)
{
	size_t done;

	return n == 0 || (SSL_write_ex(s->ssl, p, n, &done) == 1 && done == n);
}

bool session_send(struct session *s, enum tmc_type type, const void *object)
{
	static uint8_t buf[TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX];
	const struct schema *schema = tmc_schema((uint16_t)type);
	size_t n = 1;

	if (schema)
		n = schema_encode(schema, object, buf + TMC_FRAME_HEAD, TMC_FRAME_BODY_MAX);
	else
		buf[TMC_FRAME_HEAD] = 0xa0; /* empty map */
	if (!n) {
		session_log(s, "message %d does not fit its limits", (int)type);
		return false;
	}
	tmc_frame_head(buf, (uint16_t)type, n);
	return write_all(s, buf, TMC_FRAME_HEAD + n);
}

bool session_read(struct session *s, struct tmc_frame *f)
{
	for (;;) {
		enum tmc_frame_result r = tmc_reader_next(&s->reader, f);
		size_t wanted, got;
		uint8_t *to;

		if (r != TMC_FRAME_MORE)
			return r == TMC_FRAME_OK;
		to = tmc_reader_space(&s->reader, &wanted);
		if (SSL_read_ex(s->ssl, to, wanted, &got) != 1)
			return false;
		tmc_reader_add(&s->reader, got);
	}
}

bool session_refuse(struct session *s, const char *fmt, ...)
{
	struct tmc_refuse m;
	va_list args;

	va_start(args, fmt);
	vsnprintf(m.text, sizeof(m.text), fmt, args);
	va_end(args);
	session_log(s, "refused: %s", m.text);
	if (s->server.name[0])
		tom_run(s->t, "UPDATE server SET verdict = ?, seen = ? WHERE name = ?", "sis",
			m.text, (int64_t)time(NULL), s->server.name);
	session_send(s, TMC_REFUSE, &m);
	return false;
}

static bool peer_refused(struct session *s, const struct tmc_frame *f)
{
	struct tmc_refuse m;

	if (!schema_decode(&tmc_refuse_schema, &m, f->body, f->len, NULL))
		return false;
	session_log(s, "the server refuses: %s", m.text);
	if (s->server.name[0])
		tom_run(s->t,
			"UPDATE server SET verdict = 'the server refuses: ' || ? WHERE name = ?",
			"ss", m.text, s->server.name);
	return false;
}

bool session_expect(struct session *s, enum tmc_type type, void *object)
{
	struct schema_error err;
	struct tmc_frame f;

	if (!session_read(s, &f)) {
		session_log(s, "connection ended while message %d was awaited", (int)type);
		return false;
	}
	if (f.type == TMC_REFUSE)
		return peer_refused(s, &f);
	if (f.type != type)
		return session_refuse(s, "message %u where only %d is allowed", f.type, (int)type);
	if (!schema_decode(tmc_schema(f.type), object, f.body, f.len, &err))
		return session_refuse(s, "malformed message: %s", err.text);
	return true;
}

static bool handle(struct session *s, const struct tmc_frame *f)
{
	switch (f->type) {
	case TMC_ANSWER:
		return orders_answer(s, f);
	case TMC_STATUS:
		return orders_status(s, f);
	case TMC_SEALED_ANSWER:
		return sealed_answer(s, f);
	case TMC_REFUSE:
		return peer_refused(s, f);
	default:
		return session_refuse(s, "message %u is not allowed now", f->type);
	}
}

static int poll_all(struct session *s)
{
	struct pollfd p[2 + SESSION_CLIENTS] = { { .fd = s->fd, .events = POLLIN },
						 { .fd = s->listener, .events = POLLIN } };
	int timeout = sealed_timeout(s), result = 0;

	if (SSL_has_pending(s->ssl))
		return 1;
	for (unsigned i = 0; i < SESSION_CLIENTS; i++) {
		p[2 + i].fd = s->clients[i].kind == CLIENT_FREE ? -1 : s->clients[i].fd;
		p[2 + i].events = POLLIN;
	}
	poll(p, 2 + SESSION_CLIENTS, timeout >= 0 && timeout < POLL_MS ? timeout : POLL_MS);
	if (p[1].revents)
		clients_accept(s);
	for (unsigned i = 0; i < SESSION_CLIENTS; i++)
		if (p[2 + i].fd >= 0 && p[2 + i].revents && !client_read(s, &s->clients[i]))
			result = -1;
	return result ? result : p[0].revents != 0;
}

static void log_decisions(struct session *s)
{
	char text[DECISION_TEXT];

	while (decision_unlogged(s->t, s->server.name, text))
		session_log(s, "decided: %s", text);
}

static bool serve(struct session *s)
{
	struct tmc_frame f;
	int readable;

	log_decisions(s);
	if (!sealed_tick(s))
		return false;
	readable = poll_all(s);
	if (readable <= 0)
		return readable == 0;
	return session_read(s, &f) && handle(s, &f);
}

/* An older session of the same server gives way; its socket's name becomes ours. */
static bool take_over(struct session *s)
{
	int old = ctl_connect(s->t, s->server.name);
	char answer[CTL_LINE];

	if (old >= 0) {
		ctl_ask(old, answer, "end");
		close(old);
	}
	s->listener = ctl_listen(s->t, s->server.name);
	return s->listener >= 0;
}

static void run_attested(struct session *s)
{
	time_t end = time(NULL) + SESSION_SECONDS;

	alarm(0);
	if (!take_over(s)) {
		session_log(s, "control socket below %s/run cannot be made", s->t->home);
		return;
	}
	session_log(s, "attested: release %s", s->server.release);
	orders_load(s);
	while (time(NULL) < end && serve(s))
		;
	session_log(s, "session ended");
}

void session_run(struct tom *t, SSL_CTX *tls, int fd)
{
	static struct session s;
	static uint8_t room[TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX];

	s.t = t;
	s.fd = fd;
	s.listener = -1;
	s.ssl = SSL_new(tls);
	tmc_reader_init(&s.reader, room);
	alarm(ATTEST_SECONDS); /* whoever does not attest by then is gone */
	if (s.ssl && SSL_set_fd(s.ssl, fd) == 1 && SSL_accept(s.ssl) == 1) {
		if (session_attest(&s))
			run_attested(&s);
		SSL_shutdown(s.ssl);
	} else {
		session_log(&s, "TLS handshake failed");
	}
	SSL_free(s.ssl);
	close(fd);
}
