// SPDX-License-Identifier: Apache-2.0
#include "services/tpm/chip.h"

#include <string.h>

#include "services/tpm/command.h"

enum {
	ALG_SHA256 = 0x0b,
	RS_PASSWORD = 0x40000009,
	CAP_HANDLES = 1,
	HEADER = 10,
	MAX_HANDLES = 64,
	RC_YIELDED = 0x908,
	RC_TESTING = 0x90a,
	RC_RETRY = 0x922,
	TRIES = 100,
};

/* First handles of the lists that TPM2_GetCapability gives (Part 2, 7.2). */
#define TRANSIENT      0x80000000u
#define LOADED_SESSION 0x02000000u
#define SAVED_SESSION  0x03000000u

struct writer {
	uint8_t data[128];
	size_t n;
};

static void put(struct writer *w, uint32_t v, unsigned bytes)
{
	while (bytes--)
		w->data[w->n++] = (uint8_t)(v >> (8 * bytes));
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static struct writer command(uint32_t tag, uint32_t code)
{
	struct writer w = { .n = 0 };

	put(&w, tag, 2);
	put(&w, 0, 4); /* size: send() */
	put(&w, code, 4);
	return w;
}

static int is_busy(const struct chip *c, size_t size)
{
	const uint32_t rc = size < HEADER ? 0 : be32(c->response + 6);

	return rc == RC_RETRY || rc == RC_YIELDED || rc == RC_TESTING;
}

/* Bytes of the response, or 0. */
static size_t send(struct chip *c, struct writer *w)
{
	size_t size = 0;
	unsigned tries = TRIES;

	for (unsigned i = 0; i < 4; i++)
		w->data[2 + i] = (uint8_t)(w->n >> (24 - 8 * i));
	do {
		if (c->exchange(c->arg, w->data, w->n, c->response, &size) != 0)
			return 0;
	} while (is_busy(c, size) && --tries);
	if (size < HEADER || be32(c->response + 2) != size || be32(c->response + 6) != 0)
		return 0;
	return size;
}

int chip_extend(struct chip *c, uint32_t pcr, const uint8_t digest[32])
{
	struct writer w = command(TPM_ST_SESSIONS, TPM_CC_PCR_EXTEND);

	put(&w, pcr, 4);
	put(&w, 9, 4); /* authorization: empty password */
	put(&w, RS_PASSWORD, 4);
	put(&w, 0, 2);
	put(&w, 0, 1);
	put(&w, 0, 2);
	put(&w, 1, 4); /* TPML_DIGEST_VALUES */
	put(&w, ALG_SHA256, 2);
	memcpy(w.data + w.n, digest, 32);
	w.n += 32;
	return send(c, &w) ? 0 : -1;
}

int chip_pcr(struct chip *c, uint32_t pcr, uint8_t value[32])
{
	struct writer w = command(TPM_ST_NO_SESSIONS, TPM_CC_PCR_READ);
	size_t size;

	if (pcr >= 24)
		return -1;
	put(&w, 1, 4);
	put(&w, ALG_SHA256, 2);
	put(&w, 3, 1);
	for (unsigned i = 0; i < 3; i++)
		put(&w, pcr / 8 == i ? 1u << (pcr % 8) : 0, 1);
	size = send(c, &w);
	/* update counter, selection (14 bytes), count 1, size 32, value */
	if (size != HEADER + 4 + 10 + 4 + 2 + 32)
		return -1;
	memcpy(value, c->response + size - 32, 32);
	return 0;
}

static int flush(struct chip *c, uint32_t handle)
{
	struct writer w = command(TPM_ST_NO_SESSIONS, TPM_CC_FLUSH_CONTEXT);

	put(&w, handle, 4);
	return send(c, &w) ? 0 : -1;
}

/* Sessions are told by their own kind of handle, HMAC (02) or policy (03), whichever list was asked for. */
static int in_range(uint32_t handle, uint32_t first)
{
	const uint32_t kind = handle >> 24;

	return first == TRANSIENT ? kind == first >> 24 : kind == 0x02 || kind == 0x03;
}

static int flush_range(struct chip *c, uint32_t first, unsigned *flushed)
{
	struct writer w = command(TPM_ST_NO_SESSIONS, TPM_CC_GET_CAPABILITY);
	uint32_t handles[MAX_HANDLES], count;
	size_t size;

	put(&w, CAP_HANDLES, 4);
	put(&w, first, 4);
	put(&w, MAX_HANDLES, 4);
	size = send(c, &w);
	/* more data, capability, count, handles */
	if (size < HEADER + 1 + 4 + 4)
		return -1;
	count = be32(c->response + HEADER + 5);
	if (count > MAX_HANDLES || size != HEADER + 9 + 4 * (size_t)count)
		return -1;
	for (uint32_t i = 0; i < count; i++)
		handles[i] = be32(c->response + HEADER + 9 + 4 * i);
	for (uint32_t i = 0; i < count; i++)
		if (!in_range(handles[i], first) || flush(c, handles[i]) != 0)
			return -1;
	*flushed += count;
	return 0;
}

int chip_flush_all(struct chip *c, unsigned *flushed)
{
	*flushed = 0;
	if (flush_range(c, TRANSIENT, flushed) != 0 || flush_range(c, LOADED_SESSION, flushed) != 0)
		return -1;
	return flush_range(c, SAVED_SESSION, flushed);
}
