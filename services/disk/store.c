// SPDX-License-Identifier: Apache-2.0
#include "services/disk/store.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

_Static_assert(sizeof(struct slot_head) + STORE_SNAPSHOT_MAX <= DISK_SLOT_BLOCKS * BLK_SIZE,
	       "a snapshot fits its slot");

static const uint8_t zero_nonce[12];

enum store_result store_init(struct store *s, const struct device *d, const uint8_t key[DISK_KEY],
			     const uint8_t uuid[16], void (*random)(void *p, size_t n))
{
	memset(s, 0, sizeof(*s));
	s->device = *d;
	s->random = random;
	memcpy(s->uuid, uuid, sizeof(s->uuid));
	disk_derive(key, uuid, "redoubt/1 store", NULL, 0, s->key);
	s->valid.data = malloc(STORE_SNAPSHOT_MAX);
	s->next.data = malloc(STORE_SNAPSHOT_MAX);
	s->block = calloc(DISK_SLOT_BLOCKS, BLK_SIZE);
	if (!s->valid.data || !s->next.data || !s->block)
		return STORE_MEMORY;
	snapshot_empty(&s->valid);
	return STORE_OK;
}

static int set_key(const struct store *s, const struct slot_head *head, mbedtls_gcm_context *gcm)
{
	uint8_t key[32];
	int rc;

	mbedtls_gcm_init(gcm);
	disk_derive(s->key, s->uuid, "redoubt/1 commit", head->salt, sizeof(head->salt), key);
	rc = mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
	mbedtls_platform_zeroize(key, sizeof(key));
	return rc;
}

/* Encrypts `snapshot` with its head into s->block; bytes in all, or 0. */
static size_t seal(struct store *s, const struct snapshot *snapshot, uint64_t sequence)
{
	struct slot_head head = { .magic = SLOT_MAGIC,
				  .version = SLOT_VERSION,
				  .length = (uint32_t)snapshot->size,
				  .sequence = sequence };
	mbedtls_gcm_context gcm;
	int rc;

	s->random(head.salt, sizeof(head.salt));
	rc = set_key(s, &head, &gcm);
	if (!rc)
		rc = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, snapshot->size,
					       zero_nonce, sizeof(zero_nonce), (uint8_t *)&head,
					       offsetof(struct slot_head, tag), snapshot->data,
					       s->block + sizeof(head), sizeof(head.tag), head.tag);
	mbedtls_gcm_free(&gcm);
	memcpy(s->block, &head, sizeof(head));
	return rc ? 0 : sizeof(head) + snapshot->size;
}

static int write_slot(struct store *s, unsigned slot, size_t size)
{
	uint32_t blocks = (uint32_t)((size + BLK_SIZE - 1) / BLK_SIZE);

	memset(s->block + size, 0, (size_t)blocks * BLK_SIZE - size);
	for (uint32_t at = 0; at < blocks; at += BLK_MAX_COUNT) {
		uint32_t n = blocks - at > BLK_MAX_COUNT ? BLK_MAX_COUNT : blocks - at;

		if (s->device.write(s->device.arg, DISK_SLOT(slot) + at, n,
				    s->block + (size_t)at * BLK_SIZE) != 0)
			return -1;
	}
	return s->device.flush(s->device.arg);
}

static int read_slot(struct store *s, unsigned slot, struct slot_head *head)
{
	uint32_t blocks = 1;

	for (uint32_t at = 0; at < blocks;) {
		uint32_t n = blocks - at > BLK_MAX_COUNT ? BLK_MAX_COUNT : blocks - at;

		if (s->device.read(s->device.arg, DISK_SLOT(slot) + at, n,
				   s->block + (size_t)at * BLK_SIZE) != 0)
			return -1;
		if (at == 0)
			memcpy(head, s->block, sizeof(*head));
		at += n;
		if (head->magic == SLOT_MAGIC && head->length <= STORE_SNAPSHOT_MAX)
			blocks = (uint32_t)((sizeof(*head) + head->length + BLK_SIZE - 1) /
					    BLK_SIZE);
	}
	return 0;
}

/* Decrypts the slot in s->block; 1 if it is intact. */
static int open_slot(struct store *s, const struct slot_head *head, struct snapshot *out)
{
	mbedtls_gcm_context gcm;
	int rc;

	if (head->magic != SLOT_MAGIC || head->version != SLOT_VERSION ||
	    head->length > STORE_SNAPSHOT_MAX)
		return 0;
	rc = set_key(s, head, &gcm);
	if (!rc)
		rc = mbedtls_gcm_auth_decrypt(&gcm, head->length, zero_nonce, sizeof(zero_nonce),
					      (const uint8_t *)head,
					      offsetof(struct slot_head, tag), head->tag,
					      sizeof(head->tag), s->block + sizeof(*head),
					      out->data);
	mbedtls_gcm_free(&gcm);
	out->size = head->length;
	return rc == 0 && snapshot_check(out->data, out->size) == SNAPSHOT_OK;
}

static void swap(struct store *s)
{
	struct snapshot old = s->valid;

	s->valid = s->next;
	s->next = old;
}

enum store_result store_open(struct store *s)
{
	unsigned intact = 0;

	s->sequence = 0;
	s->damaged = 0;
	for (unsigned slot = 0; slot < 2; slot++) {
		struct slot_head head = { 0 };

		if (read_slot(s, slot, &head) != 0)
			return STORE_IO;
		if (!open_slot(s, &head, &s->next)) {
			s->damaged++;
			continue;
		}
		if (intact++ && head.sequence <= s->sequence)
			continue;
		swap(s);
		s->sequence = head.sequence;
		s->slot = slot;
	}
	return intact ? STORE_OK : STORE_DAMAGED;
}

int store_get(const struct store *s, const char *name, size_t name_size, struct record *out)
{
	return snapshot_find(&s->valid, name, name_size, out);
}

void store_begin(struct store *s)
{
	memcpy(s->next.data, s->valid.data, s->valid.size);
	s->next.size = s->valid.size;
}

/* The I/O buffer holds the intermediate snapshot: the slot's size covers it. */
enum store_result store_set(struct store *s, const char *name, size_t name_size,
			    const uint8_t *value, size_t value_size)
{
	struct snapshot changed = { .data = s->block };
	enum snapshot_result r =
		snapshot_set(&s->next, &changed, name, name_size, value, value_size);

	if (r != SNAPSHOT_OK)
		return r == SNAPSHOT_FULL ? STORE_FULL : STORE_BAD;
	memcpy(s->next.data, changed.data, changed.size);
	s->next.size = changed.size;
	return STORE_OK;
}

enum store_result store_commit(struct store *s)
{
	unsigned slot = 1 - s->slot;
	size_t size = seal(s, &s->next, s->sequence + 1);

	if (!size)
		return STORE_BAD;
	s->sequence++;
	if (write_slot(s, slot, size) != 0)
		return STORE_IO;
	s->slot = slot;
	swap(s);
	return STORE_OK;
}

enum store_result store_format(struct store *s)
{
	enum store_result r;

	snapshot_empty(&s->next);
	r = store_commit(s);
	if (r != STORE_OK)
		return r;
	store_begin(s);
	return store_commit(s);
}
