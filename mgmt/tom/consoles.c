// SPDX-License-Identifier: Apache-2.0
/* VM consoles: raw bytes on a local client's socket, sealed frames towards the vault. */
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <openssl/crypto.h>
#include "lib/chan.h"
#include "mgmt/tom/crypto.h"
#include "mgmt/tom/sealed.h"
#include "mgmt/tom/tvd_key.h"

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
	return sealed_send(s, c->tvd_id, CONSOLE_OPEN, SEALED_OPEN + (uint64_t)(c - s->clients),
			   state_number(c->vm_id), &open, sizeof(open));
}

bool console_opened(struct session *s, struct client *c, const struct tmc_sealed *m)
{
	uint8_t key[32], keys[64], info[KEYS_INFO];
	size_t n;

	if (c->kind != CLIENT_CONSOLE || c->open)
		return true;
	if (m->status != CS_OK || m->payload.n != sizeof(struct console_hello) ||
	    !tvd_key_load(s->t, c->tvd_id, key)) {
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

bool console_output(struct session *s, const struct tmc_sealed *m)
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
	return sealed_send(s, c->tvd_id, CONSOLE_SEALED, SEALED_CONSOLE, state_number(c->vm_id),
			   out, sizeof(head) + (size_t)n + SEAL_TAG);
}

void console_end(struct session *s, struct client *c)
{
	if (c->open)
		sealed_send(s, c->tvd_id, CONSOLE_CLOSE, SEALED_CONSOLE, state_number(c->vm_id),
			    NULL, 0);
	OPENSSL_cleanse(c->key_from, sizeof(c->key_from));
	OPENSSL_cleanse(c->key_to, sizeof(c->key_to));
}

bool console_ended(struct session *s, const struct tmc_sealed *m)
{
	struct client *c = console_of(s, m->tvd, m->arg);

	if (c && c->open) {
		c->open = false; /* nothing to close at the other side any more */
		client_close(s, c);
	}
	return true;
}
