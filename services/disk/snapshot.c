// SPDX-License-Identifier: Apache-2.0
#include "services/disk/snapshot.h"

#include <string.h>

int snapshot_name_ok(const char *name, size_t n, size_t max)
{
	if (n == 0 || n > max)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return 0;
	return 1;
}

void snapshot_empty(struct snapshot *s)
{
	const struct snapshot_head head = { .magic = SNAPSHOT_MAGIC };

	memcpy(s->data, &head, sizeof(head));
	s->size = sizeof(head);
}

/* The record at *at if it lies whole within the bytes. */
static int read_record(const uint8_t *data, size_t size, size_t *at, struct record *out)
{
	struct record_head head;
	size_t left = size - *at;

	if (left < sizeof(head))
		return 0;
	memcpy(&head, data + *at, sizeof(head));
	left -= sizeof(head);
	if (head.name_size > left || head.value_size > left - head.name_size)
		return 0;
	out->name = (const char *)data + *at + sizeof(head);
	out->name_size = head.name_size;
	out->value = data + *at + sizeof(head) + head.name_size;
	out->value_size = head.value_size;
	*at += sizeof(head) + head.name_size + head.value_size;
	return 1;
}

static int same_name(const struct record *r, const char *name, size_t n)
{
	return r->name_size == n && memcmp(r->name, name, n) == 0;
}

enum snapshot_result snapshot_check(const uint8_t *data, size_t size)
{
	const struct snapshot s = { (uint8_t *)data, size };
	struct snapshot_head head;
	struct record r, first;
	size_t at = sizeof(head);
	uint32_t count = 0;

	if (size < sizeof(head) || size > STORE_SNAPSHOT_MAX)
		return SNAPSHOT_BAD;
	memcpy(&head, data, sizeof(head));
	if (head.magic != SNAPSHOT_MAGIC)
		return SNAPSHOT_BAD;
	for (; at < size; count++)
		if (!read_record(data, size, &at, &r) ||
		    !snapshot_name_ok(r.name, r.name_size, SNAPSHOT_NAME_MAX))
			return SNAPSHOT_BAD;
	if (count != head.count)
		return SNAPSHOT_BAD;
	for (at = 0; snapshot_next(&s, &at, &r);)
		if (!snapshot_find(&s, r.name, r.name_size, &first) || first.name != r.name)
			return SNAPSHOT_BAD;
	return SNAPSHOT_OK;
}

int snapshot_next(const struct snapshot *s, size_t *at, struct record *out)
{
	if (*at == 0)
		*at = sizeof(struct snapshot_head);
	return *at < s->size && read_record(s->data, s->size, at, out);
}

int snapshot_find(const struct snapshot *s, const char *name, size_t name_size, struct record *out)
{
	size_t at = 0;

	while (snapshot_next(s, &at, out))
		if (same_name(out, name, name_size))
			return 1;
	return 0;
}

static void append(struct snapshot *to, const struct record *r)
{
	const struct record_head head = { (uint32_t)r->value_size, (uint32_t)r->name_size };
	uint8_t *p = to->data + to->size;

	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), r->name, r->name_size);
	if (r->value_size)
		memcpy(p + sizeof(head) + r->name_size, r->value, r->value_size);
	to->size += sizeof(head) + r->name_size + r->value_size;
}

enum snapshot_result snapshot_set(const struct snapshot *from, struct snapshot *to,
				  const char *name, size_t name_size, const uint8_t *value,
				  size_t value_size)
{
	struct snapshot_head head = { .magic = SNAPSHOT_MAGIC };
	const struct record new = { name, value, name_size, value_size };
	struct record r;
	size_t at = 0;

	if (!snapshot_name_ok(name, name_size, SNAPSHOT_NAME_MAX))
		return SNAPSHOT_BAD;
	snapshot_empty(to);
	while (snapshot_next(from, &at, &r)) {
		if (same_name(&r, name, name_size))
			continue;
		append(to, &r);
		head.count++;
	}
	if (value) {
		if (value_size > STORE_SNAPSHOT_MAX - to->size ||
		    STORE_SNAPSHOT_MAX - to->size - value_size <
			    sizeof(struct record_head) + name_size)
			return SNAPSHOT_FULL;
		append(to, &new);
		head.count++;
	}
	memcpy(to->data, &head, sizeof(head));
	return SNAPSHOT_OK;
}
