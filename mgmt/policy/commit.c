// SPDX-License-Identifier: Apache-2.0
/* Two-step life of a state: stored whole at disk, then adopted. Only what disk has acknowledged is acknowledged. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "mgmt/policy/steps.h"

#define RECORD      "state"
#define RECORD_SIZE (sizeof(RECORD) - 1)

enum { LOAD_MS = 200, STORE_MS = 100, GIVE_UP_S = 10 };

static bool load(struct engine *e, struct order *out)
{
	memcpy(e->out, RECORD, RECORD_SIZE);
	return engine_order(e, &e->disk_lane, out, STEP_LOAD, 0, STORE_GET, RECORD_SIZE);
}

static bool store(struct engine *e, struct order *out)
{
	struct store_item item = { .value_size = (uint32_t)e->commit.next_size,
				   .name_size = RECORD_SIZE };

	memcpy(e->out, &item, sizeof(item));
	memcpy(e->out + sizeof(item), RECORD, RECORD_SIZE);
	memcpy(e->out + sizeof(item) + RECORD_SIZE, e->commit.next, e->commit.next_size);
	return engine_order(e, &e->disk_lane, out, STEP_STORE, 0, STORE_PUT,
			    sizeof(item) + RECORD_SIZE + e->commit.next_size);
}

static bool same_as_committed(const struct commit *c, const uint8_t *p, size_t n)
{
	return c->size == n && memcmp(c->bytes, p, n) == 0;
}

static void stored(struct engine *e, const uint8_t *p, size_t n)
{
	struct commit *c = &e->commit;
	char text[POLICY_TEXT];

	c->why[0] = 0;
	if (same_as_committed(c, p, n))
		return;
	if (check_signed(e->binding, p, n, &e->other, text) != CS_OK) {
		snprintf(c->why, sizeof(c->why), "%.150s", text);
		engine_say(e, "the stored state is refused: %s", text);
		return;
	}
	adopt(e, p, n);
	engine_say(e, "stored state: epoch %" PRIu64 ", %zu domains, %zu VMs", e->state.epoch,
		   e->state.tvd_count, e->state.vm_count);
}

static void load_answer(struct engine *e, const struct answer *a)
{
	struct commit *c = &e->commit;
	char text[120];

	if (a->status != CS_OK && a->status != CS_NOT_FOUND) {
		snprintf(c->why, sizeof(c->why), "the disk is not open: %s",
			 answer_words(a, text, sizeof(text)));
		c->retry_at = e->now + LOAD_MS * MS;
		return;
	}
	c->loaded = true;
	c->reload = false;
	c->retry_at = 0;
	c->why[0] = 0;
	if (a->status == CS_OK)
		stored(e, a->p, a->n);
}

static void decide(struct commit *c, enum chan_status s)
{
	c->pending = false;
	c->decided = true;
	c->verdict.status = s;
}

static void store_answer(struct engine *e, const struct answer *a)
{
	struct commit *c = &e->commit;
	char text[100];

	if (a->status == CS_OK) {
		adopt(e, c->next, c->next_size);
		snprintf(c->verdict.text, sizeof(c->verdict.text), "epoch %" PRIu64 " committed",
			 e->state.epoch);
		engine_say(e, "%s", c->verdict.text);
		decide(c, CS_OK);
		return;
	}
	c->retry_at = e->now + STORE_MS * MS;
	if ((a->status == CS_STATE || a->status == CS_BUSY) && e->now < c->give_up_at)
		return;
	snprintf(c->verdict.text, sizeof(c->verdict.text), "desired state: not stored: %s",
		 answer_words(a, text, sizeof(text)));
	engine_say(e, "%s", c->verdict.text);
	decide(c, a->status);
	c->reload = true;
}

void commit_answer(struct engine *e, const struct answer *a)
{
	if (a->was.step == STEP_LOAD)
		load_answer(e, a);
	else
		store_answer(e, a);
}

/* CS_OK: the candidate is to be stored. Otherwise, or if it is committed already, the verdict's text is written. */
static enum chan_status judge(struct engine *e)
{
	struct commit *c = &e->commit;
	char *text = c->verdict.text;
	enum chan_status s = check_signed(e->binding, c->next, c->next_size, &e->other, text);

	if (s != CS_OK)
		return s;
	if (same_as_committed(c, c->next, c->next_size)) {
		snprintf(text, POLICY_TEXT, "epoch %" PRIu64 " is committed already",
			 e->state.epoch);
		return CS_OK;
	}
	if (e->other.epoch > e->state.epoch)
		return CS_OK;
	snprintf(text, POLICY_TEXT,
		 "desired state: epoch %" PRIu64 " is refused: epoch %" PRIu64 " is committed",
		 e->other.epoch, e->state.epoch);
	return CS_DENIED;
}

/* What the store holds must be known before anything newer can be judged; that is waited for, but not for ever. */
static void judge_held(struct engine *e)
{
	struct commit *c = &e->commit;
	enum chan_status s;

	if (c->loaded && !c->reload) {
		s = judge(e);
		c->held = false;
		c->pending = s == CS_OK && !c->verdict.text[0];
		if (!c->pending)
			decide(c, s);
	} else if (engine_due(e, c->give_up_at)) {
		c->held = false;
		snprintf(c->verdict.text, POLICY_TEXT, "desired state: not now: %s",
			 c->why[0] ? c->why : "the disk does not answer");
		decide(c, CS_STATE);
	}
}

bool commit_next(struct engine *e, struct order *out)
{
	struct commit *c = &e->commit;

	if (c->held)
		judge_held(e);
	if (c->loaded && !c->reload && !c->pending)
		return false;
	if (e->disk_lane.step != STEP_NONE || !engine_due(e, c->retry_at))
		return false;
	return c->pending ? store(e, out) : load(e, out);
}

bool engine_submit(struct engine *e, uint64_t now, const uint8_t *p, size_t n, uint64_t token)
{
	struct commit *c = &e->commit;

	e->now = now;
	if ((c->held || c->pending) && c->next_size == n && memcmp(c->next, p, n) == 0) {
		c->verdict.token = token;
		return true;
	}
	if (c->held || c->pending || c->decided)
		return false;
	c->verdict = (struct verdict){ .token = token };
	if (n > sizeof(c->next)) {
		snprintf(c->verdict.text, POLICY_TEXT, "desired state: larger than any may be");
		decide(c, CS_BAD_REQUEST);
		return true;
	}
	memcpy(c->next, p, n);
	c->next_size = n;
	c->held = true;
	c->give_up_at = now + GIVE_UP_S * S;
	return true;
}

bool engine_verdict(struct engine *e, struct verdict *out)
{
	if (!e->commit.decided)
		return false;
	*out = e->commit.verdict;
	e->commit.decided = false;
	return true;
}
