// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "mgmt/proto/cbor.h"

enum { HEAD_MAX = 9, HEAD_1 = 24, HEAD_2 = 25, HEAD_4 = 26, HEAD_8 = 27 };

void cbor_put_raw(struct cbor_out *o, const void *p, size_t n)
{
	if (o->full || n > o->cap - o->len) {
		o->full = true;
		return;
	}
	if (n)
		memcpy(o->buf + o->len, p, n);
	o->len += n;
}

void cbor_put_head(struct cbor_out *o, enum cbor_kind kind, uint64_t n)
{
	uint8_t head[HEAD_MAX];
	unsigned bytes = n < HEAD_1        ? 0
			 : n <= UINT8_MAX  ? 1
			 : n <= UINT16_MAX ? 2
			 : n <= UINT32_MAX ? 4
					   : 8;
	unsigned info = bytes == 0   ? (unsigned)n
			: bytes == 1 ? HEAD_1
			: bytes == 2 ? HEAD_2
			: bytes == 4 ? HEAD_4
				     : HEAD_8;

	head[0] = (uint8_t)((unsigned)kind << 5 | info);
	for (unsigned i = 0; i < bytes; i++)
		head[1 + i] = (uint8_t)(n >> (8 * (bytes - 1 - i)));
	cbor_put_raw(o, head, 1 + bytes);
}

void cbor_put_uint(struct cbor_out *o, uint64_t v)
{
	cbor_put_head(o, CBOR_UINT, v);
}

void cbor_put_bytes(struct cbor_out *o, const void *p, size_t n)
{
	cbor_put_head(o, CBOR_BYTES, n);
	cbor_put_raw(o, p, n);
}

void cbor_put_text(struct cbor_out *o, const char *s)
{
	size_t n = strlen(s);

	cbor_put_head(o, CBOR_TEXT, n);
	cbor_put_raw(o, s, n);
}

void cbor_fail(struct cbor_in *in, const char *error)
{
	if (!in->error)
		in->error = error;
	in->p = in->end;
}

/* The number behind a head's first byte; refuses longer forms than needed. */
static uint64_t get_number(struct cbor_in *in, unsigned info)
{
	static const uint64_t least[4] = { HEAD_1, 1ull << 8, 1ull << 16, 1ull << 32 };
	unsigned bytes;
	uint64_t n = 0;

	if (info < HEAD_1)
		return info;
	if (info > HEAD_8) {
		cbor_fail(in, "indefinite length or reserved head");
		return 0;
	}
	bytes = 1u << (info - HEAD_1);
	if ((size_t)(in->end - in->p) < bytes) {
		cbor_fail(in, "cut short");
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | *in->p++;
	if (n < least[info - HEAD_1]) {
		cbor_fail(in, "not the shortest form");
		return 0;
	}
	return n;
}

static uint64_t get_any(struct cbor_in *in, unsigned *kind)
{
	unsigned first;

	*kind = ~0u;
	if (in->error)
		return 0;
	if (in->p == in->end) {
		cbor_fail(in, "cut short");
		return 0;
	}
	first = *in->p++;
	*kind = first >> 5;
	return get_number(in, first & 31);
}

uint64_t cbor_get_head(struct cbor_in *in, enum cbor_kind kind)
{
	unsigned got;
	uint64_t n = get_any(in, &got);

	if (!in->error && got != (unsigned)kind)
		cbor_fail(in, "value of another kind");
	return in->error ? 0 : n;
}

uint64_t cbor_get_uint(struct cbor_in *in)
{
	return cbor_get_head(in, CBOR_UINT);
}

static bool printable(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] > 0x7e)
			return false;
	return true;
}

static const uint8_t *take(struct cbor_in *in, uint64_t n)
{
	const uint8_t *p = in->p;

	if (in->error)
		return NULL;
	if (n > (uint64_t)(in->end - in->p)) {
		cbor_fail(in, "cut short");
		return NULL;
	}
	in->p += n;
	return p;
}

const uint8_t *cbor_get_string(struct cbor_in *in, enum cbor_kind kind, size_t *n)
{
	uint64_t len = cbor_get_head(in, kind);
	const uint8_t *p = take(in, len);

	*n = p ? (size_t)len : 0;
	if (p && kind == CBOR_TEXT && !printable(p, *n)) {
		cbor_fail(in, "text is not printable ASCII");
		return NULL;
	}
	return p;
}

/* Values still open at each level are counted on a small stack, so hostile nesting costs nothing. */
void cbor_skip(struct cbor_in *in)
{
	uint64_t open[CBOR_MAX_DEPTH];
	unsigned depth = 0;

	open[0] = 1;
	while (!in->error) {
		unsigned kind;
		uint64_t n = get_any(in, &kind);

		open[depth]--;
		if (in->error)
			break;
		if (kind == CBOR_BYTES || kind == CBOR_TEXT) {
			const uint8_t *p = take(in, n);

			if (p && kind == CBOR_TEXT && !printable(p, (size_t)n))
				cbor_fail(in, "text is not printable ASCII");
		} else if (kind == CBOR_ARRAY || kind == CBOR_MAP) {
			if (++depth == CBOR_MAX_DEPTH || n > (uint64_t)(in->end - in->p)) {
				cbor_fail(in, "nested too deep or cut short");
				break;
			}
			open[depth] = kind == CBOR_MAP ? 2 * n : n;
		} else if (kind != CBOR_UINT) {
			cbor_fail(in, "value outside the subset");
		}
		while (open[depth] == 0) {
			if (depth-- == 0)
				return;
		}
	}
}
