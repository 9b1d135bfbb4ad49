// SPDX-License-Identifier: Apache-2.0
/* Bundle checks. No environment needed: the loader, the unit test and the fuzzer run this file. */
#include "boot/bundle.h"

static int same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static int name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

static int name_formed(const char *name)
{
	uint32_t n = 0;

	while (n < BUNDLE_NAME && name_char(name[n]))
		n++;
	if (n == 0 || n == BUNDLE_NAME)
		return 0;
	while (n < BUNDLE_NAME && name[n] == 0)
		n++;
	return n == BUNDLE_NAME;
}

static int name_ok(const struct bundle_entry *table, uint32_t i)
{
	const char *name = table[i].name;

	if (!name_formed(name))
		return 0;
	if (i == 0 || i == 1)
		return same(name, i ? "manifest" : "kernel");
	if (same(name, "binding") || same(name, "cmdline"))
		return 0;
	for (uint32_t j = 0; j < i; j++)
		if (same(name, table[j].name))
			return 0;
	return 1;
}

const struct bundle_entry *bundle_entries(const void *data)
{
	return (const struct bundle_entry *)((const uint8_t *)data + sizeof(struct bundle_header));
}

static enum bundle_error header_check(const struct bundle_header *h, size_t size)
{
	if (size < sizeof(*h))
		return BUNDLE_SHORT;
	if (h->magic != BUNDLE_MAGIC || h->version != BUNDLE_VERSION)
		return BUNDLE_FORMAT;
	if (h->count < 2 || h->count > BUNDLE_MAX_PARTS)
		return BUNDLE_HEADER;
	if (h->kpool_mib < 2 || h->kpool_mib > 1024 || h->kpool_mib % 2)
		return BUNDLE_HEADER;
	if (h->size > size)
		return BUNDLE_SHORT;
	if (h->size < sizeof(*h) + h->count * sizeof(struct bundle_entry))
		return BUNDLE_HEADER;
	return BUNDLE_OK;
}

enum bundle_error bundle_check(const void *data, size_t size)
{
	const struct bundle_header *h = data;
	enum bundle_error error = header_check(h, size);
	uint64_t end;

	if (error)
		return error;
	const struct bundle_entry *e = bundle_entries(data);

	end = sizeof(*h) + h->count * sizeof(*e);
	for (uint32_t i = 0; i < h->count; i++) {
		if (!name_ok(e, i))
			return BUNDLE_NAMES;
		if (e[i].offset % BUNDLE_ALIGN || e[i].offset < end || e[i].offset > h->size)
			return BUNDLE_LAYOUT;
		if (e[i].size == 0 || e[i].size > h->size - e[i].offset)
			return BUNDLE_LAYOUT;
		end = e[i].offset + e[i].size;
	}
	return end == h->size ? BUNDLE_OK : BUNDLE_LAYOUT;
}

const char *bundle_error_text(enum bundle_error error)
{
	switch (error) {
	case BUNDLE_OK:
		return "whole";
	case BUNDLE_SHORT:
		return "it is cut short";
	case BUNDLE_FORMAT:
		return "magic or version is not ours";
	case BUNDLE_HEADER:
		return "a header field is out of range";
	case BUNDLE_NAMES:
		return "a part's name is malformed, doubled or misplaced";
	case BUNDLE_LAYOUT:
		return "a part lies outside or overlaps another";
	}
	return "unknown";
}
