// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/state.h"
#include <string.h>

void state_save(struct state *s, void *buf, size_t size)
{
	*s = (struct state){ .buf = buf, .size = size };
}

void state_load(struct state *s, const void *buf, size_t size)
{
	/* loading never writes to buf */
	*s = (struct state){ .buf = (uint8_t *)(uintptr_t)buf, .size = size, .loading = true };
}

void state_bytes(struct state *s, void *p, size_t n)
{
	if (s->bad || n > s->size - s->at) {
		s->bad = true;
		return;
	}
	if (s->loading)
		memcpy(p, s->buf + s->at, n);
	else
		memcpy(s->buf + s->at, p, n);
	s->at += n;
}

void state_u8(struct state *s, uint8_t *v)
{
	state_bytes(s, v, sizeof(*v));
}

void state_u16(struct state *s, uint16_t *v)
{
	state_bytes(s, v, sizeof(*v));
}

void state_u32(struct state *s, uint32_t *v)
{
	state_bytes(s, v, sizeof(*v));
}

void state_u64(struct state *s, uint64_t *v)
{
	state_bytes(s, v, sizeof(*v));
}

void state_bool(struct state *s, bool *v)
{
	uint8_t byte = *v;

	state_u8(s, &byte);
	state_check(s, byte <= 1);
	if (s->loading)
		*v = byte == 1;
}

void state_section(struct state *s, uint32_t tag, uint32_t version)
{
	uint32_t t = tag, v = version;

	if (!s->bad)
		s->tag = tag;
	state_u32(s, &t);
	state_u32(s, &v);
	state_check(s, t == tag && v == version);
}

void state_check(struct state *s, bool ok)
{
	if (s->loading && !ok)
		s->bad = true;
}
