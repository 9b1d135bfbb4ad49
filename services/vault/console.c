// SPDX-License-Identifier: Apache-2.0
#include "services/vault/console.h"

#include <string.h>

#include <mbedtls/platform_util.h>

void console_init(struct console *c, const uint8_t vm_id[KEYS_ID])
{
	memset(c, 0, sizeof(*c));
	memcpy(c->vm_id, vm_id, sizeof(c->vm_id));
}

void console_say(struct console *c, const uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c->ring[(c->written + i) % CONSOLE_RING] = text[i];
	c->written += n;
}

void console_begin(struct console *c, const struct keyring *k, const uint8_t session[16],
		   const uint8_t nonce[16])
{
	memcpy(c->session, session, sizeof(c->session));
	keyring_console(k, c->vm_id, session, nonce, c->from_vm, c->to_vm);
	c->sent = 0;
	c->expected = 0;
	c->read = c->written > CONSOLE_HISTORY ? c->written - CONSOLE_HISTORY : 0;
	c->open = true;
}

void console_close(struct console *c)
{
	c->open = false;
	mbedtls_platform_zeroize(c->from_vm, sizeof(c->from_vm));
	mbedtls_platform_zeroize(c->to_vm, sizeof(c->to_vm));
}

/* What the next frame carries. */
static size_t next_text(struct console *c, uint8_t *text)
{
	uint64_t n;

	if (c->written - c->read > CONSOLE_RING)
		c->read = c->written - CONSOLE_RING;
	n = c->written - c->read;
	if (n > CONSOLE_TEXT_MAX)
		n = CONSOLE_TEXT_MAX;
	for (uint64_t i = 0; i < n; i++)
		text[i] = c->ring[(c->read + i) % CONSOLE_RING];
	return (size_t)n;
}

size_t console_frame_out(struct console *c, uint8_t *out)
{
	const struct console_frame head = { .counter = c->sent };
	uint8_t nonce[SEAL_NONCE], aad[CONSOLE_AAD], text[CONSOLE_TEXT_MAX];
	size_t n = c->open ? next_text(c, text) : 0;

	if (!n)
		return 0;
	console_seal(CONSOLE_FROM_VM, c->vm_id, c->session, c->sent, nonce, aad);
	memcpy(out, &head, sizeof(head));
	if (seal(c->from_vm, nonce, aad, sizeof(aad), text, n, out + sizeof(head)) != 0)
		return 0;
	c->sent++; /* never two texts under one nonce, whatever becomes of the frame */
	return sizeof(head) + n + SEAL_TAG;
}

void console_sent(struct console *c)
{
	uint64_t n = c->written - c->read;

	c->read += n > CONSOLE_TEXT_MAX ? CONSOLE_TEXT_MAX : n;
}

int console_frame_in(struct console *c, const uint8_t *frame, size_t n, uint8_t *text)
{
	uint8_t nonce[SEAL_NONCE], aad[CONSOLE_AAD];
	struct console_frame head;
	size_t size;

	if (!c->open || n <= sizeof(head) + SEAL_TAG || n > CONSOLE_FRAME_MAX)
		return -1;
	memcpy(&head, frame, sizeof(head));
	size = n - sizeof(head) - SEAL_TAG;
	if (head.counter < c->expected || head.counter == UINT64_MAX)
		return -1;
	console_seal(CONSOLE_TO_VM, c->vm_id, c->session, head.counter, nonce, aad);
	if (seal_open(c->to_vm, nonce, aad, sizeof(aad), frame + sizeof(head), size, text) != 0)
		return -1;
	c->expected = head.counter + 1;
	return (int)size;
}
