// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "mgmt/proto/cbor.h"
#include "mgmt/proto/schema.h"

enum { PATH_MAX_LEN = 48 };

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool name_ok(const char *s, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!name_char(s[i]))
			return false;
	return true;
}

static void encode_map(const struct schema *s, const uint8_t *obj, struct cbor_out *o);

static void encode_text(const struct field *f, const char *text, struct cbor_out *o)
{
	if (!memchr(text, 0, f->max) || (f->kind == FIELD_NAME && !name_ok(text, strlen(text))))
		o->full = true;
	else
		cbor_put_text(o, text);
}

static void encode_list(const struct field *f, const uint8_t *obj, struct cbor_out *o)
{
	size_t n;

	memcpy(&n, obj + f->count, sizeof(n));
	if (n > f->max) {
		o->full = true;
		return;
	}
	cbor_put_head(o, CBOR_ARRAY, n);
	for (size_t i = 0; i < n; i++)
		encode_map(f->item, obj + f->offset + i * f->item->size, o);
}

static void encode_field(const struct field *f, const uint8_t *obj, struct cbor_out *o)
{
	const uint8_t *at = obj + f->offset;
	struct span span;
	uint64_t v;

	switch (f->kind) {
	case FIELD_UINT:
		memcpy(&v, at, sizeof(v));
		o->full |= v > f->max;
		cbor_put_uint(o, v);
		break;
	case FIELD_BYTES:
		cbor_put_bytes(o, at, f->max);
		break;
	case FIELD_SPAN:
		memcpy(&span, at, sizeof(span));
		o->full |= span.n > f->max;
		cbor_put_bytes(o, span.p, span.n);
		break;
	case FIELD_NAME:
	case FIELD_TEXT:
		encode_text(f, (const char *)at, o);
		break;
	case FIELD_LIST:
		encode_list(f, obj, o);
		break;
	}
}

static void encode_map(const struct schema *s, const uint8_t *obj, struct cbor_out *o)
{
	cbor_put_head(o, CBOR_MAP, s->count);
	for (size_t i = 0; i < s->count; i++) {
		cbor_put_uint(o, s->fields[i].key);
		encode_field(&s->fields[i], obj, o);
	}
}

size_t schema_encode(const struct schema *s, const void *obj, uint8_t *buf, size_t cap)
{
	struct cbor_out o = { buf, cap, 0, false };

	encode_map(s, obj, &o);
	return o.full ? 0 : o.len;
}

/* Where the decoder is, for the error text. */
struct place {
	struct cbor_in in;
	struct schema_error *err;
	char path[PATH_MAX_LEN];
};

static void fault(struct place *at, const struct field *f, const char *why)
{
	if (at->err && !at->err->text[0])
		snprintf(at->err->text, sizeof(at->err->text), "%.47s.%.24s: %.40s", at->path,
			 f->name, why);
	cbor_fail(&at->in, why);
}

static void decode_map(const struct schema *s, uint8_t *obj, struct place *at);

static void decode_uint(const struct field *f, uint8_t *to, struct place *at)
{
	uint64_t v = cbor_get_uint(&at->in);

	if (v > f->max)
		fault(at, f, "number too large");
	memcpy(to, &v, sizeof(v));
}

static void decode_bytes(const struct field *f, uint8_t *to, struct place *at)
{
	size_t n;
	const uint8_t *p = cbor_get_string(&at->in, CBOR_BYTES, &n);

	if (p && n != f->max)
		fault(at, f, "byte string of another length");
	else if (p)
		memcpy(to, p, n);
}

static void decode_span(const struct field *f, uint8_t *to, struct place *at)
{
	struct span span;

	span.p = cbor_get_string(&at->in, CBOR_BYTES, &span.n);
	if (span.n > f->max)
		fault(at, f, "byte string too long");
	memcpy(to, &span, sizeof(span));
}

static void decode_text(const struct field *f, uint8_t *to, struct place *at)
{
	size_t n;
	const uint8_t *p = cbor_get_string(&at->in, CBOR_TEXT, &n);

	if (!p)
		return;
	if (n >= f->max)
		fault(at, f, "text too long");
	else if (f->kind == FIELD_NAME && !name_ok((const char *)p, n))
		fault(at, f, "not a name (a-z 0-9 - . _)");
	else
		memcpy(to, p, n);
}

static void decode_list(const struct field *f, uint8_t *obj, struct place *at)
{
	uint64_t n = cbor_get_head(&at->in, CBOR_ARRAY);
	size_t count = (size_t)n, len = strlen(at->path);

	if (n > f->max) {
		fault(at, f, "too many items");
		return;
	}
	for (size_t i = 0; i < count && !at->in.error; i++) {
		snprintf(at->path + len, sizeof(at->path) - len, ".%s[%zu]", f->name, i);
		decode_map(f->item, obj + f->offset + i * f->item->size, at);
	}
	at->path[len] = 0;
	memcpy(obj + f->count, &count, sizeof(count));
}

static void decode_field(const struct field *f, uint8_t *obj, struct place *at)
{
	switch (f->kind) {
	case FIELD_UINT:
		decode_uint(f, obj + f->offset, at);
		break;
	case FIELD_BYTES:
		decode_bytes(f, obj + f->offset, at);
		break;
	case FIELD_SPAN:
		decode_span(f, obj + f->offset, at);
		break;
	case FIELD_NAME:
	case FIELD_TEXT:
		decode_text(f, obj + f->offset, at);
		break;
	case FIELD_LIST:
		decode_list(f, obj, at);
		break;
	}
	if (at->in.error)
		fault(at, f, at->in.error);
}

/* What a newer peer may add: keys from 128 on, still in order. */
static void skip_rest(struct place *at, uint64_t n)
{
	uint64_t last = SCHEMA_NOT_CRITICAL - 1;

	for (; n && !at->in.error; n--) {
		uint64_t key = cbor_get_uint(&at->in);

		if (!at->in.error && key <= last)
			cbor_fail(&at->in, "unknown or repeated key");
		last = key;
		cbor_skip(&at->in);
	}
}

static void decode_map(const struct schema *s, uint8_t *obj, struct place *at)
{
	uint64_t n = cbor_get_head(&at->in, CBOR_MAP);

	for (size_t i = 0; i < s->count && !at->in.error; i++) {
		const struct field *f = &s->fields[i];

		if (i >= n || cbor_get_uint(&at->in) != f->key)
			fault(at, f,
			      at->in.error ? at->in.error : "missing, unknown or misplaced key");
		else
			decode_field(f, obj, at);
	}
	if (!at->in.error)
		skip_rest(at, n - s->count);
}

bool schema_decode(const struct schema *s, void *obj, const uint8_t *p, size_t n,
		   struct schema_error *err)
{
	struct place at = { { p, p + n, NULL }, err, "" };

	if (err)
		err->text[0] = 0;
	memset(obj, 0, s->size);
	snprintf(at.path, sizeof(at.path), "%s", s->name);
	decode_map(s, obj, &at);
	if (!at.in.error && at.in.p != at.in.end)
		cbor_fail(&at.in, "bytes behind the end");
	if (!at.in.error)
		return true;
	if (err && !err->text[0])
		snprintf(err->text, sizeof(err->text), "%s: %s", s->name, at.in.error);
	memset(obj, 0, s->size);
	return false;
}
