// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "mgmt/policy/steps.h"

void engine_init(struct engine *e, const struct binding *binding, struct kept *kept,
		 uint64_t first_id, void (*say)(const char *line))
{
	memset(e, 0, sizeof(*e));
	e->binding = binding;
	e->kept = kept;
	e->last_id = first_id;
	e->say = say;
	e->wake = ENGINE_FOREVER;
}

void engine_say(const struct engine *e, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	e->say(line);
}

bool engine_due(struct engine *e, uint64_t at)
{
	if (at <= e->now)
		return true;
	if (at < e->wake)
		e->wake = at;
	return false;
}

void attempt_failed(struct engine *e, struct attempt *a, const char *fmt, ...)
{
	uint64_t pause = (500 * MS) << (a->failures < 6 ? a->failures : 6);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	if (!a->failures++)
		engine_say(e, "%s", a->why);
	a->retry_at = e->now + pause;
}

void attempt_done(struct attempt *a)
{
	memset(a, 0, sizeof(*a));
}

const char *answer_words(const struct answer *a, char *text, size_t cap)
{
	static const char *const words[] = {
		"done",     "malformed request", "denied",      "not there",
		"no space", "I/O error",         "corrupt",     "busy",
		"exists",   "not ready yet",     "unsupported", "failed",
	};
	size_t count = sizeof(words) / sizeof(words[0]), n = a->n < cap ? a->n : cap - 1;

	for (size_t i = 0; i < n; i++)
		text[i] = a->p[i] >= ' ' && a->p[i] <= '~' ? (char)a->p[i] : '?';
	text[n] = 0;
	if (!n)
		snprintf(text, cap, "%s",
			 (size_t)a->status < count ? words[a->status] : "unknown answer");
	return text;
}

bool engine_order(struct engine *e, struct lane *lane, struct order *out, enum step step,
		  size_t subject, uint16_t type, size_t n)
{
	*lane = (struct lane){ step, ++e->last_id, subject, e->generation };
	out->type = type;
	out->id = lane->id;
	out->arg = 0;
	out->payload = e->out;
	out->n = n;
	return true;
}

bool engine_next(struct engine *e, uint64_t now, struct order *out)
{
	e->now = now;
	e->wake = ENGINE_FOREVER;
	memset(out, 0, sizeof(*out));
	out->peer = PEER_DISK;
	if (commit_next(e, out))
		return true;
	out->peer = PEER_TPM;
	if (measure_next(e, out))
		return true;
	out->peer = PEER_ROOT;
	if (instances_next(e, out))
		return true;
	out->peer = PEER_VAULT;
	for (size_t i = 0; i < e->state.tvd_count; i++) {
		out->tag = state_number(e->state.tvds[i].id);
		if (tenant_next(e, i, out))
			return true;
	}
	return false;
}

static struct lane *find_lane(struct engine *e, enum peer peer, uint64_t tag)
{
	size_t i;

	switch (peer) {
	case PEER_DISK:
		return &e->disk_lane;
	case PEER_TPM:
		return &e->tpm_lane;
	case PEER_ROOT:
		return &e->root_lane;
	default:
		i = fact_tvd(e, tag);
		return i < e->state.tvd_count ? &e->tvds[i].lane : NULL;
	}
}

void engine_unsent(struct engine *e, const struct order *o)
{
	struct lane *lane = find_lane(e, o->peer, o->tag);

	if (lane && lane->id == o->id)
		lane->step = STEP_NONE;
}

void engine_answer(struct engine *e, uint64_t now, enum peer peer, uint64_t tag, uint64_t id,
		   enum chan_status status, const uint8_t *payload, size_t n)
{
	struct lane *lane = find_lane(e, peer, tag);
	struct answer a = { .status = status, .p = payload, .n = n };

	e->now = now;
	if (!lane || lane->step == STEP_NONE || lane->id != id)
		return;
	a.was = *lane;
	lane->step = STEP_NONE;
	if (peer == PEER_DISK)
		commit_answer(e, &a);
	else if (peer == PEER_TPM)
		measure_answer(e, &a);
	else if (peer == PEER_ROOT)
		instances_answer(e, &a);
	else
		tenant_answer(e, fact_tvd(e, tag), &a);
}

void engine_restarted(struct engine *e, enum peer peer)
{
	struct lane *lane = find_lane(e, peer, 0);

	if (!lane)
		return;
	if (peer == PEER_TPM && lane->step != STEP_NONE)
		e->tpm_again = *lane;
	if (peer == PEER_ROOT)
		e->listed = false;
	lane->step = STEP_NONE;
}

void engine_instances_changed(struct engine *e)
{
	e->listed = false;
}

void engine_vaults(struct engine *e, const uint64_t *tags, const uint64_t *serials, size_t count)
{
	for (size_t i = 0; i < e->state.tvd_count; i++) {
		uint64_t serial = 0;

		for (size_t j = 0; j < count; j++)
			if (tags[j] == state_number(e->state.tvds[i].id))
				serial = serials[j];
		if (serial == e->tvds[i].serial)
			continue;
		tenant_forget(e, i);
		e->tvds[i].serial = serial;
	}
}
