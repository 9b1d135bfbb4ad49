// SPDX-License-Identifier: Apache-2.0
/* Consoles: plaintext towards the vmm, sealed frames towards tmc. */
#include <string.h>

#include "lib/component.h"
#include "lib/console.h"
#include "services/vault/state.h"

static struct chan *find(const char *proto, uint64_t tag, bool any_tag)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (chan_is_server(c) && strcmp(chan_proto(c), proto) == 0 &&
		    (any_tag || chan_tag(c) == tag))
			return c;
	return NULL;
}

void console_from_guest(struct vault *v, struct vm *vm, const uint8_t *text, size_t n)
{
	console_say(&vm->console, text, n);
	(void)console_pump(v);
}

/* The frame is made only when there is room for it. */
static bool pump_one(struct chan *tmc, struct vm *vm)
{
	uint8_t frame[CONSOLE_FRAME_MAX];
	struct msg m = { .type = CONSOLE_SEALED, .arg = vm->number };
	size_t n = console_frame_out(&vm->console, frame);

	if (!n || chan_send(tmc, &m, frame, n) != CHAN_OK)
		return false;
	console_sent(&vm->console);
	return true;
}

bool console_pump(struct vault *v)
{
	struct chan *tmc = find("sealed", 0, true);
	bool busy = false;

	for (struct vm *vm = v->vm; tmc && vm < v->vm + VAULT_VMS; vm++)
		if (vm->number && vm->console.open && vm->console.read != vm->console.written)
			busy |= pump_one(tmc, vm);
	return busy;
}

void console_tell_end(struct vault *v, struct vm *vm)
{
	struct chan *tmc = find("sealed", 0, true);
	struct msg m = { .type = CONSOLE_ENDED, .arg = vm->number };

	(void)v;
	if (tmc && vm->console.open)
		(void)!chan_send(tmc, &m, NULL, 0);
}

void console_all_closed(struct vault *v)
{
	for (struct vm *vm = v->vm; vm < v->vm + VAULT_VMS; vm++)
		if (vm->number)
			console_close(&vm->console);
}

static void open_session(struct vault *v, struct vm *vm, struct chan *c, const struct msg *m,
			 const uint8_t *payload)
{
	struct console_hello hello;
	struct console_open open;

	memcpy(&open, payload, sizeof(open));
	random_bytes(hello.session, sizeof(hello.session));
	console_begin(&vm->console, &v->keyring, hello.session, open.nonce);
	chan_answer(c, m, CS_OK, 0, &hello, sizeof(hello));
}

static enum chan_status input(struct vm *vm, const uint8_t *frame, size_t n)
{
	struct chan *guest = find("console", vm->number, false);
	struct msg m = { .type = CONSOLE_IN };
	uint8_t text[CONSOLE_TEXT_MAX];
	int size = console_frame_in(&vm->console, frame, n, text);

	if (size < 0)
		return CS_CORRUPT;
	if (!guest)
		return CS_STATE;
	return chan_send(guest, &m, text, (size_t)size) == CHAN_OK ? CS_OK : CS_BUSY;
}

void console_serve(struct vault *v, struct chan *c, const struct msg *m, const uint8_t *payload,
		   size_t n)
{
	struct vm *vm = vm_find(v, m->arg);
	enum chan_status s = CS_BAD_REQUEST;

	if (!vm) {
		s = CS_NOT_FOUND;
	} else if (m->type == CONSOLE_OPEN && n == sizeof(struct console_open)) {
		open_session(v, vm, c, m, payload);
		return;
	} else if (m->type == CONSOLE_SEALED) {
		s = input(vm, payload, n);
	} else if (m->type == CONSOLE_CLOSE) {
		console_close(&vm->console);
		s = CS_OK;
	}
	chan_answer(c, m, s, 0, NULL, 0);
}
