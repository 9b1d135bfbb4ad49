// SPDX-License-Identifier: Apache-2.0
/* Proto "store": each client has the records "<its name>/..." and sees no others. */
#include <stdio.h>
#include <string.h>

#include "lib/component.h"
#include "services/disk/state.h"

static void answer_text(struct chan *c, const struct msg *m, enum chan_status s, const char *text)
{
	chan_answer(c, m, s, 0, text, strlen(text));
}

static int is(const struct chan *c, const char *peer)
{
	return strcmp(chan_peer(c), peer) == 0;
}

/* The record's full name; its length, or 0 if a client may not choose that. */
static size_t full_name(const struct chan *c, const char *name, size_t n,
			char out[SNAPSHOT_NAME_MAX])
{
	const char *peer = chan_peer(c);
	size_t prefix = strlen(peer);

	if (!snapshot_name_ok(name, n, STORE_NAME_MAX) || prefix + 1 + n > SNAPSHOT_NAME_MAX)
		return 0;
	memcpy(out, peer, prefix);
	out[prefix] = '/';
	memcpy(out + prefix + 1, name, n);
	return prefix + 1 + n;
}

static void get(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		size_t n)
{
	char name[SNAPSHOT_NAME_MAX];
	size_t length = full_name(c, (const char *)payload, n, name);
	struct record r;

	if (!length)
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	else if (!store_get(&d->store, name, length, &r))
		chan_answer(c, m, CS_NOT_FOUND, 0, NULL, 0);
	else
		chan_answer(c, m, CS_OK, 0, r.value, r.value_size);
}

static enum chan_status status_of(enum store_result r)
{
	switch (r) {
	case STORE_OK:
		return CS_OK;
	case STORE_FULL:
		return CS_NO_SPACE;
	case STORE_BAD:
		return CS_BAD_REQUEST;
	default:
		return CS_IO;
	}
}

/* One (struct store_item, name, value) at *at. */
static enum chan_status put_one(struct disk *d, const struct chan *c, const uint8_t *payload,
				size_t n, size_t *at)
{
	char name[SNAPSHOT_NAME_MAX];
	struct store_item item;
	const uint8_t *value;
	size_t length;

	if (n - *at < sizeof(item))
		return CS_BAD_REQUEST;
	memcpy(&item, payload + *at, sizeof(item));
	*at += sizeof(item);
	if (item.name_size > n - *at)
		return CS_BAD_REQUEST;
	length = full_name(c, (const char *)payload + *at, item.name_size, name);
	*at += item.name_size;
	value = item.value_size == STORE_DELETE ? NULL : payload + *at;
	if (!length || (value && item.value_size > n - *at))
		return CS_BAD_REQUEST;
	if (value)
		*at += item.value_size;
	return status_of(store_set(&d->store, name, length, value, value ? item.value_size : 0));
}

static void put(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		size_t n)
{
	enum chan_status s = n ? CS_OK : CS_BAD_REQUEST;
	size_t at = 0;

	store_begin(&d->store);
	while (s == CS_OK && at < n)
		s = put_one(d, c, payload, n, &at);
	if (s == CS_OK)
		s = status_of(store_commit(&d->store));
	chan_answer(c, m, s, 0, NULL, 0);
}

static void list(struct disk *d, struct chan *c, const struct msg *m)
{
	static uint8_t out[65536];
	const size_t prefix = strlen(chan_peer(c)) + 1;
	struct record r;
	size_t at = 0, n = 0;

	while (snapshot_next(&d->store.valid, &at, &r)) {
		struct store_item item = { .value_size = (uint32_t)r.value_size,
					   .name_size = (uint32_t)(r.name_size - prefix) };

		if (r.name_size <= prefix || memcmp(r.name, chan_peer(c), prefix - 1) != 0 ||
		    r.name[prefix - 1] != '/')
			continue;
		if (n + sizeof(item) + item.name_size > sizeof(out)) {
			chan_answer(c, m, CS_NO_SPACE, 0, NULL, 0);
			return;
		}
		memcpy(out + n, &item, sizeof(item));
		memcpy(out + n + sizeof(item), r.name + prefix, item.name_size);
		n += sizeof(item) + item.name_size;
	}
	chan_answer(c, m, CS_OK, 0, out, n);
}

static void status(struct disk *d, struct chan *c, const struct msg *m)
{
	d->status.free_blocks = d->status.state == DISK_OPEN
					? (uint64_t)volumes_free_units(&d->volumes) * DISK_UNIT
					: 0;
	chan_answer(c, m, CS_OK, 0, &d->status, sizeof(d->status));
}

static void format(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		   size_t n)
{
	char text[256] = "malformed";
	enum chan_status s = disk_format(d, payload, n, text);

	if (s == CS_OK) {
		log_line("formatted; %s", d->status.text);
		status(d, c, m);
	} else {
		log_line("format refused: %s", text);
		answer_text(c, m, s, text);
	}
}

static void approve(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		    size_t n)
{
	char text[256] = "";
	enum chan_status s = disk_approve(d, payload, n, text);

	log_line(s == CS_OK ? "%u approvals taken%s" : "%u approvals kept, new ones refused: %s",
		 (unsigned)d->header.approvals, text);
	answer_text(c, m, s, text);
}

static void purge(struct disk *d, struct chan *c, const struct msg *m)
{
	const uint32_t removed = volumes_purge(&d->volumes, m->arg);

	chan_answer(c, m, removed ? disk_save_volumes(d) : CS_OK, removed, NULL, 0);
}

static int may(const struct chan *c, uint16_t type)
{
	switch (type) {
	case DISK_FORMAT:
	case DISK_APPROVE:
		return is(c, "tmc");
	case DISK_PURGE:
		return is(c, "policy");
	default:
		return is(c, "tmc") || is(c, "policy");
	}
}

static void serve_open(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		       size_t n)
{
	switch (m->type) {
	case DISK_APPROVE:
		approve(d, c, m, payload, n);
		break;
	case DISK_PURGE:
		purge(d, c, m);
		break;
	case STORE_GET:
		get(d, c, m, payload, n);
		break;
	case STORE_PUT:
		put(d, c, m, payload, n);
		break;
	case STORE_LIST:
		list(d, c, m);
		break;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

void disk_serve_store(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		      size_t n)
{
	if (!may(c, m->type))
		chan_answer(c, m, CS_DENIED, 0, NULL, 0);
	else if (m->type == DISK_STATUS)
		status(d, c, m);
	else if (m->type == DISK_FORMAT)
		format(d, c, m, payload, n);
	else if (d->status.state != DISK_OPEN)
		answer_text(c, m, CS_STATE, d->status.text);
	else
		serve_open(d, c, m, payload, n);
}
