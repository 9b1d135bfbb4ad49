// SPDX-License-Identifier: Apache-2.0
/*
 * policy: decides what runs on this server. Takes signed desired states from tmc, keeps the last one in the system store, brings the
 * server to it, and does so again after every restart, with or without the TOM. Here are only the channels; engine.h decides.
 */
#include <stdio.h>
#include <string.h>
#include "lib/component.h"
#include "mgmt/policy/engine.h"
#include "mgmt/policy/policy.h"

#define DRAIN_MAX 32u
#define UNSENT_NS 100000000ull
#define TELL_NS   100000000ull /* between two CONF_CHANGED */
#define NS        1000000000u

static struct engine engine;
static struct chan *peers[PEER_VAULT];
static uint64_t serials;
static uint8_t buf[TMC_COMMAND_MAX + 4096];

static struct {
	struct chan *chan; /* who waits for a verdict; NULL: nobody */
	struct msg request;
	struct tmc_status told, now;
	uint64_t tell_at;
} conf;

static void say(const char *line)
{
	log_line("%s", line);
}

/* ---- whoever is at the other end began anew ---- */

static bool is_vault(const struct chan *c)
{
	return strcmp(chan_proto(c), "vault") == 0;
}

static void mark_vault(struct chan *c)
{
	*chan_user(c) = (void *)(uintptr_t)++serials;
}

static void restarted(struct chan *c)
{
	for (enum peer p = 0; p < PEER_VAULT; p++)
		if (c == peers[p])
			engine_restarted(&engine, p);
	if (is_vault(c))
		mark_vault(c);
	if (c == conf.chan)
		conf.chan = NULL;
}

/* ---- proto "conf" ---- */

static void tell_verdict(void)
{
	struct verdict v;

	if (!engine_verdict(&engine, &v))
		return;
	if (v.status != CS_OK)
		log_line("refused: %s", v.text);
	if (conf.chan && conf.request.id == v.token)
		chan_answer(conf.chan, &conf.request, v.status, engine.state.epoch, v.text,
			    strlen(v.text));
	conf.chan = NULL;
}

static void submit(struct chan *c, const struct msg *m, size_t n)
{
	static const char busy[] = "another desired state is being stored";

	if (!engine_submit(&engine, now_ns(), buf, n, m->id)) {
		chan_answer(c, m, CS_BUSY, engine.state.epoch, busy, sizeof(busy) - 1);
		return;
	}
	conf.chan = c;
	conf.request = *m;
	tell_verdict();
}

static void answer_status(struct chan *c, const struct msg *m)
{
	static uint8_t out[32 * 1024];
	size_t n;

	engine_status(&engine, &conf.told);
	n = schema_encode(&tmc_status_schema, &conf.told, out, sizeof(out));
	chan_answer(c, m, n ? CS_OK : CS_FAILED, 0, out, n);
}

static void conf_request(struct chan *c, const struct msg *m, size_t n)
{
	switch (m->type) {
	case CONF_STATE:
		submit(c, m, n);
		break;
	case CONF_STATUS:
		answer_status(c, m);
		break;
	case CONF_TIME:
		engine.utc = (int64_t)(m->arg - now_ns() / NS);
		chan_answer(c, m, CS_OK, 0, NULL, 0);
		break;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

static void tell_tmc(void)
{
	struct msg m = { .type = CONF_CHANGED };

	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (strcmp(chan_proto(c), "conf") == 0 &&
		    chan_send(c, &m, NULL, 0) == CHAN_RESTARTED)
			restarted(c); /* a new tmc asks by itself */
}

/* Once per change, and not too often. Returns when to look again. */
static uint64_t tell_changes(void)
{
	engine_status(&engine, &conf.now);
	if (memcmp(&conf.now, &conf.told, sizeof(conf.now)) == 0)
		return ENGINE_FOREVER;
	if (now_ns() < conf.tell_at)
		return conf.tell_at;
	conf.tell_at = now_ns() + TELL_NS;
	conf.told = conf.now;
	tell_tmc();
	return ENGINE_FOREVER;
}

/* ---- channels ---- */

static void message(struct chan *c, const struct msg *m, size_t n)
{
	if (strcmp(chan_proto(c), "conf") == 0) {
		conf_request(c, m, n);
		return;
	}
	if (c == peers[PEER_ROOT] && m->type == CTL_EVENT)
		engine_instances_changed(&engine);
	if (!(m->type & CHAN_ANSWER))
		return;
	for (enum peer p = 0; p < PEER_VAULT; p++)
		if (c == peers[p])
			engine_answer(&engine, now_ns(), p, 0, m->id, (enum chan_status)m->status,
				      buf, n);
	if (is_vault(c))
		engine_answer(&engine, now_ns(), PEER_VAULT, chan_tag(c), m->id,
			      (enum chan_status)m->status, buf, n);
}

/* All channels to vaults, each under a serial that changes when the vault began anew. */
static void tell_vaults(void)
{
	uint64_t tags[START_MAX_CHAN], serial[START_MAX_CHAN];
	size_t n = 0;

	for (struct chan *c = chan_next(NULL); c && n < START_MAX_CHAN; c = chan_next(c)) {
		if (!is_vault(c))
			continue;
		if (!*chan_user(c))
			mark_vault(c);
		tags[n] = chan_tag(c);
		serial[n++] = (uint64_t)(uintptr_t)*chan_user(c);
	}
	engine_vaults(&engine, tags, serial, n);
}

/* True if there may be more: nobody holds up the others by talking without a pause. */
static bool drain(struct chan *c)
{
	enum chan_result r = CHAN_OK;
	struct msg m;

	for (unsigned i = 0; i < DRAIN_MAX; i++) {
		r = chan_recv(c, &m, buf, sizeof(buf));
		if (r == CHAN_OK) {
			message(c, &m, m.len - sizeof(m));
		} else if (r == CHAN_RESTARTED) {
			restarted(c);
			tell_vaults();
		} else {
			break;
		}
	}
	if (r == CHAN_BROKEN && !is_vault(c))
		die("channel to %s is broken", chan_peer(c));
	return r == CHAN_OK || r == CHAN_RESTARTED;
}

static struct chan *channel_of(const struct order *o)
{
	if (o->peer != PEER_VAULT)
		return peers[o->peer];
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (is_vault(c) && chan_tag(c) == o->tag)
			return c;
	return NULL;
}

/* Sends all that is to be sent. Returns when to ask again. */
static uint64_t act(void)
{
	struct order o;

	while (engine_next(&engine, now_ns(), &o)) {
		struct msg m = { .type = o.type, .id = o.id, .arg = o.arg };
		struct chan *c = channel_of(&o);
		enum chan_result r = c ? chan_send(c, &m, o.payload, o.n) : CHAN_CLOSED;

		if (r == CHAN_OK)
			continue;
		engine_unsent(&engine, &o);
		if (r != CHAN_RESTARTED)
			return now_ns() + UNSENT_NS;
		restarted(c);
		tell_vaults();
	}
	return engine.wake;
}

static void serve(void)
{
	uint64_t wake, tell;
	bool more = false;

	tell_vaults();
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		more |= drain(c);
	tell_vaults();
	wake = act();
	tell_verdict();
	tell = tell_changes();
	if (tell < wake)
		wake = tell;
	if (!more)
		component_wait(wake == ENGINE_FOREVER ? 0 : wake);
}

/* Without a binding record nobody may say what runs. */
static void stay_idle(const char *why)
{
	log_line("nothing runs here: %s", why);
	for (;;)
		component_wait(0);
}

int main(void)
{
	const struct start_info *info = start_info();
	const struct binding *binding;
	const char *why;

	peers[PEER_DISK] = chan_open("disk", "store");
	peers[PEER_TPM] = chan_open("tpm", "tpm");
	peers[PEER_ROOT] = chan_open("root", "ctl");
	if (!peers[PEER_DISK] || !peers[PEER_TPM] || !peers[PEER_ROOT] ||
	    info->kept_size < sizeof(struct kept))
		die("the manifest grants too little: store, tpm, ctl, kept memory");
	binding = binding_of_boot(&why);
	if (!binding)
		stay_idle(why);
	engine_init(&engine, binding, (struct kept *)(uintptr_t)info->kept_va,
		    (uint64_t)info->restart << 32, say);
	engine.confined = info->iommu != START_IOMMU_NONE;
	for (;;)
		serve();
}
