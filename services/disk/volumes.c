// SPDX-License-Identifier: Apache-2.0
#include "services/disk/volumes.h"

#include <stdlib.h>
#include <string.h>

#define VERSION 1u

struct volume_head { /* in the record */
	uint8_t uuid[16];
	uint64_t tag;
	uint64_t blocks;
	uint32_t number;
	uint16_t runs;
	uint16_t flags;
};
_Static_assert(sizeof(struct volume_head) == 40, "volume_head");

static uint64_t units_of(uint64_t blocks)
{
	return blocks / DISK_UNIT + (blocks % DISK_UNIT != 0);
}

void volumes_init(struct volumes *v, uint64_t device_blocks)
{
	uint64_t units = device_blocks < DISK_DATA ? 0 : (device_blocks - DISK_DATA) / DISK_UNIT;

	v->units = units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
	v->count = 0;
}

/* First unit at or after `from` that no volume has, and how many free ones follow. 0 units: none. */
static struct run free_run(const struct volumes *v, uint32_t from)
{
	uint64_t start = from, end = v->units;
	bool moved = true;

	while (moved) {
		moved = false;
		for (uint32_t i = 0; i < v->count; i++)
			for (uint32_t r = 0; r < v->volume[i].runs; r++) {
				const struct run *run = &v->volume[i].run[r];

				if (start >= run->first &&
				    start < (uint64_t)run->first + run->units) {
					start = (uint64_t)run->first + run->units;
					moved = true;
				}
			}
	}
	for (uint32_t i = 0; i < v->count; i++)
		for (uint32_t r = 0; r < v->volume[i].runs; r++)
			if (v->volume[i].run[r].first >= start && v->volume[i].run[r].first < end)
				end = v->volume[i].run[r].first;
	if (start >= end)
		return (struct run){ 0, 0 };
	return (struct run){ (uint32_t)start, (uint32_t)(end - start) };
}

uint32_t volumes_free_units(const struct volumes *v)
{
	uint64_t used = 0;

	for (uint32_t i = 0; i < v->count; i++)
		for (uint32_t r = 0; r < v->volume[i].runs; r++)
			used += v->volume[i].run[r].units;
	return (uint32_t)(v->units - used);
}

/* Units for a volume that is not in the table yet: one run if there is one, else the free runs in order. */
static bool allocate(const struct volumes *v, struct volume *new)
{
	uint64_t wanted = units_of(new->blocks), missing = wanted;
	struct run run;

	for (run = free_run(v, 0); run.units; run = free_run(v, run.first + run.units))
		if (run.units >= wanted) {
			new->runs = 1;
			new->run[0] = (struct run){ run.first, (uint32_t)wanted };
			return true;
		}
	new->runs = 0;
	for (run = free_run(v, 0); run.units && missing && new->runs < VOLUME_RUNS;
	     run = free_run(v, run.first + run.units)) {
		if (run.units > missing)
			run.units = (uint32_t)missing;
		new->run[new->runs++] = run;
		missing -= run.units;
	}
	return missing == 0;
}

static struct volume *by_uuid(struct volumes *v, const uint8_t uuid[16])
{
	for (uint32_t i = 0; i < v->count; i++)
		if (memcmp(v->volume[i].uuid, uuid, 16) == 0)
			return &v->volume[i];
	return NULL;
}

static bool number_taken(const struct volumes *v, uint32_t number)
{
	for (uint32_t i = 0; i < v->count; i++)
		if (v->volume[i].number == number)
			return true;
	return false;
}

static uint32_t free_number(const struct volumes *v)
{
	uint32_t number = 1;

	while (number_taken(v, number))
		number++;
	return number;
}

enum volumes_result volumes_create(struct volumes *v, uint64_t tag, const uint8_t uuid[16],
				   uint64_t blocks, struct volume **out)
{
	struct volume *there = by_uuid(v, uuid), *new = &v->volume[v->count];

	*out = there;
	if (there)
		return there->tag == tag && there->blocks == blocks ? VOLUMES_OK : VOLUMES_EXISTS;
	if (!blocks)
		return VOLUMES_BAD;
	if (v->count == VOLUMES_MAX || units_of(blocks) > volumes_free_units(v))
		return VOLUMES_FULL;
	memset(new, 0, sizeof(*new));
	memcpy(new->uuid, uuid, 16);
	new->tag = tag;
	new->blocks = blocks;
	new->number = free_number(v);
	new->flags = VOLUME_FRESH;
	if (!allocate(v, new))
		return VOLUMES_FULL;
	v->count++;
	*out = new;
	return VOLUMES_OK;
}

static void drop(struct volumes *v, uint32_t i)
{
	v->count--;
	if (i != v->count)
		v->volume[i] = v->volume[v->count];
}

enum volumes_result volumes_delete(struct volumes *v, uint64_t tag, const uint8_t uuid[16])
{
	struct volume *there = by_uuid(v, uuid);

	if (!there || there->tag != tag)
		return VOLUMES_ABSENT;
	drop(v, (uint32_t)(there - v->volume));
	return VOLUMES_OK;
}

enum volumes_result volumes_ready(struct volumes *v, uint64_t tag, const uint8_t uuid[16])
{
	struct volume *there = by_uuid(v, uuid);

	if (!there || there->tag != tag)
		return VOLUMES_ABSENT;
	there->flags = 0;
	return VOLUMES_OK;
}

uint32_t volumes_purge(struct volumes *v, uint64_t tag)
{
	uint32_t removed = 0;

	for (uint32_t i = 0; i < v->count;)
		if (v->volume[i].tag == tag) {
			drop(v, i);
			removed++;
		} else {
			i++;
		}
	return removed;
}

const struct volume *volumes_find(const struct volumes *v, uint64_t tag, uint32_t number)
{
	for (uint32_t i = 0; i < v->count; i++)
		if (v->volume[i].number == number)
			return v->volume[i].tag == tag ? &v->volume[i] : NULL;
	return NULL;
}

bool volume_locate(const struct volume *volume, uint64_t block, uint32_t count,
		   uint64_t *device_block, uint32_t *run)
{
	if (block >= volume->blocks || count > volume->blocks - block)
		return false;
	for (uint32_t r = 0; r < volume->runs; r++) {
		uint64_t here = (uint64_t)volume->run[r].units * DISK_UNIT;

		if (block < here) {
			*device_block =
				DISK_DATA + (uint64_t)volume->run[r].first * DISK_UNIT + block;
			*run = here - block < count ? (uint32_t)(here - block) : count;
			return true;
		}
		block -= here;
	}
	return false;
}

/* ---- the record ---- */

size_t volumes_write(const struct volumes *v, uint8_t *out)
{
	const uint32_t begin[2] = { VERSION, v->count };
	size_t at = sizeof(begin);

	memcpy(out, begin, sizeof(begin));
	for (uint32_t i = 0; i < v->count; i++) {
		const struct volume *from = &v->volume[i];
		struct volume_head head = { .tag = from->tag,
					    .blocks = from->blocks,
					    .number = from->number,
					    .runs = from->runs,
					    .flags = from->flags };

		memcpy(head.uuid, from->uuid, 16);
		memcpy(out + at, &head, sizeof(head));
		at += sizeof(head);
		memcpy(out + at, from->run, from->runs * sizeof(struct run));
		at += from->runs * sizeof(struct run);
	}
	return at;
}

static bool overlaps(const struct volumes *v, const struct run *run)
{
	for (uint32_t i = 0; i < v->count; i++)
		for (uint32_t r = 0; r < v->volume[i].runs; r++) {
			const struct run *other = &v->volume[i].run[r];

			if ((uint64_t)run->first < (uint64_t)other->first + other->units &&
			    (uint64_t)other->first < (uint64_t)run->first + run->units)
				return true;
		}
	return false;
}

/* Runs of one volume: inside, not doubled, as many units as its size needs. */
static bool runs_ok(const struct volumes *v, const struct volume *new)
{
	uint64_t units = 0;

	for (uint32_t r = 0; r < new->runs; r++) {
		const struct run *run = &new->run[r];

		if (!run->units || run->first >= v->units || run->units > v->units - run->first ||
		    overlaps(v, run))
			return false;
		for (uint32_t q = 0; q < r; q++)
			if (run->first < new->run[q].first + new->run[q].units &&new->run[q].first <
			    run->first + run->units)
				return false;
		units += run->units;
	}
	return new->blocks &&units == units_of(new->blocks);
}

/* One volume at *at into the table. */
static bool parse_one(struct volumes *v, const uint8_t *data, size_t size, size_t *at)
{
	struct volume *new = &v->volume[v->count];
	struct volume_head head;

	if (size - *at < sizeof(head))
		return false;
	memcpy(&head, data + *at, sizeof(head));
	*at += sizeof(head);
	if (!head.number || head.runs > VOLUME_RUNS || head.flags > VOLUME_FRESH ||
	    size - *at < head.runs * sizeof(struct run) || by_uuid(v, head.uuid) ||
	    number_taken(v, head.number))
		return false;
	memset(new, 0, sizeof(*new));
	memcpy(new->uuid, head.uuid, 16);
	new->tag = head.tag;
	new->blocks = head.blocks;
	new->number = head.number;
	new->runs = head.runs;
	new->flags = head.flags;
	memcpy(new->run, data + *at, head.runs * sizeof(struct run));
	*at += head.runs * sizeof(struct run);
	if (!runs_ok(v, new))
		return false;
	v->count++;
	return true;
}

enum volumes_result volumes_parse(struct volumes *v, const uint8_t *data, size_t size)
{
	uint32_t begin[2];
	size_t at = sizeof(begin);

	v->count = 0;
	if (size < sizeof(begin))
		return VOLUMES_BAD;
	memcpy(begin, data, sizeof(begin));
	if (begin[0] != VERSION || begin[1] > VOLUMES_MAX)
		return VOLUMES_BAD;
	for (uint32_t i = 0; i < begin[1]; i++)
		if (!parse_one(v, data, size, &at)) {
			v->count = 0;
			return VOLUMES_BAD;
		}
	if (at == size)
		return VOLUMES_OK;
	v->count = 0;
	return VOLUMES_BAD;
}
