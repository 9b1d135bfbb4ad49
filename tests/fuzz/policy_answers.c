// SPDX-License-Identifier: Apache-2.0
/* Whatever vaults, root, disk and broker answer to policy: the input is the sequence of what happens and of the answers. */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/policy_world.h"

enum event { ANSWER, WRONG_ID, RESTART, VAULTS, INSTANCES, TIME, SUBMIT, STATUS, EVENTS };

struct input {
	const uint8_t *p;
	size_t n;
};

static struct world w;
static struct order last;

static uint8_t byte(struct input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static void quiet(const char *line)
{
	if (strlen(line) > 255)
		abort();
}

static void answer(struct input *in, uint64_t id_change)
{
	enum chan_status s = (enum chan_status)(byte(in) % 14);
	size_t n = (size_t)byte(in) * (byte(in) % 8u + 1);

	if (n > in->n)
		n = in->n;
	engine_answer(&w.engine, w.now, last.peer, last.tag, last.id + id_change, s, in->p, n);
	in->p += n;
	in->n -= n;
}

static void vaults(struct input *in)
{
	uint64_t tags[2] = { 0x0101010101010101, 0x0202020202020202 }, serials[2];

	serials[0] = byte(in);
	serials[1] = byte(in);
	engine_vaults(&w.engine, tags, serials, byte(in) % 3);
}

static void status(void)
{
	static struct tmc_status s;
	static uint8_t out[32 * 1024];

	engine_status(&w.engine, &s);
	if (!schema_encode(&tmc_status_schema, &s, out, sizeof(out)))
		abort();
}

static void event(struct input *in)
{
	static uint8_t bytes[SIGNED_STATE_MAX];
	static struct state state;
	struct verdict v;
	size_t n;

	switch (byte(in) % EVENTS) {
	case WRONG_ID:
		answer(in, 1);
		break;
	case RESTART:
		engine_restarted(&w.engine, (enum peer)(byte(in) % PEER_VAULT));
		break;
	case VAULTS:
		vaults(in);
		break;
	case INSTANCES:
		engine_instances_changed(&w.engine);
		break;
	case TIME:
		w.now += (uint64_t)byte(in) << 27;
		break;
	case SUBMIT:
		world_state(&w, byte(in) + 1u, &state);
		n = world_sign(&w, &state, bytes);
		engine_submit(&w.engine, w.now, bytes, n, 1);
		engine_verdict(&w.engine, &v);
		break;
	case STATUS:
		status();
		break;
	default:
		answer(in, 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct order o;

	w.random = 12345;
	w.now = 0;
	memset(&w.kept, 0, sizeof(w.kept));
	memset(w.binding.server_id, 9, sizeof(w.binding.server_id));
	memset(w.binding.operator_key, 4, sizeof(w.binding.operator_key));
	engine_init(&w.engine, &w.binding, &w.kept, 0, quiet);
	w.engine.confined = true;
	while (in.n) {
		if (engine_next(&w.engine, w.now, &o)) {
			last = o;
			if (o.n > ENGINE_ORDER || o.payload != w.engine.out)
				abort();
		}
		event(&in);
	}
	status();
	return 0;
}
