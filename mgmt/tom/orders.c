// SPDX-License-Identifier: Apache-2.0
/* Signed commands to the server, and what it reports. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/desired.h"
#include "mgmt/tom/session.h"

void orders_load(struct session *s)
{
	free(s->desired_bytes);
	pump_reset(s);
	s->desired_bytes = NULL;
	if (!s->desired)
		s->desired = malloc(sizeof(*s->desired));
	if (s->desired && desired_decode(s->t, s->server.name, s->desired, &s->desired_bytes))
		return;
	free(s->desired);
	s->desired = NULL;
}

/* Returns the command's sequence, 0 if the connection is gone. */
static uint64_t send_command(struct session *s, enum tmc_command_kind kind, const void *body,
			     size_t n)
{
	static uint8_t input[TMC_SIGNED_MAX];
	struct tmc_command m = { .kind = kind, .body = { body, n } };
	EVP_PKEY *key = tom_load_key(s->t, "operator");
	size_t len;

	m.sequence = server_next_sequence(s->t, &s->server);
	memcpy(m.server_id, s->server.id, sizeof(m.server_id));
	len = tmc_command_input(&m, input, sizeof(input));
	tom_sign(key, input, len, m.signature);
	EVP_PKEY_free(key);
	return session_send(s, TMC_COMMAND, &m) ? m.sequence : 0;
}

static bool push_state(struct session *s, uint64_t *sequence)
{
	size_t n = 0;
	uint64_t epoch;
	uint8_t *body = desired_load(s->t, s->server.name, &n, &epoch);

	*sequence = 0;
	if (!body)
		return true;
	*sequence = send_command(s, TMC_SET_STATE, body, n);
	free(body);
	if (*sequence)
		session_log(s, "desired state: epoch %" PRIu64 " sent", epoch);
	return *sequence != 0;
}

bool orders_push(struct session *s, struct client *c)
{
	orders_load(s);
	c->kind = CLIENT_WAITS;
	if (!push_state(s, &c->sequence))
		return false;
	if (!c->sequence) {
		client_reply(c, false, "no desired state yet");
		client_close(s, c);
	}
	return true;
}

bool orders_approve(struct session *s, struct client *c, const char *release)
{
	struct approval list[2];
	bool known =
		server_approval(s->t, &s->server, s->server.release, APPROVAL_DISK, s->server.id,
				&list[0]) &&
		server_approval(s->t, &s->server, release, APPROVAL_DISK, s->server.id, &list[1]);

	if (!known) {
		client_reply(c, false, "unknown release");
		client_close(s, c);
		return true;
	}
	c->kind = CLIENT_WAITS;
	c->sequence = send_command(s, TMC_APPROVE_DISK, list, sizeof(list));
	return c->sequence != 0;
}

bool orders_answer(struct session *s, const struct tmc_frame *f)
{
	struct tmc_answer m;

	if (!schema_decode(&tmc_answer_schema, &m, f->body, f->len, NULL))
		return session_refuse(s, "malformed answer");
	session_log(s, "command %" PRIu64 " %s: %s", m.sequence,
		    m.accepted ? "accepted" : "refused", m.text);
	for (unsigned i = 0; i < SESSION_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->kind != CLIENT_WAITS || c->sequence != m.sequence)
			continue;
		client_reply(c, m.accepted == 1, m.text);
		client_close(s, c);
	}
	return true;
}

/* What the server already had of our commands when this database did not know it. */
static void catch_up(struct session *s, const struct tmc_status *m)
{
	if ((uint64_t)s->server.sequence >= m->sequence)
		return;
	s->server.sequence = (int64_t)m->sequence;
	tom_run(s->t, "UPDATE server SET sequence = ? WHERE name = ?", "is", s->server.sequence,
		s->server.name);
}

bool orders_status(struct session *s, const struct tmc_frame *f)
{
	struct schema_error err;
	struct tmc_status m;
	uint64_t epoch, sequence;
	size_t n;

	if (!schema_decode(&tmc_status_schema, &m, f->body, f->len, &err))
		return session_refuse(s, "malformed status: %s", err.text);
	tom_run(s->t, "UPDATE server SET status = ?, seen = ? WHERE name = ?", "bis", f->body,
		f->len, (int64_t)time(NULL), s->server.name);
	catch_up(s, &m);
	free(desired_load(s->t, s->server.name, &n, &epoch));
	pump_hurry(s);
	if (s->started)
		return true;
	s->started = true; /* the first status of a connection: bring the server up to date */
	return epoch <= m.epoch || push_state(s, &sequence);
}
