// SPDX-License-Identifier: Apache-2.0
/* First byte: which decoder. What decodes must encode, and decode again to the same bytes; framing never runs off its buffer. */
#include <assert.h>
#include <string.h>
#include "mgmt/proto/frame.h"
#include "mgmt/proto/msg.h"
#include "mgmt/proto/state.h"

static uint8_t object[sizeof(struct state)], out[192 * 1024], again[192 * 1024];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct schema *pick(uint8_t which)
{
	static const struct schema *const own[] = { &binding_schema, &state_schema,
						    &signed_state_schema };

	return which < 32 ? tmc_schema(which) : which - 32u < 3 ? own[which - 32] : NULL;
}

static void codec(const struct schema *s, const uint8_t *data, size_t size)
{
	struct schema_error err;
	const char *which;
	size_t n;

	if (!schema_decode(s, object, data, size, &err)) {
		assert(err.text[0]);
		return;
	}
	if (s == &state_schema)
		state_check((const struct state *)(const void *)object, &which);
	n = schema_encode(s, object, out, sizeof(out));
	assert(n && n <= size);
	assert(schema_decode(s, object, out, n, &err));
	assert(schema_encode(s, object, again, sizeof(again)) == n && !memcmp(out, again, n));
}

static void frames(const uint8_t *data, size_t size)
{
	static uint8_t room[TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX];
	struct tmc_reader r;
	struct tmc_frame f;

	tmc_reader_init(&r, room);
	while (size) {
		size_t wanted;
		uint8_t *to = tmc_reader_space(&r, &wanted);

		assert(to >= room && to + wanted <= room + sizeof(room));
		if (wanted == 0)
			break;
		wanted = wanted < size ? wanted : size;
		memcpy(to, data, wanted);
		tmc_reader_add(&r, wanted);
		data += wanted;
		size -= wanted;
		if (tmc_reader_next(&r, &f) == TMC_FRAME_OK)
			assert(f.body + f.len <= room + sizeof(room));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct schema *s = size ? pick(data[0]) : NULL;

	if (s)
		codec(s, data + 1, size - 1);
	else
		frames(data, size);
	return 0;
}
