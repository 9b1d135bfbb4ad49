// SPDX-License-Identifier: Apache-2.0
/* Event log reader. No environment needed: loader, kernel, unit test and fuzzer run this file. */
#include "boot/eventlog.h"

enum {
	SHA1_BYTES = 20,
	MAX_DIGEST = 64,
	LEGACY_HEADER = 32,  /* pcr, type, SHA-1 digest, event size */
	SPEC_ID_FIXED = 28,  /* signature, class, version, uintn size, algorithm count */
	EVENT2_DIGESTS = 12, /* pcr, type, digest count */
};

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

static int is_spec_id(const uint8_t *p)
{
	static const char signature[16] = "Spec ID Event03";

	for (int i = 0; i < 16; i++)
		if (p[i] != (uint8_t)signature[i])
			return 0;
	return 1;
}

int eventlog_open(struct eventlog *log, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t length;

	if (size < LEGACY_HEADER + SPEC_ID_FIXED)
		return -1;
	length = get32(p + 28);
	if (get32(p) != 0 || get32(p + 4) != EV_NO_ACTION || length > size - LEGACY_HEADER ||
	    length < SPEC_ID_FIXED || !is_spec_id(p + LEGACY_HEADER))
		return -1;
	p += LEGACY_HEADER + SPEC_ID_FIXED;
	log->algs = get32(p - 4);
	if (log->algs == 0 || log->algs > EVENTLOG_MAX_ALG ||
	    length < SPEC_ID_FIXED + 4 * log->algs)
		return -1;
	for (uint32_t i = 0; i < log->algs; i++, p += 4) {
		log->alg[i] = get16(p);
		log->digest_size[i] = get16(p + 2);
		if (log->digest_size[i] < SHA1_BYTES || log->digest_size[i] > MAX_DIGEST)
			return -1;
	}
	log->data = data;
	log->size = size;
	log->at = LEGACY_HEADER + length;
	return 0;
}

static uint16_t digest_size(const struct eventlog *log, uint16_t alg)
{
	for (uint32_t i = 0; i < log->algs; i++)
		if (log->alg[i] == alg)
			return log->digest_size[i];
	return 0;
}

/* Walks `count` digests from offset `at`; the offset behind them, or 0 if they are damaged. */
static size_t skip_digests(const struct eventlog *log, size_t at, uint32_t count, struct event *e)
{
	for (uint32_t i = 0; i < count; i++) {
		if (log->size - at < 2)
			return 0;
		uint16_t alg = get16(log->data + at);
		uint16_t size = digest_size(log, alg);

		if (size == 0 || log->size - at - 2 < size)
			return 0;
		if (alg == TPM_ALG_SHA256 && size == 32)
			e->sha256 = log->data + at + 2;
		at += 2u + size;
	}
	return at;
}

int eventlog_next(struct eventlog *log, struct event *e)
{
	size_t at = log->at;
	uint32_t count;

	if (at == log->size)
		return 0;
	if (log->size - at < EVENT2_DIGESTS)
		return -1;
	e->pcr = get32(log->data + at);
	e->type = get32(log->data + at + 4);
	e->sha256 = NULL;
	count = get32(log->data + at + 8);
	if (count > EVENTLOG_MAX_ALG)
		return -1;
	at = skip_digests(log, at + EVENT2_DIGESTS, count, e);
	if (at == 0 || log->size - at < 4)
		return -1;
	e->size = get32(log->data + at);
	at += 4;
	if (e->size > log->size - at)
		return -1;
	e->data = log->data + at;
	log->at = at + e->size;
	return 1;
}

const char *eventlog_part_name(const struct event *e, uint32_t *length)
{
	if (e->type != EV_EVENT_TAG || e->size < 8 || get32(e->data) != REDOUBT_EVENT_TAG)
		return NULL;
	*length = get32(e->data + 4);
	return *length == e->size - 8 ? (const char *)e->data + 8 : NULL;
}
