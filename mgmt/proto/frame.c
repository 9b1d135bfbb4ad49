// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "mgmt/proto/frame.h"

void tmc_frame_head(uint8_t head[TMC_FRAME_HEAD], uint16_t type, size_t len)
{
	for (unsigned i = 0; i < 4; i++)
		head[i] = (uint8_t)(len >> (8 * i));
	head[4] = (uint8_t)type;
	head[5] = (uint8_t)(type >> 8);
	head[6] = TMC_FRAME_VERSION;
	head[7] = 0;
}

void tmc_reader_init(struct tmc_reader *r, uint8_t *buf)
{
	*r = (struct tmc_reader){ .buf = buf };
}

static size_t body_len(const struct tmc_reader *r)
{
	return (size_t)r->buf[0] | (size_t)r->buf[1] << 8 | (size_t)r->buf[2] << 16 |
	       (size_t)r->buf[3] << 24;
}

static bool head_ok(const struct tmc_reader *r)
{
	return body_len(r) <= TMC_FRAME_BODY_MAX && r->buf[6] == TMC_FRAME_VERSION &&
	       r->buf[7] == 0;
}

static void drop_used(struct tmc_reader *r)
{
	memmove(r->buf, r->buf + r->used, r->have - r->used);
	r->have -= r->used;
	r->used = 0;
}

uint8_t *tmc_reader_space(struct tmc_reader *r, size_t *wanted)
{
	drop_used(r);
	if (r->have < TMC_FRAME_HEAD)
		*wanted = TMC_FRAME_HEAD - r->have;
	else
		*wanted = r->bad ? 0 : TMC_FRAME_HEAD + body_len(r) - r->have;
	return r->buf + r->have;
}

void tmc_reader_add(struct tmc_reader *r, size_t n)
{
	r->have += n;
	if (r->have >= TMC_FRAME_HEAD && !head_ok(r))
		r->bad = true;
}

enum tmc_frame_result tmc_reader_next(struct tmc_reader *r, struct tmc_frame *f)
{
	drop_used(r);
	if (r->bad)
		return TMC_FRAME_BAD;
	if (r->have < TMC_FRAME_HEAD || r->have < TMC_FRAME_HEAD + body_len(r))
		return TMC_FRAME_MORE;
	f->type = (uint16_t)(r->buf[4] | r->buf[5] << 8);
	f->body = r->buf + TMC_FRAME_HEAD;
	f->len = body_len(r);
	r->used = TMC_FRAME_HEAD + f->len;
	return TMC_FRAME_OK;
}
