// SPDX-License-Identifier: Apache-2.0
/* A console session end to end, with the TOM's side done by hand; start arguments cut everywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/vault/args.h"
#include "services/vault/console.h"

static int failed;

static void check(const char *what, int good)
{
	printf("%s vault_console: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

static const struct keyring ring = { { 1 }, { 2 } };
static const uint8_t vm_id[16] = { 3 }, session[16] = { 4 }, nonce[16] = { 5 };
static struct console console;

/* All that the session has for the TOM, opened; bytes. */
static size_t listen(uint8_t *text, unsigned *frames)
{
	uint8_t frame[CONSOLE_FRAME_MAX], from[32], to[32], n12[SEAL_NONCE], aad[CONSOLE_AAD];
	size_t total = 0, n;

	keyring_console(&ring, vm_id, console.session, nonce, from, to);
	for (*frames = 0; (n = console_frame_out(&console, frame)) != 0; ++*frames) {
		struct console_frame head;

		memcpy(&head, frame, sizeof(head));
		n -= sizeof(head) + SEAL_TAG;
		console_seal(CONSOLE_FROM_VM, vm_id, console.session, head.counter, n12, aad);
		if (seal_open(from, n12, aad, sizeof(aad), frame + sizeof(head), n, text + total))
			return 0;
		total += n;
		console_sent(&console);
	}
	return total;
}

/* A frame of the TOM with this counter; its size. */
static size_t type(uint64_t counter, const char *text, uint8_t *frame)
{
	const struct console_frame head = { .counter = counter };
	uint8_t from[32], to[32], n12[SEAL_NONCE], aad[CONSOLE_AAD];
	size_t n = strlen(text);

	keyring_console(&ring, vm_id, console.session, nonce, from, to);
	console_seal(CONSOLE_TO_VM, vm_id, console.session, counter, n12, aad);
	memcpy(frame, &head, sizeof(head));
	(void)seal(to, n12, aad, sizeof(aad), (const uint8_t *)text, n, frame + sizeof(head));
	return sizeof(head) + n + SEAL_TAG;
}

static void output(void)
{
	static uint8_t said[3 * CONSOLE_RING], heard[3 * CONSOLE_RING];
	unsigned frames;
	size_t n;

	for (size_t i = 0; i < sizeof(said); i++)
		said[i] = (uint8_t)(i * 31 + i / 251);
	console_init(&console, vm_id);
	console_say(&console, said, 20000);
	check("without a session nothing goes out", listen(heard, &frames) == 0 && frames == 0);
	console_begin(&console, &ring, session, nonce);
	n = listen(heard, &frames);
	check("a new session gets the latest part of the past",
	      n == CONSOLE_HISTORY && memcmp(heard, said + 20000 - n, n) == 0 &&
		      frames == n / CONSOLE_TEXT_MAX);
	console_say(&console, said + 20000, 1);
	check("then what is new", listen(heard, &frames) == 1 && heard[0] == said[20000]);
	console_say(&console, said, 50000);
	console_say(&console, said + 50000, 50000);
	n = listen(heard, &frames);
	check("what was overwritten is skipped",
	      n == CONSOLE_RING && memcmp(heard, said + 100000 - n, n) == 0);
}

static void input(void)
{
	uint8_t frame[CONSOLE_FRAME_MAX], text[CONSOLE_TEXT_MAX];
	size_t n = type(0, "ls\n", frame);
	int refused = 1;

	check("a frame is opened",
	      console_frame_in(&console, frame, n, text) == 3 && memcmp(text, "ls\n", 3) == 0);
	check("not twice", console_frame_in(&console, frame, n, text) < 0);
	n = type(5, "pwd\n", frame);
	for (size_t i = 0; i < n; i++) {
		frame[i] ^= 1;
		refused &= console_frame_in(&console, frame, n, text) < 0;
		frame[i] ^= 1;
	}
	for (size_t i = 0; i < n; i++)
		refused &= console_frame_in(&console, frame, i, text) < 0;
	check("no changed or cut one", refused);
	check("after a gap the next", console_frame_in(&console, frame, n, text) == 4);
	n = type(UINT64_MAX, "x", frame);
	check("the last counter is never used", console_frame_in(&console, frame, n, text) < 0);
	n = type(6, "", frame);
	check("an empty frame is refused", console_frame_in(&console, frame, n, text) < 0);
	n = type(7, "x", frame);
	console_close(&console);
	check("after the end nothing is taken", console_frame_in(&console, frame, n, text) < 0);
}

static void arguments(void)
{
	const struct vault_args head = { .version = VAULT_ARGS_VERSION,
					 .approvals = 2,
					 .tvd_id = { 9 } };
	const struct approval a = { .magic = APPROVAL_MAGIC,
				    .version = APPROVAL_VERSION,
				    .kind = APPROVAL_TVD,
				    .pcr_mask = APPROVAL_PCR_MASK };
	const struct wrapped_key w = { .magic = WRAPPED_MAGIC,
				       .version = WRAPPED_VERSION,
				       .tvd_id = { 9 },
				       .public_size = 78,
				       .duplicate_size = 108,
				       .seed_size = 68 };
	uint8_t whole[sizeof(head) + 2 * sizeof(a) + sizeof(w) + 78 + 108 + 68 + 1] = { 0 };
	static struct vault_start start;
	int good = 0, refused = 1;

	memcpy(whole, &head, sizeof(head));
	memcpy(whole + sizeof(head), &a, sizeof(a));
	memcpy(whole + sizeof(head) + sizeof(a), &a, sizeof(a));
	memcpy(whole + sizeof(head) + 2 * sizeof(a), &w, sizeof(w));
	for (size_t n = 0; n <= sizeof(whole); n++) {
		uint8_t *exact = malloc(n ? n : 1);

		memcpy(exact, whole, n);
		if (n == sizeof(whole) - 1)
			good = vault_args_parse(exact, n, &start) == 0;
		else
			refused &= vault_args_parse(exact, n, &start) != 0;
		free(exact);
	}
	check("a whole start argument passes", good);
	check("a cut or longer one is refused", refused);
}

int main(void)
{
	output();
	console_begin(&console, &ring, session, nonce);
	input();
	arguments();
	return failed;
}
