// SPDX-License-Identifier: Apache-2.0
#include "mgmt/proto/keys.h"

#include <string.h>

enum { /* TPM 2.0 Part 2, 6.3, 6.4, 6.5.2, 8.3 */
       ALG_KEYEDHASH = 0x0008,
       ALG_SHA256 = 0x000b,
       ALG_NULL = 0x0010,
       ALG_ECC = 0x0023,
       ECC_P256 = 0x0003,
       CC_POLICY_PCR = 0x17f,
       CC_POLICY_AUTHORIZE = 0x16a,
       ATTR_USER_WITH_AUTH = 0x40,
       ATTR_ADMIN_WITH_POLICY = 0x80,
       ATTR_NO_DA = 0x400,
       ATTR_SIGN = 0x40000,
};

static uint8_t *be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

static uint8_t *be32(uint8_t *p, uint32_t v)
{
	return be16(be16(p, v >> 16), v & 0xffff);
}

static uint8_t *le(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static uint8_t *bytes_of(uint8_t *p, const void *data, size_t n)
{
	memcpy(p, data, n);
	return p + n;
}

static uint8_t *tpm2b(uint8_t *p, const uint8_t *data, uint16_t n)
{
	return bytes_of(be16(p, n), data, n);
}

uint32_t approval_pcr_number(unsigned i)
{
	static const uint8_t number[APPROVAL_PCRS] = { 4, 7, 11, 12 };

	return number[i];
}

int approval_check(const struct approval *a, enum approval_kind kind)
{
	if (a->magic != APPROVAL_MAGIC || a->version != APPROVAL_VERSION)
		return -1;
	if (a->kind != kind || a->pcr_mask != APPROVAL_PCR_MASK || a->pad)
		return -1;
	if (!memchr(a->release, 0, sizeof(a->release)))
		return -1;
	for (const char *c = a->release; *c; c++)
		if (*c <= ' ' || *c > '~')
			return -1;
	return 0;
}

size_t approval_ref(enum approval_kind kind, const uint8_t id[KEYS_ID], uint8_t *ref)
{
	uint8_t *p = kind == APPROVAL_DISK ? bytes_of(ref, "disk:", 5) : bytes_of(ref, "tvd:", 4);

	return (size_t)(bytes_of(p, id, KEYS_ID) - ref);
}

void approval_policy_input(const uint8_t pcr_digest[KEYS_DIGEST],
			   uint8_t out[APPROVAL_POLICY_INPUT])
{
	uint8_t *p = out + KEYS_DIGEST;

	memset(out, 0, KEYS_DIGEST);
	p = be32(p, CC_POLICY_PCR);
	p = be32(p, 1); /* one bank */
	p = be16(p, ALG_SHA256);
	*p++ = 3;
	p = le(p, APPROVAL_PCR_MASK, 3);
	bytes_of(p, pcr_digest, KEYS_DIGEST);
}

void policy_public(const uint8_t xy[64], uint8_t out[POLICY_PUBLIC])
{
	uint8_t *p = be16(out, ALG_ECC);

	p = be16(p, ALG_SHA256);
	p = be32(p, ATTR_SIGN | ATTR_USER_WITH_AUTH);
	p = be16(p, 0);        /* authPolicy */
	p = be16(p, ALG_NULL); /* symmetric */
	p = be16(p, ALG_NULL); /* scheme */
	p = be16(p, ECC_P256);
	p = be16(p, ALG_NULL); /* kdf */
	p = tpm2b(p, xy, 32);
	tpm2b(p, xy + 32, 32);
}

void authorize_input(const uint8_t policy_key_digest[KEYS_DIGEST], uint8_t out[AUTHORIZE_INPUT])
{
	uint8_t *p = out + KEYS_DIGEST;

	memset(out, 0, KEYS_DIGEST);
	p = be32(p, CC_POLICY_AUTHORIZE);
	p = be16(p, ALG_SHA256);
	bytes_of(p, policy_key_digest, KEYS_DIGEST);
}

void tvd_key_public(const uint8_t policy[KEYS_DIGEST], const uint8_t unique[KEYS_DIGEST],
		    uint8_t out[TVD_KEY_PUBLIC])
{
	uint8_t *p = be16(out, ALG_KEYEDHASH);

	p = be16(p, ALG_SHA256);
	p = be32(p, ATTR_ADMIN_WITH_POLICY | ATTR_NO_DA);
	p = tpm2b(p, policy, KEYS_DIGEST);
	p = be16(p, ALG_NULL); /* scheme: sealed data */
	tpm2b(p, unique, KEYS_DIGEST);
}

static int part_ok(uint16_t size)
{
	return size > 0 && size <= WRAPPED_PART_MAX;
}

int wrapped_parse(const void *block, size_t size, const uint8_t tvd_id[KEYS_ID],
		  struct wrapped_parts *out)
{
	const uint8_t *data = block;
	struct wrapped_key head;

	if (size < sizeof(head))
		return -1;
	memcpy(&head, data, sizeof(head));
	if (head.magic != WRAPPED_MAGIC || head.version != WRAPPED_VERSION || head.pad || head.pad2)
		return -1;
	if (memcmp(head.tvd_id, tvd_id, KEYS_ID) != 0)
		return -1;
	if (!part_ok(head.public_size) || !part_ok(head.duplicate_size) || !part_ok(head.seed_size))
		return -1;
	if (size != sizeof(head) + head.public_size + head.duplicate_size + head.seed_size)
		return -1;
	out->public_area = data + sizeof(head);
	out->duplicate = out->public_area + head.public_size;
	out->seed = out->duplicate + head.duplicate_size;
	out->public_size = head.public_size;
	out->duplicate_size = head.duplicate_size;
	out->seed_size = head.seed_size;
	return 0;
}

size_t keys_info_volume(const uint8_t uuid[KEYS_ID], uint8_t *info)
{
	uint8_t *p = bytes_of(info, "redoubt/1 volume", 16);

	return (size_t)(bytes_of(p, uuid, KEYS_ID) - info);
}

size_t keys_info_image(const uint8_t digest[KEYS_DIGEST], uint8_t *info)
{
	uint8_t *p = bytes_of(info, "redoubt/1 image", 15);

	return (size_t)(bytes_of(p, digest, KEYS_DIGEST) - info);
}

size_t keys_info_console(const uint8_t vm_id[KEYS_ID], const uint8_t session[16],
			 const uint8_t nonce[16], uint8_t *info)
{
	uint8_t *p = bytes_of(info, "redoubt/1 console", 17);

	p = bytes_of(p, vm_id, KEYS_ID);
	p = bytes_of(p, session, 16);
	return (size_t)(bytes_of(p, nonce, 16) - info);
}

uint32_t image_chunk_count(uint64_t size)
{
	if (!size || size > IMAGE_SIZE_MAX)
		return 0;
	return (uint32_t)((size + IMAGE_CHUNK_SIZE - 1) / IMAGE_CHUNK_SIZE);
}

uint32_t image_chunk_bytes(uint64_t size, uint32_t index)
{
	uint32_t count = image_chunk_count(size);

	if (index >= count)
		return 0;
	if (index + 1 < count)
		return IMAGE_CHUNK_SIZE;
	return (uint32_t)(size - (uint64_t)index * IMAGE_CHUNK_SIZE);
}

void image_chunk_seal(const uint8_t digest[KEYS_DIGEST], uint64_t size, uint32_t index,
		      uint8_t nonce[SEAL_NONCE], uint8_t aad[IMAGE_AAD])
{
	uint8_t *p = bytes_of(aad, "redoubt/1 image", 16);

	p = bytes_of(p, digest, KEYS_DIGEST);
	p = le(p, size, 8);
	p = le(p, index, 4);
	le(p, image_chunk_count(size), 4);
	le(le(nonce, 0, 4), index, 8);
}

void console_seal(enum console_direction direction, const uint8_t vm_id[KEYS_ID],
		  const uint8_t session[16], uint64_t counter, uint8_t nonce[SEAL_NONCE],
		  uint8_t aad[CONSOLE_AAD])
{
	uint8_t *p = bytes_of(aad, vm_id, KEYS_ID);

	p = bytes_of(p, session, 16);
	p = le(p, (uint64_t)direction, 8);
	le(p, counter, 8);
	le(le(nonce, (uint64_t)direction, 4), counter, 8);
}
