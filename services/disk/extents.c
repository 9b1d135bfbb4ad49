// SPDX-License-Identifier: Apache-2.0
/* Proto "blk" of the vaults: ciphertext to and from the extents of their TVD. */
#include <stdlib.h>
#include <string.h>

#include "lib/component.h"
#include "services/disk/state.h"

#define TABLE "disk/volumes"

enum store_result disk_load_volumes(struct disk *d)
{
	struct record r;

	volumes_init(&d->volumes, d->header.blocks);
	if (!store_get(&d->store, TABLE, strlen(TABLE), &r))
		return STORE_OK;
	return volumes_parse(&d->volumes, r.value, r.value_size) == VOLUMES_OK ? STORE_OK
									       : STORE_DAMAGED;
}

/* On failure the table is again what the store has. */
enum chan_status disk_save_volumes(struct disk *d)
{
	static uint8_t bytes[VOLUMES_BYTES];
	enum store_result r;

	store_begin(&d->store);
	r = store_set(&d->store, TABLE, strlen(TABLE), bytes, volumes_write(&d->volumes, bytes));
	if (r == STORE_OK)
		r = store_commit(&d->store);
	if (r == STORE_OK)
		return CS_OK;
	(void)disk_load_volumes(d);
	return r == STORE_FULL ? CS_NO_SPACE : CS_IO;
}

/* ---- volumes ---- */

static struct volume_info info_of(const struct volume *v)
{
	struct volume_info info = { .blocks = v->blocks, .number = v->number, .flags = v->flags };

	memcpy(info.uuid, v->uuid, sizeof(info.uuid));
	return info;
}

static void create_volume(struct disk *d, struct chan *c, const struct msg *m,
			  const struct volume_info *want)
{
	uint32_t before = d->volumes.count;
	enum chan_status s = CS_OK;
	struct volume_info info;
	struct volume *v;

	switch (volumes_create(&d->volumes, chan_tag(c), want->uuid, want->blocks, &v)) {
	case VOLUMES_OK:
		info = info_of(v);
		if (d->volumes.count != before)
			s = disk_save_volumes(d);
		chan_answer(c, m, s, 0, &info, s == CS_OK ? sizeof(info) : 0);
		return;
	case VOLUMES_EXISTS:
		s = CS_EXISTS;
		break;
	case VOLUMES_FULL:
		s = CS_NO_SPACE;
		break;
	default:
		s = CS_BAD_REQUEST;
	}
	chan_answer(c, m, s, 0, NULL, 0);
}

static void remove_volume(struct disk *d, struct chan *c, const struct msg *m,
			  const struct volume_info *which)
{
	if (volumes_delete(&d->volumes, chan_tag(c), which->uuid) != VOLUMES_OK)
		chan_answer(c, m, CS_NOT_FOUND, 0, NULL, 0);
	else
		chan_answer(c, m, disk_save_volumes(d), 0, NULL, 0);
}

static void ready(struct disk *d, struct chan *c, const struct msg *m,
		  const struct volume_info *which)
{
	if (volumes_ready(&d->volumes, chan_tag(c), which->uuid) != VOLUMES_OK)
		chan_answer(c, m, CS_NOT_FOUND, 0, NULL, 0);
	else
		chan_answer(c, m, disk_save_volumes(d), 0, NULL, 0);
}

static void list(struct disk *d, struct chan *c, const struct msg *m)
{
	static struct volume_info out[VOLUMES_MAX];
	size_t n = 0;

	for (uint32_t i = 0; i < d->volumes.count; i++)
		if (d->volumes.volume[i].tag == chan_tag(c))
			out[n++] = info_of(&d->volumes.volume[i]);
	chan_answer(c, m, CS_OK, 0, out, n * sizeof(out[0]));
}

static void serve_volume(struct disk *d, struct chan *c, const struct msg *m,
			 const uint8_t *payload, size_t n)
{
	struct volume_info which;

	if (n != sizeof(which)) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
		return;
	}
	memcpy(&which, payload, sizeof(which));
	if (m->type == VOLUME_CREATE)
		create_volume(d, c, m, &which);
	else if (m->type == VOLUME_DELETE)
		remove_volume(d, c, m, &which);
	else
		ready(d, c, m, &which);
}

/* ---- blocks ---- */

struct transfer { /* one request of a vault, in one or more parts at the driver */
	struct chan *chan;
	struct msg request;
	unsigned parts; /* not answered yet */
	enum chan_status status;
	size_t n;
	uint8_t *data; /* of a read */
};

static void finish(struct transfer *t)
{
	if (t->chan)
		chan_answer(t->chan, &t->request, t->status, 0, t->data,
			    t->status == CS_OK ? t->n : 0);
	free(t->data);
	free(t);
}

static void part_done(struct blkq_request *r, enum chan_status status, const uint8_t *data,
		      size_t n)
{
	struct transfer *t = r->owner;

	if (status != CS_OK)
		t->status = status;
	else if (r->type == BLK_READ)
		memcpy(t->data + r->word[0], data, n);
	if (--t->parts == 0)
		finish(t);
}

/* Hands one run of the transfer to the driver; `at`: blocks of it that went before. */
static void submit(struct disk *d, struct transfer *t, uint64_t block, uint32_t at, uint32_t count,
		   const uint8_t *data)
{
	struct blkq_request r = { .type = t->request.type,
				  .block = block,
				  .span = { 0, count },
				  .done = part_done,
				  .owner = t,
				  .word = { (uint64_t)at * BLK_SIZE } };
	bool write = r.type == BLK_WRITE;

	t->parts++;
	if (blkq_submit(&d->queue, &r, write ? data + (size_t)at * BLK_SIZE : NULL,
			write ? (size_t)count * BLK_SIZE : 0) == 0)
		return;
	t->parts--;
	t->status = CS_NO_SPACE;
}

static struct transfer *new_transfer(struct chan *c, const struct msg *m, size_t n)
{
	struct transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->chan = c;
	t->request = *m;
	t->n = n;
	t->data = n ? malloc(n) : NULL;
	if (!n || t->data)
		return t;
	free(t);
	return NULL;
}

static void transfer(struct disk *d, struct chan *c, const struct msg *m, const struct volume *v,
		     uint32_t count, const uint8_t *data)
{
	struct transfer *t = new_transfer(c, m, m->type == BLK_READ ? (size_t)count * BLK_SIZE : 0);
	uint64_t block;
	uint32_t run;

	if (!t) {
		chan_answer(c, m, CS_NO_SPACE, 0, NULL, 0);
		return;
	}
	t->parts = 1; /* until all are handed over */
	for (uint32_t at = 0; at < count && volume_locate(v, m->arg + at, count - at, &block, &run);
	     at += run)
		submit(d, t, block, at, run, data);
	if (--t->parts == 0)
		finish(t);
}

static void flush(struct disk *d, struct chan *c, const struct msg *m)
{
	struct transfer *t = new_transfer(c, m, 0);

	if (!t) {
		chan_answer(c, m, CS_NO_SPACE, 0, NULL, 0);
		return;
	}
	t->parts = 1;
	submit(d, t, 0, 0, 0, NULL);
	if (--t->parts == 0)
		finish(t);
}

static void inform(struct chan *c, const struct msg *m, const struct volume *v)
{
	struct blk_info info = { .blocks = v->blocks, .max_count = BLK_MAX_COUNT };

	memcpy(info.id, v->uuid, sizeof(info.id));
	chan_answer(c, m, CS_OK, 0, &info, sizeof(info));
}

/* The span is well formed, the volume this TVD's, the blocks inside it. */
static void serve_blocks(struct disk *d, struct chan *c, const struct msg *m,
			 const uint8_t *payload, size_t n)
{
	const struct volume *v;
	struct blk_span span;
	uint64_t block;
	uint32_t run;

	if (n < sizeof(span)) {
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
		return;
	}
	memcpy(&span, payload, sizeof(span));
	v = volumes_find(&d->volumes, chan_tag(c), span.volume);
	n -= sizeof(span);
	if (m->type == BLK_FLUSH)
		flush(d, c, m);
	else if (!v)
		chan_answer(c, m, CS_DENIED, 0, NULL, 0);
	else if (m->type == BLK_INFO)
		inform(c, m, v);
	else if (!span.count || span.count > BLK_MAX_COUNT ||
		 n != (m->type == BLK_WRITE ? (size_t)span.count * BLK_SIZE : 0) ||
		 !volume_locate(v, m->arg, span.count, &block, &run))
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	else
		transfer(d, c, m, v, span.count, payload + sizeof(span));
}

void disk_serve_blk(struct disk *d, struct chan *c, const struct msg *m, const uint8_t *payload,
		    size_t n)
{
	if (d->status.state != DISK_OPEN) {
		chan_answer(c, m, CS_STATE, 0, d->status.text, strlen(d->status.text));
		return;
	}
	switch (m->type) {
	case VOLUME_LIST:
		list(d, c, m);
		return;
	case VOLUME_CREATE:
	case VOLUME_DELETE:
	case VOLUME_READY:
		serve_volume(d, c, m, payload, n);
		return;
	case BLK_INFO:
	case BLK_READ:
	case BLK_WRITE:
	case BLK_FLUSH:
	case BLK_DISCARD:
		serve_blocks(d, c, m, payload, n);
		return;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

void disk_forget(struct disk *d, struct chan *c)
{
	for (struct blkq_slot *s = d->queue.slot; s < d->queue.slot + BLKQ_DEPTH; s++) {
		struct transfer *t = s->id ? s->request.owner : NULL;

		if (t && t->chan == c)
			t->chan = NULL;
	}
}
