// SPDX-License-Identifier: Apache-2.0
/* Images: sealed chunks of the TOM into a volume, and the proof that the whole is what its name says. */
#include <string.h>

#include "lib/component.h"
#include "services/vault/image.h"
#include "services/vault/state.h"

#define CHUNK_BLOCKS (IMAGE_CHUNK_SIZE / BLK_SIZE)
#define SAVE_EVERY   64u /* chunks: 2 MiB are sent again at most after a crash */

_Static_assert(CHUNK_BLOCKS <= BLK_MAX_COUNT, "a chunk is one request");

uint64_t image_blocks(const struct image *m)
{
	return (m->name.size + BLK_SIZE - 1) / BLK_SIZE;
}

struct image *image_find(struct vault *v, const struct image_name *name)
{
	for (struct image *m = v->image; m < v->image + VAULT_IMAGES; m++)
		if (m->name.size && m->name.size == name->size &&
		    memcmp(m->name.digest, name->digest, sizeof(name->digest)) == 0)
			return m;
	return NULL;
}

static void report(const struct image *m, const struct image_name *name, struct image_status *out)
{
	memset(out, 0, sizeof(*out));
	out->count = image_chunk_count(name->size);
	out->progress = m ? m->progress : IMAGE_ABSENT;
	out->next = m ? m->next : 0;
}

void image_state(struct vault *v, const struct image_name *name, struct image_status *out)
{
	report(image_find(v, name), name, out);
}

/* All chunks are there: the digest decides. */
static void begin_verify(struct image *m)
{
	m->progress = IMAGE_VERIFYING;
	m->checked = 0;
	mbedtls_sha256_init(&m->hash);
	mbedtls_sha256_starts(&m->hash, 0);
}

static enum chan_status load_head(struct vault *v, struct image *m)
{
	static struct image_head head;
	enum chan_status s = volume_read(v, m->volume, 0, 1, (uint8_t *)&head);

	m->next = 0;
	if (s == CS_OK && head.magic == IMAGE_MAGIC && head.version == IMAGE_VERSION &&
	    memcmp(&head.name, &m->name, sizeof(m->name)) == 0 &&
	    head.next <= image_chunk_count(m->name.size))
		m->next = head.next;
	return s;
}

/* The data first, then the word that it is there. */
static enum chan_status save_head(struct vault *v, const struct image *m)
{
	static struct image_head head;
	enum chan_status s = volume_flush(v);

	memset(&head, 0, sizeof(head));
	head.magic = IMAGE_MAGIC;
	head.version = IMAGE_VERSION;
	head.next = m->next;
	head.name = m->name;
	if (s == CS_OK)
		s = volume_write(v, m->volume, 0, 1, (const uint8_t *)&head);
	return s == CS_OK ? volume_flush(v) : s;
}

static enum chan_status open_image(struct vault *v, struct image *m, const struct image_name *name)
{
	uint8_t uuid[KEYS_ID];
	enum chan_status s;

	memset(m, 0, sizeof(*m));
	m->name = *name;
	keyring_image_volume(name->digest, uuid);
	m->volume = volume_ensure(v, uuid, 1 + image_blocks(m), &s);
	if (s == CS_OK)
		s = load_head(v, m);
	if (s != CS_OK) {
		m->name.size = 0;
		return s;
	}
	m->progress = IMAGE_PARTIAL;
	if (m->next == image_chunk_count(name->size))
		begin_verify(m);
	return CS_OK;
}

enum chan_status image_want(struct vault *v, const struct image_name *name,
			    struct image_status *out)
{
	struct image *m = image_find(v, name);
	enum chan_status s = CS_NO_SPACE;

	if (!image_chunk_count(name->size))
		return CS_BAD_REQUEST;
	for (struct image *p = v->image; !m && p < v->image + VAULT_IMAGES; p++)
		if (!p->name.size) {
			s = open_image(v, p, name);
			if (s != CS_OK)
				return s;
			m = p;
		}
	if (!m)
		return s;
	report(m, name, out);
	return CS_OK;
}

enum chan_status image_drop(struct vault *v, const struct image_name *name)
{
	struct image *m = image_find(v, name);
	enum chan_status s;

	if (!m)
		return CS_NOT_FOUND;
	if (vm_uses_image(v, m))
		return CS_BUSY;
	s = volume_drop(v, m->volume->uuid);
	if (s == CS_OK)
		m->name.size = 0;
	return s;
}

static int open_chunk(struct vault *v, const struct image *m, uint32_t index, const uint8_t *sealed,
		      uint32_t n, uint8_t *text)
{
	uint8_t key[32], nonce[SEAL_NONCE], aad[IMAGE_AAD];
	int rc;

	keyring_image(&v->keyring, m->name.digest, key);
	image_chunk_seal(m->name.digest, m->name.size, index, nonce, aad);
	rc = seal_open(key, nonce, aad, sizeof(aad), sealed, n, text);
	wipe(key, sizeof(key));
	return rc;
}

static enum chan_status store_chunk(struct vault *v, struct image *m, uint32_t index,
				    const uint8_t *sealed, uint32_t n)
{
	static uint8_t text[IMAGE_CHUNK_SIZE];
	const uint32_t count = image_chunk_count(m->name.size);
	const uint32_t blocks = (n + BLK_SIZE - 1) / BLK_SIZE;
	enum chan_status s;

	memset(text, 0, sizeof(text));
	if (open_chunk(v, m, index, sealed, n, text) != 0)
		return CS_CORRUPT;
	s = volume_write(v, m->volume, 1 + (uint64_t)index * CHUNK_BLOCKS, blocks, text);
	if (s != CS_OK)
		return s;
	m->next = index + 1;
	if (m->next % SAVE_EVERY == 0 || m->next == count)
		s = save_head(v, m);
	if (s != CS_OK)
		m->next = index;
	else if (m->next == count)
		begin_verify(m);
	return s;
}

enum chan_status image_chunk(struct vault *v, const struct image_name *name, uint64_t index,
			     const uint8_t *sealed, size_t n, struct image_status *out)
{
	struct image *m = image_find(v, name);
	enum chan_status s = CS_OK;
	uint32_t size = index > UINT32_MAX ? 0 : image_chunk_bytes(name->size, (uint32_t)index);

	if (!m)
		s = CS_DENIED;
	else if (!size || n != size + SEAL_TAG)
		s = CS_BAD_REQUEST;
	else if (index > m->next)
		s = CS_STATE;
	else if (index == m->next && m->progress == IMAGE_PARTIAL)
		s = store_chunk(v, m, (uint32_t)index, sealed, size);
	report(m, name, out);
	return s;
}

static void judge(struct vault *v, struct image *m)
{
	uint8_t digest[32];

	mbedtls_sha256_finish(&m->hash, digest);
	mbedtls_sha256_free(&m->hash);
	if (memcmp(digest, m->name.digest, sizeof(digest)) == 0) {
		m->progress = IMAGE_PRESENT;
		log_line("image %02x%02x%02x%02x is present", digest[0], digest[1], digest[2],
			 digest[3]);
		return;
	}
	log_line("an image does not have its digest: it is asked for again");
	m->progress = IMAGE_PARTIAL;
	m->next = 0;
	(void)!save_head(v, m);
}

static void verify_some(struct vault *v, struct image *m)
{
	static uint8_t data[BLK_MAX_COUNT * BLK_SIZE];
	uint64_t left = m->name.size - m->checked;
	size_t n = left > sizeof(data) ? sizeof(data) : (size_t)left;
	enum chan_status s = volume_read(v, m->volume, 1 + m->checked / BLK_SIZE,
					 (uint32_t)((n + BLK_SIZE - 1) / BLK_SIZE), data);

	if (s != CS_OK) {
		begin_verify(m); /* the disk failed: from the start again */
		return;
	}
	mbedtls_sha256_update(&m->hash, data, n);
	m->checked += n;
	if (m->checked == m->name.size)
		judge(v, m);
}

bool image_verify_some(struct vault *v)
{
	for (struct image *m = v->image; m < v->image + VAULT_IMAGES; m++)
		if (m->name.size && m->progress == IMAGE_VERIFYING) {
			verify_some(v, m);
			return true;
		}
	return false;
}
