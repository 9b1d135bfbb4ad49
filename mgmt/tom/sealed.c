// SPDX-License-Identifier: Apache-2.0
/*
 * What goes to a TVD's vault through tmc: images in sealed chunks, one request under way at a time, and console frames.
 * docs/formats.md sections 5 to 7.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <openssl/crypto.h>
#include "lib/chan.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/session.h"
#include "services/vault/vault.h"

enum { ID_EVENT = 0, ID_IMAGE = 1, ID_CONSOLE = 2, ID_OPEN = 16 };
enum { RETRY_MS = 1000, VERIFY_MS = 250, LOST_MS = 15000 };

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool tvd_key(struct session *s, const uint8_t tvd[16], uint8_t key[32])
{
	sqlite3_stmt *q = tom_query(s->t, "SELECT key FROM tvd WHERE id = ?", "b", tvd, (size_t)16);
	bool found = false;

	while (tom_row(q)) {
		tom_column(q, 0, key, 32);
		found = true;
	}
	return found;
}

static bool send_sealed(struct session *s, const uint8_t tvd[16], enum sealed_type type,
			uint64_t id, uint64_t arg, const void *p, size_t n)
{
	struct tmc_sealed m = { state_number(tvd), type, id, arg, 0, { p, n } };

	return session_send(s, TMC_SEALED, &m);
}

/* ---- images ---- */

static const struct state_image *pump_image(const struct session *s)
{
	return s->desired && s->pump.image < s->desired->image_count
		       ? &s->desired->images[s->pump.image]
		       : NULL;
}

static void pump_next(struct session *s)
{
	free(s->pump.data);
	s->pump.data = NULL;
	s->pump.image++;
}

static bool pump_load(struct session *s, const struct state_image *image)
{
	char path[512], hex[65];

	if (s->pump.data)
		return true;
	tom_hex(image->digest, 32, hex);
	tom_path(s->t, path, sizeof(path), "images/%s", hex);
	s->pump.data = tom_read_file(path, &s->pump.size);
	if (s->pump.data && s->pump.size == image->size)
		return true;
	session_log(s, "image %.16s: %s is missing or of another size", hex, path);
	return false;
}

/* An answer that does not come was lost with a vault that began anew: ask again. */
static void pump_wait(struct session *s)
{
	s->pump.waiting = true;
	s->pump.retry_ms = now_ms() + LOST_MS;
}

static bool pump_ask(struct session *s, const struct state_image *image)
{
	struct image_name name = { .size = image->size };

	memcpy(name.digest, image->digest, sizeof(name.digest));
	pump_wait(s);
	return send_sealed(s, image->tvd, IMAGE_STATE, ID_IMAGE, 0, &name, sizeof(name));
}

static bool pump_chunk(struct session *s, const struct state_image *image, uint32_t index)
{
	static uint8_t out[sizeof(struct image_name) + IMAGE_CHUNK_SIZE + SEAL_TAG];
	struct image_name name = { .size = image->size };
	uint8_t key[32], chunk_key[32], info[KEYS_INFO], nonce[SEAL_NONCE], aad[IMAGE_AAD];
	uint32_t n = image_chunk_bytes(image->size, index);

	if (!n || !pump_load(s, image) || !tvd_key(s, image->tvd, key)) {
		pump_next(s);
		return true;
	}
	memcpy(name.digest, image->digest, sizeof(name.digest));
	memcpy(out, &name, sizeof(name));
	tom_hkdf(key, sizeof(key), image->tvd, 16, info, keys_info_image(image->digest, info),
		 chunk_key, sizeof(chunk_key));
	image_chunk_seal(image->digest, image->size, index, nonce, aad);
	tom_seal(chunk_key, nonce, aad, sizeof(aad),
		 s->pump.data + (size_t)index * IMAGE_CHUNK_SIZE, n, out + sizeof(name));
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(chunk_key, sizeof(chunk_key));
	pump_wait(s);
	return send_sealed(s, image->tvd, IMAGE_CHUNK, ID_IMAGE, index, out,
			   sizeof(name) + n + SEAL_TAG);
}

bool sealed_tick(struct session *s)
{
	const struct state_image *image = pump_image(s);

	if (!s->started || !image || s->pump.retry_ms > now_ms())
		return true;
	return pump_ask(s, image);
}

int sealed_timeout(const struct session *s)
{
	int64_t left = s->pump.retry_ms - now_ms();

	if (!s->started || !pump_image(s))
		return -1;
	return left > 0 ? (int)left : 0;
}

static bool image_answer(struct session *s, const struct tmc_sealed *m)
{
	const struct state_image *image = pump_image(s);
	struct image_status status;

	s->pump.waiting = false;
	s->pump.retry_ms = now_ms() + RETRY_MS;
	if (!image || state_number(image->tvd) != m->tvd || m->status != CS_OK ||
	    m->payload.n != sizeof(status))
		return true; /* that vault is not there yet */
	memcpy(&status, m->payload.p, sizeof(status));
	switch (status.progress) {
	case IMAGE_PRESENT:
		pump_next(s);
		s->pump.retry_ms = 0;
		return true;
	case IMAGE_PARTIAL:
		return pump_chunk(s, image, status.next);
	case IMAGE_VERIFYING:
		s->pump.retry_ms = now_ms() + VERIFY_MS;
		return true;
	default:
		return true;
	}
}

/* ---- consoles ---- */

static const struct state_vm *find_vm(const struct session *s, const char *name)
{
	for (size_t i = 0; s->desired && i < s->desired->vm_count; i++)
		if (strcmp(s->desired->vms[i].name, name) == 0)
			return &s->desired->vms[i];
	return NULL;
}

static struct client *console_of(struct session *s, uint64_t tvd, uint64_t vm)
{
	for (unsigned i = 0; i < SESSION_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->kind == CLIENT_CONSOLE && state_number(c->vm_id) == vm &&
		    state_number(c->tvd_id) == tvd)
			return c;
	}
	return NULL;
}

bool console_begin(struct session *s, struct client *c, const char *name)
{
	const struct state_vm *vm = find_vm(s, name);
	struct client *old;
	struct console_open open;

	if (!vm) {
		client_reply(c, false,
			     "no such VM in the desired state; `tom config push` sends it");
		client_close(s, c);
		return true;
	}
	old = console_of(s, state_number(vm->tvd), state_number(vm->id));
	if (old)
		client_close(s, old);
	c->kind = CLIENT_CONSOLE;
	c->open = false;
	memcpy(c->vm_id, vm->id, sizeof(c->vm_id));
	memcpy(c->tvd_id, vm->tvd, sizeof(c->tvd_id));
	tom_random(c->nonce, sizeof(c->nonce));
	memcpy(open.nonce, c->nonce, sizeof(open.nonce));
	return send_sealed(s, c->tvd_id, CONSOLE_OPEN, ID_OPEN + (uint64_t)(c - s->clients),
			   state_number(c->vm_id), &open, sizeof(open));
}

static bool console_opened(struct session *s, struct client *c, const struct tmc_sealed *m)
{
	uint8_t key[32], keys[64], info[KEYS_INFO];
	size_t n;

	if (c->kind != CLIENT_CONSOLE || c->open)
		return true;
	if (m->status != CS_OK || m->payload.n != sizeof(struct console_hello) ||
	    !tvd_key(s, c->tvd_id, key)) {
		client_reply(c, false, "the VM has no console now; does it run?");
		client_close(s, c);
		return true;
	}
	memcpy(c->console_session, m->payload.p, sizeof(c->console_session));
	n = keys_info_console(c->vm_id, c->console_session, c->nonce, info);
	tom_hkdf(key, sizeof(key), c->tvd_id, 16, info, n, keys, sizeof(keys));
	memcpy(c->key_from, keys, 32);
	memcpy(c->key_to, keys + 32, 32);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(keys, sizeof(keys));
	c->count_from = c->count_to = 0;
	c->open = true;
	client_reply(c, true, "console");
	return true;
}

static bool console_output(struct session *s, const struct tmc_sealed *m)
{
	struct client *c = console_of(s, m->tvd, m->arg);
	uint8_t nonce[SEAL_NONCE], aad[CONSOLE_AAD], text[CONSOLE_TEXT_MAX];
	struct console_frame head;
	size_t n = m->payload.n;

	if (!c || !c->open)
		return true;
	if (n <= sizeof(head) + SEAL_TAG || n > sizeof(head) + CONSOLE_TEXT_MAX + SEAL_TAG)
		return session_refuse(s, "malformed console frame");
	memcpy(&head, m->payload.p, sizeof(head));
	n -= sizeof(head);
	console_seal(CONSOLE_FROM_VM, c->vm_id, c->console_session, head.counter, nonce, aad);
	if (head.counter < c->count_from ||
	    !tom_open(c->key_from, nonce, aad, sizeof(aad), m->payload.p + sizeof(head), n, text)) {
		session_log(
			s, "console frame %llu is forged, repeated or of an older session: dropped",
			(unsigned long long)head.counter);
		return true;
	}
	c->count_from = head.counter + 1;
	if (send(c->fd, text, n - SEAL_TAG, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(n - SEAL_TAG))
		client_close(s, c); /* nobody reads it */
	return true;
}

bool console_input(struct session *s, struct client *c)
{
	uint8_t nonce[SEAL_NONCE], aad[CONSOLE_AAD], text[CONSOLE_TEXT_MAX];
	uint8_t out[sizeof(struct console_frame) + CONSOLE_TEXT_MAX + SEAL_TAG];
	struct console_frame head = { .counter = c->count_to };
	ssize_t n = recv(c->fd, text, sizeof(text), MSG_DONTWAIT);

	if (n <= 0) {
		if (!n)
			client_close(s, c);
		return true;
	}
	c->count_to++;
	console_seal(CONSOLE_TO_VM, c->vm_id, c->console_session, head.counter, nonce, aad);
	memcpy(out, &head, sizeof(head));
	tom_seal(c->key_to, nonce, aad, sizeof(aad), text, (size_t)n, out + sizeof(head));
	return send_sealed(s, c->tvd_id, CONSOLE_SEALED, ID_CONSOLE, state_number(c->vm_id), out,
			   sizeof(head) + (size_t)n + SEAL_TAG);
}

void console_end(struct session *s, struct client *c)
{
	if (c->open)
		send_sealed(s, c->tvd_id, CONSOLE_CLOSE, ID_CONSOLE, state_number(c->vm_id), NULL,
			    0);
	OPENSSL_cleanse(c->key_from, sizeof(c->key_from));
	OPENSSL_cleanse(c->key_to, sizeof(c->key_to));
}

static bool console_ended(struct session *s, const struct tmc_sealed *m)
{
	struct client *c = console_of(s, m->tvd, m->arg);

	if (c && c->open) {
		c->open = false; /* nothing to close at the other side any more */
		client_close(s, c);
	}
	return true;
}

bool sealed_answer(struct session *s, const struct tmc_frame *f)
{
	struct schema_error err;
	struct tmc_sealed m;

	if (!schema_decode(&tmc_sealed_schema, &m, f->body, f->len, &err))
		return session_refuse(s, "malformed message: %s", err.text);
	if (m.id == ID_EVENT)
		return m.type == CONSOLE_SEALED ? console_output(s, &m) : console_ended(s, &m);
	if (m.id == ID_IMAGE)
		return image_answer(s, &m);
	if (m.id >= ID_OPEN && m.id < ID_OPEN + SESSION_CLIENTS)
		return console_opened(s, &s->clients[m.id - ID_OPEN], &m);
	return true;
}
