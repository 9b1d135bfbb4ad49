// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "lib/component.h"
#include "services/vault/state.h"

#define CLEARED 256u /* blocks at each end of a new volume */

static struct {
	struct blk_span span;
	uint8_t data[BLK_MAX_COUNT * BLK_SIZE];
} out;

struct volume *volume_find(struct vault *v, const uint8_t uuid[16])
{
	for (struct volume *p = v->volume; p < v->volume + VAULT_VOLUMES; p++)
		if (p->number && memcmp(p->uuid, uuid, 16) == 0)
			return p;
	return NULL;
}

static struct volume *add(struct vault *v, const struct volume_info *info)
{
	for (struct volume *p = v->volume; p < v->volume + VAULT_VOLUMES; p++) {
		if (p->number)
			continue;
		if (keyring_volume(&v->keyring, info->uuid, &p->key) != 0)
			return NULL;
		memcpy(p->uuid, info->uuid, sizeof(p->uuid));
		p->blocks = info->blocks;
		p->number = info->number;
		p->fresh = info->flags & VOLUME_FRESH;
		v->status.volumes++;
		return p;
	}
	return NULL;
}

enum chan_status volume_load(struct vault *v)
{
	static struct volume_info list[VAULT_VOLUMES];
	size_t n = 0;
	enum chan_status s = chan_call(v->disk, VOLUME_LIST, 0, NULL, 0, list, sizeof(list), &n);

	for (size_t i = 0; s == CS_OK && i < n / sizeof(list[0]); i++)
		if (!volume_find(v, list[i].uuid) && !add(v, &list[i]))
			s = CS_NO_SPACE;
	return s;
}

struct volume *volume_ensure(struct vault *v, const uint8_t uuid[16], uint64_t blocks,
			     enum chan_status *status)
{
	struct volume *there = volume_find(v, uuid);
	struct volume_info info = { .blocks = blocks };
	size_t n = 0;

	*status = there && there->blocks != blocks ? CS_EXISTS : CS_OK;
	if (there)
		return *status == CS_OK ? there : NULL;
	memcpy(info.uuid, uuid, sizeof(info.uuid));
	*status =
		chan_call(v->disk, VOLUME_CREATE, 0, &info, sizeof(info), &info, sizeof(info), &n);
	if (*status != CS_OK)
		return NULL;
	there = n == sizeof(info) ? add(v, &info) : NULL;
	if (!there)
		*status = CS_NO_SPACE;
	return there;
}

static enum chan_status clear_blocks(struct vault *v, struct volume *vol, uint64_t from,
				     uint64_t to)
{
	static const uint8_t zero[BLK_MAX_COUNT * BLK_SIZE];
	enum chan_status s = CS_OK;

	for (uint64_t at = from; s == CS_OK && at < to; at += BLK_MAX_COUNT)
		s = volume_write(v, vol, at,
				 to - at > BLK_MAX_COUNT ? BLK_MAX_COUNT : (uint32_t)(to - at),
				 zero);
	return s;
}

enum chan_status volume_clear(struct vault *v, struct volume *vol)
{
	const uint64_t end = vol->blocks > CLEARED ? CLEARED : vol->blocks;
	struct volume_info info = { .number = 0 };
	enum chan_status s;

	if (!vol->fresh)
		return CS_OK;
	s = clear_blocks(v, vol, 0, end);
	if (s == CS_OK)
		s = clear_blocks(v, vol, vol->blocks - end, vol->blocks);
	if (s == CS_OK)
		s = volume_flush(v);
	memcpy(info.uuid, vol->uuid, sizeof(info.uuid));
	if (s == CS_OK)
		s = chan_call(v->disk, VOLUME_READY, 0, &info, sizeof(info), NULL, 0, NULL);
	if (s == CS_OK)
		vol->fresh = false;
	return s;
}

enum chan_status volume_drop(struct vault *v, const uint8_t uuid[16])
{
	struct volume *there = volume_find(v, uuid);
	struct volume_info info = { .number = 0 };
	enum chan_status s;

	if (!there)
		return CS_NOT_FOUND;
	if (vm_uses_volume(v, there))
		return CS_BUSY;
	memcpy(info.uuid, uuid, sizeof(info.uuid));
	s = chan_call(v->disk, VOLUME_DELETE, 0, &info, sizeof(info), NULL, 0, NULL);
	if (s != CS_OK && s != CS_NOT_FOUND)
		return s;
	xts_wipe(&there->key);
	there->number = 0;
	v->status.volumes--;
	return CS_OK;
}

void volume_encrypt(const struct volume *vol, uint64_t block, uint32_t count, const uint8_t *in,
		    uint8_t *cipher)
{
	for (uint32_t i = 0; i < count; i++)
		if (!xts_encrypt(&vol->key, block + i, in + (size_t)i * BLK_SIZE,
				 cipher + (size_t)i * BLK_SIZE, BLK_SIZE))
			die("AES-XTS refuses a block"); /* never plaintext instead */
}

void volume_decrypt(const struct volume *vol, uint64_t block, uint32_t count, const uint8_t *in,
		    uint8_t *text)
{
	for (uint32_t i = 0; i < count; i++)
		if (!xts_decrypt(&vol->key, block + i, in + (size_t)i * BLK_SIZE,
				 text + (size_t)i * BLK_SIZE, BLK_SIZE))
			die("AES-XTS refuses a block");
}

enum chan_status volume_read(struct vault *v, const struct volume *vol, uint64_t block,
			     uint32_t count, uint8_t *data)
{
	const struct blk_span span = { vol->number, count };
	size_t n = 0;
	enum chan_status s = chan_call(v->disk, BLK_READ, block, &span, sizeof(span), out.data,
				       sizeof(out.data), &n);

	if (s == CS_OK && n != (size_t)count * BLK_SIZE)
		s = CS_IO;
	if (s == CS_OK)
		volume_decrypt(vol, block, count, out.data, data);
	return s;
}

enum chan_status volume_write(struct vault *v, const struct volume *vol, uint64_t block,
			      uint32_t count, const uint8_t *data)
{
	out.span = (struct blk_span){ vol->number, count };
	volume_encrypt(vol, block, count, data, out.data);
	return chan_call(v->disk, BLK_WRITE, block, &out,
			 sizeof(out.span) + (size_t)count * BLK_SIZE, NULL, 0, NULL);
}

enum chan_status volume_flush(struct vault *v)
{
	const struct blk_span span = { 0, 0 };

	return chan_call(v->disk, BLK_FLUSH, 0, &span, sizeof(span), NULL, 0, NULL);
}
