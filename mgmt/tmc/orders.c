// SPDX-License-Identifier: Apache-2.0
/* After attestation: signed commands, each with a higher sequence than any before, kept in the system store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "lib/component.h"
#include "mgmt/policy/policy.h"
#include "mgmt/tmc/tmc.h"
#include "services/disk/disk.h"

#define RECORD "sequence"

enum { STATUS_MAX = 32 * 1024 };

bool orders_load_sequence(void)
{
	uint8_t value[8];
	size_t n = 0;
	enum chan_status s =
		chan_call(tmc.disk, STORE_GET, 0, RECORD, strlen(RECORD), value, sizeof(value), &n);

	tmc.sequence = 0;
	if (s == CS_NOT_FOUND)
		return true;
	if (s != CS_OK || n != sizeof(value))
		return false;
	for (unsigned i = 0; i < sizeof(value); i++)
		tmc.sequence |= (uint64_t)value[i] << (8 * i);
	return true;
}

static bool store_sequence(uint64_t sequence)
{
	struct store_item item = { .value_size = 8, .name_size = sizeof(RECORD) - 1 };
	uint8_t buf[sizeof(item) + sizeof(RECORD) - 1 + 8], *value = buf + sizeof(buf) - 8;

	memcpy(buf, &item, sizeof(item));
	memcpy(buf + sizeof(item), RECORD, sizeof(RECORD) - 1);
	for (unsigned i = 0; i < 8; i++)
		value[i] = (uint8_t)(sequence >> (8 * i));
	if (chan_call(tmc.disk, STORE_PUT, 0, buf, sizeof(buf), NULL, 0, NULL) != CS_OK)
		return false;
	tmc.sequence = sequence;
	return true;
}

/* NULL, or why the command is not taken. */
static const char *check_command(const struct tmc_command *m)
{
	static uint8_t input[TMC_SIGNED_MAX];
	size_t n = tmc_command_input(m, input, sizeof(input));

	if (!n || !operator_verify(tmc.binding->operator_key, input, n, m->signature))
		return "not signed by the operator key of the binding record";
	if (memcmp(m->server_id, tmc.binding->server_id, sizeof(m->server_id)) != 0)
		return "for another server";
	if (m->sequence <= tmc.sequence)
		return "its sequence is not above that of the last command (replayed?)";
	return store_sequence(m->sequence) ? NULL
					   : "its sequence cannot be stored: disk is not open";
}

static bool answer(uint64_t sequence, bool accepted, const char *text, size_t n)
{
	struct tmc_answer m = { .sequence = sequence, .accepted = accepted };

	snprintf(m.text, sizeof(m.text), "%.*s", (int)n, text);
	for (char *c = m.text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	log_line("command %" PRIu64 " %s: %s", sequence, accepted ? "accepted" : "refused", m.text);
	return link_send(TMC_ANSWER, &m);
}

static bool command(const struct tmc_frame *f)
{
	struct tmc_command m;
	struct chan *to;
	char text[256];
	size_t n = 0;
	enum chan_status s;
	const char *why;

	if (!link_decode(f, TMC_COMMAND, &m))
		return false;
	why = check_command(&m);
	if (why)
		return answer(m.sequence, false, why, strlen(why));
	to = m.kind == TMC_SET_STATE ? tmc.policy : tmc.disk;
	s = chan_call(to, m.kind == TMC_SET_STATE ? CONF_STATE : DISK_APPROVE, 0, m.body.p,
		      m.body.n, text, sizeof(text), &n);
	return answer(m.sequence, s == CS_OK, n ? text : "done", n ? n : 4);
}

/* Policy's view with our sequence in it. */
static bool send_status(void)
{
	static uint8_t buf[STATUS_MAX];
	static struct tmc_status m;
	size_t n = 0;

	if (chan_call(tmc.policy, CONF_STATUS, 0, NULL, 0, buf, sizeof(buf), &n) != CS_OK ||
	    !schema_decode(&tmc_status_schema, &m, buf, n, NULL))
		memset(&m, 0, sizeof(m));
	m.sequence = tmc.sequence;
	return link_send(TMC_STATUS, &m);
}

static bool poll_policy(void)
{
	uint8_t none[64];
	enum chan_result r;
	bool changed = false;
	struct msg m;

	while ((r = chan_recv(tmc.policy, &m, none, sizeof(none))) == CHAN_OK ||
	       r == CHAN_RESTARTED)
		changed |= r == CHAN_RESTARTED || m.type == CONF_CHANGED;
	return !changed || send_status();
}

static bool refused(const struct tmc_frame *f)
{
	struct tmc_refuse m;

	if (link_decode(f, TMC_REFUSE, &m))
		log_line("the TOM refuses: %s", m.text);
	return false;
}

static bool handle(const struct tmc_frame *f)
{
	switch (f->type) {
	case TMC_COMMAND:
		return command(f);
	case TMC_SEALED:
		return relay_request(f);
	case TMC_REFUSE:
		return refused(f);
	default:
		return link_refuse("message %u is not allowed now", f->type);
	}
}

void orders_serve(uint64_t until)
{
	enum link_result r = LINK_OK;
	struct tmc_frame f;

	if (!orders_load_sequence() || !send_status())
		return;
	while (now_ns() < until) {
		while ((r = link_next(&f)) == LINK_OK)
			if (!handle(&f))
				return;
		if (r == LINK_GONE || !relay_poll() || !poll_policy())
			break;
		component_wait(until);
	}
	log_line(r == LINK_GONE ? "the TOM ended the connection" : "time to attest again");
}
