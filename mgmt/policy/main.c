// SPDX-License-Identifier: Apache-2.0
/*
 * policy: decides what runs on this server. Takes signed desired states from tmc, keeps the last one in the system store,
 * brings the server to it, and does so again after every restart, with or without the TOM.
 */
#include <string.h>
#include "lib/component.h"
#include "mgmt/policy/internal.h"
#include "mgmt/policy/policy.h"

enum { BUF = STATE_MAX + 4096 };

#define PASS_NS 1000000000ull

struct policy policy;

static uint8_t buf[BUF];

static void tell_tmc(void)
{
	struct msg m = { .type = CONF_CHANGED };

	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (strcmp(chan_proto(c), "conf") == 0)
			chan_send(c, &m, NULL, 0);
}

static void pass(void)
{
	static struct tmc_status before;

	before = policy.status;
	reconcile();
	if (memcmp(&before, &policy.status, sizeof(before)) != 0)
		tell_tmc();
}

static void answer_status(struct chan *c, const struct msg *m)
{
	static uint8_t out[32 * 1024];
	size_t n = schema_encode(&tmc_status_schema, &policy.status, out, sizeof(out));

	chan_answer(c, m, n ? CS_OK : CS_FAILED, 0, out, n);
}

static void conf_request(struct chan *c, const struct msg *m, size_t n)
{
	char text[POLICY_TEXT] = "";
	enum chan_status s;

	switch (m->type) {
	case CONF_STATE:
		s = commit_state(buf, n, text);
		policy.status.epoch = policy.state.epoch;
		chan_answer(c, m, s, policy.state.epoch, text, strlen(text));
		break;
	case CONF_STATUS:
		answer_status(c, m);
		break;
	case CONF_TIME:
		policy.utc_base = (int64_t)(m->arg - now_ns() / 1000000000u);
		chan_answer(c, m, CS_OK, 0, NULL, 0);
		break;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

/* Root tells that an instance began or ended; whoever began anew has forgotten what it was told. */
static void ctl_event(const struct msg *m, size_t n)
{
	struct ctl_event e;

	if (m->type != CTL_EVENT || n != sizeof(e))
		return;
	memcpy(&e, buf, sizeof(e));
	if (strncmp(e.id.template, "vault", CTL_NAME) == 0)
		reconcile_forget(e.id.tag);
	policy.settled = false;
}

static void drain(struct chan *c)
{
	enum chan_result r;
	struct msg m;

	while ((r = chan_recv(c, &m, buf, sizeof(buf))) == CHAN_OK || r == CHAN_RESTARTED) {
		size_t n = r == CHAN_OK ? m.len - sizeof(m) : 0;

		if (r == CHAN_RESTARTED)
			policy.settled = false;
		else if (strcmp(chan_proto(c), "conf") == 0)
			conf_request(c, &m, n);
		else if (c == policy.ctl)
			ctl_event(&m, n);
	}
	if (r == CHAN_BROKEN && strcmp(chan_proto(c), "vault") != 0)
		die("channel to %s is broken", chan_peer(c));
}

/* Without a binding record nobody may say what runs: answer that, and nothing else. */
static void stay_idle(const char *why)
{
	log_line("nothing runs here: %s", why);
	for (;;)
		component_wait(0);
}

int main(void)
{
	const char *why;

	policy.binding = binding_of_boot(&why);
	policy.disk = chan_open("disk", "store");
	policy.tpm = chan_open("tpm", "tpm");
	policy.ctl = chan_open("root", "ctl");
	if (!policy.disk || !policy.tpm || !policy.ctl)
		die("the manifest grants too little: store, tpm, ctl");
	if (!policy.binding)
		stay_idle(why);
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
			drain(c);
		if (!policy.loaded)
			commit_load();
		if (policy.loaded && !policy.settled)
			pass();
		component_wait(policy.settled ? 0 : now_ns() + PASS_NS);
	}
}
