// SPDX-License-Identifier: Apache-2.0
/*
 * Formats of the management channel. Without arguments: the checks. `vectors`: every sample as "name hex", for a second
 * CBOR implementation; `check`: reads hex lines, answers "good" or "bad" for each, by the rules of the subset.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mgmt/proto/cbor.h"
#include "mgmt/proto/frame.h"
#include "mgmt/proto/signed.h"
#include "tests/unit/mgmt_samples.h"

static int failed;
static uint8_t buf[SAMPLE_MAX], again[SAMPLE_MAX];
static uint8_t object[sizeof(struct state)];

static void check(bool good, const char *what)
{
	printf("%s mgmt_proto: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

static bool round_trip(const struct sample *s)
{
	struct schema_error err;
	size_t n = schema_encode(s->schema, s->object, buf, sizeof(buf));

	return n && schema_decode(s->schema, object, buf, n, &err) &&
	       schema_encode(s->schema, object, again, sizeof(again)) == n &&
	       !memcmp(buf, again, n);
}

/* Every truncation and every longer input is refused. */
static bool exact_length(const struct sample *s)
{
	size_t n = schema_encode(s->schema, s->object, buf, sizeof(buf));

	buf[n] = 0;
	for (size_t i = 0; i <= n + 1; i++) {
		uint8_t *copy = malloc(i + 1);
		bool good;

		memcpy(copy, buf, i);
		good = schema_decode(s->schema, object, copy, i, NULL);
		free(copy);
		if (good != (i == n))
			return false;
	}
	return true;
}

static void test_samples(void)
{
	size_t count;
	const struct sample *list = samples(&count);

	for (size_t i = 0; i < count; i++) {
		char what[64];

		snprintf(what, sizeof(what), "%s decodes and encodes to the same bytes",
			 list[i].name);
		check(round_trip(&list[i]), what);
		snprintf(what, sizeof(what), "%s cut short or longer is refused", list[i].name);
		check(exact_length(&list[i]), what);
	}
}

static bool refused(const char *bytes, size_t n)
{
	struct schema_error err;

	return !schema_decode(&tmc_answer_schema, object, (const uint8_t *)bytes, n, &err) &&
	       err.text[0];
}

static void test_strict(void)
{
#define REFUSED(bytes) refused(bytes, sizeof(bytes) - 1)
	check(!REFUSED("\xa3\x01\x05\x02\x01\x03\x61x"), "an answer is accepted");
	check(REFUSED("\xa3\x01\x18\x05\x02\x01\x03\x61x"), "a longer head than needed is refused");
	check(REFUSED("\xa3\x02\x01\x01\x05\x03\x61x"), "keys out of order are refused");
	check(REFUSED("\xa3\x01\x05\x01\x05\x03\x61x"), "a repeated key is refused");
	check(REFUSED("\xa4\x01\x05\x02\x01\x03\x61x\x04\x00"), "an unknown key is refused");
	check(!REFUSED("\xa4\x01\x05\x02\x01\x03\x61x\x18\x80\x82\x00\x61y"),
	      "an unknown key from 128 on is stepped over");
	check(REFUSED("\xa5\x01\x05\x02\x01\x03\x61x\x18\x81\x00\x18\x80\x00"),
	      "unknown keys out of order are refused");
	check(REFUSED("\xa2\x01\x05\x02\x01"), "a missing key is refused");
	check(REFUSED("\xa3\x01\x05\x02\x02\x03\x61x"), "a number above its limit is refused");
	check(REFUSED("\xa3\x01\x05\x02\x01\x03\x61\x1b"), "a control character is refused");
	check(REFUSED("\xbf\x01\x05\x02\x01\x03\x61x\xff"), "an indefinite length is refused");
	check(REFUSED("\xa3\x01\xfa\x00\x00\x00\x00\x02\x01\x03\x61x"), "a float is refused");
	check(REFUSED("\xa3\x01\x05\x02\x01\x03\x7b\xff\xff\xff\xff\xff\xff\xff\xff"),
	      "a length beyond the input is refused");
	check(REFUSED("\xa4\x01\x05\x02\x01\x03\x61x\x18\x80\x81\x81\x81\x81\x81\x81\x81\x81\x81"
		      "\x81\x00"),
	      "deep nesting is refused");
}

static void test_frames(void)
{
	static uint8_t room[TMC_FRAME_HEAD + TMC_FRAME_BODY_MAX], stream[64];
	struct tmc_reader r;
	struct tmc_frame f;
	size_t at = 0, got = 0, wanted;
	bool good = true;

	tmc_frame_head(stream, TMC_ANSWER, 20);
	tmc_frame_head(stream + 28, TMC_BIND_ASK, 0);
	tmc_reader_init(&r, room);
	while (at < 36) { /* byte by byte */
		*tmc_reader_space(&r, &wanted) = stream[at++];
		good &= wanted > 0;
		tmc_reader_add(&r, 1);
		if (tmc_reader_next(&r, &f) == TMC_FRAME_OK)
			good &= got++ == 0 ? f.type == TMC_ANSWER && f.len == 20 && at == 28
					   : f.type == TMC_BIND_ASK && f.len == 0 && at == 36;
	}
	check(good && got == 2, "frames come out whole from single bytes");
	tmc_frame_head(stream, TMC_ANSWER, TMC_FRAME_BODY_MAX + 1);
	memcpy(tmc_reader_space(&r, &wanted), stream, 8);
	tmc_reader_add(&r, 8);
	check(tmc_reader_next(&r, &f) == TMC_FRAME_BAD,
	      "a frame that is too long breaks the reader");
	tmc_reader_space(&r, &wanted);
	check(wanted == 0 && tmc_reader_next(&r, &f) == TMC_FRAME_BAD,
	      "a broken reader stays broken");
}

static bool state_wrong(void (*change)(struct state *))
{
	const char *which;
	struct state *s = sample_state();

	change(s);
	return state_check(s, &which) != NULL;
}

static void no_change(struct state *s)
{
	(void)s;
}
static void epoch_0(struct state *s)
{
	s->epoch = 0;
}
static void other_tvd(struct state *s)
{
	s->vms[0].tvd[0] ^= 1;
}
static void no_kernel(struct state *s)
{
	s->vms[0].kernel[31] ^= 1;
}
static void twin(struct state *s)
{
	s->vms[s->vm_count++] = s->vms[0];
}
static void shared_volume(struct state *s)
{
	twin(s);
	s->vms[1].id[0] ^= 1;
	s->vms[1].name[0] = 'x';
}
static void key_of_other(struct state *s)
{
	s->tvds[0].id[15] ^= 1;
}
static void no_approval(struct state *s)
{
	s->tvds[0].approvals.n = 0;
}

static void test_state(void)
{
	check(!state_wrong(no_change), "a good state is accepted");
	check(state_wrong(epoch_0), "epoch 0 is refused");
	check(state_wrong(other_tvd), "a VM of an unknown TVD is refused");
	check(state_wrong(no_kernel), "a VM whose kernel is not listed is refused");
	check(state_wrong(twin), "two VMs of one id are refused");
	check(state_wrong(shared_volume), "a volume of two VMs is refused");
	check(state_wrong(key_of_other), "a wrapped key of another TVD is refused");
	check(state_wrong(no_approval), "a TVD without approvals is refused");
}

static void test_signed(void)
{
	struct tmc_command c = { .sequence = 5, .kind = TMC_SET_STATE };
	size_t n = tmc_command_input(&c, buf, sizeof(buf));

	c.sequence = 6;
	check(n && tmc_command_input(&c, again, sizeof(again)) == n && memcmp(buf, again, n),
	      "the sequence is under the signature");
	check(tmc_command_input(&c, buf, 40) == 0, "no room, no input");
}

static void print_vectors(void)
{
	size_t count;
	const struct sample *list = samples(&count);

	for (size_t i = 0; i < count; i++) {
		size_t n = schema_encode(list[i].schema, list[i].object, buf, sizeof(buf));

		printf("%s ", list[i].name);
		for (size_t j = 0; j < n; j++)
			printf("%02x", buf[j]);
		printf("\n");
	}
}

static void check_lines(void)
{
	static char line[8192];

	while (fgets(line, sizeof(line), stdin)) {
		size_t n = strcspn(line, "\n") / 2;
		struct cbor_in in = { buf, buf + n, NULL };

		for (size_t i = 0; i < n; i++) {
			char hex[3] = { line[2 * i], line[2 * i + 1], 0 };

			buf[i] = (uint8_t)strtoul(hex, NULL, 16);
		}
		cbor_skip(&in);
		printf("%s\n", in.error || in.p != in.end ? "bad" : "good");
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "vectors") == 0) {
		print_vectors();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "check") == 0) {
		check_lines();
		return 0;
	}
	test_samples();
	test_strict();
	test_frames();
	test_state();
	test_signed();
	return failed;
}
