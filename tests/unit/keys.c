// SPDX-License-Identifier: Apache-2.0
/* mgmt/proto/keys.c: layouts, limits and the refusal of malformed blocks. */
#include "mgmt/proto/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed;

static void check(const char *what, int good)
{
	printf("%s keys: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

static struct approval sample(void)
{
	struct approval a = { .magic = APPROVAL_MAGIC,
			      .version = APPROVAL_VERSION,
			      .kind = APPROVAL_DISK,
			      .pcr_mask = APPROVAL_PCR_MASK,
			      .release = "r1" };
	return a;
}

static void approvals(void)
{
	struct approval a = sample();
	uint8_t ref[APPROVAL_REF], id[KEYS_ID] = { 1, 2, 3 };
	int refused = 1;

	check("a good approval passes", approval_check(&a, APPROVAL_DISK) == 0);
	check("the other kind is refused", approval_check(&a, APPROVAL_TVD) != 0);
	for (unsigned i = 0; i < 16; i++) {
		a = sample();
		((uint8_t *)&a)[i] ^= 0x40;
		refused &= approval_check(&a, APPROVAL_DISK) != 0;
	}
	check("any change of its head is refused", refused);
	a = sample();
	memset(a.release, 'x', sizeof(a.release));
	check("a name without end is refused", approval_check(&a, APPROVAL_DISK) != 0);
	a = sample();
	a.release[1] = '\n';
	check("a name with a line end is refused", approval_check(&a, APPROVAL_DISK) != 0);
	check("policyRef of a disk",
	      approval_ref(APPROVAL_DISK, id, ref) == 21 && memcmp(ref, "disk:\1\2\3", 8) == 0);
	check("policyRef of a TVD",
	      approval_ref(APPROVAL_TVD, id, ref) == 20 && memcmp(ref, "tvd:\1\2\3", 7) == 0);
}

static void chunks(void)
{
	check("an empty image has no chunk", image_chunk_count(0) == 0);
	check("one byte is one chunk", image_chunk_count(1) == 1 && image_chunk_bytes(1, 0) == 1);
	check("a full chunk is one",
	      image_chunk_count(IMAGE_CHUNK_SIZE) == 1 &&
		      image_chunk_bytes(IMAGE_CHUNK_SIZE, 0) == IMAGE_CHUNK_SIZE);
	check("one byte more is two", image_chunk_count(IMAGE_CHUNK_SIZE + 1) == 2 &&
					      image_chunk_bytes(IMAGE_CHUNK_SIZE + 1, 1) == 1);
	check("there is none behind the last", image_chunk_bytes(IMAGE_CHUNK_SIZE, 1) == 0);
	check("the largest image", image_chunk_count(IMAGE_SIZE_MAX) == 131072);
	check("too large an image is refused", image_chunk_count(IMAGE_SIZE_MAX + 1) == 0);
}

/* Every size from nothing to one byte more, in memory of exactly that size: the sanitizer sees a read beyond. */
static void wrapped(void)
{
	const uint8_t id[KEYS_ID] = { 9 };
	struct wrapped_key head = { .magic = WRAPPED_MAGIC,
				    .version = WRAPPED_VERSION,
				    .tvd_id = { 9 },
				    .public_size = 78,
				    .duplicate_size = 108,
				    .seed_size = 68 };
	const size_t whole = sizeof(head) + 78 + 108 + 68;
	struct wrapped_parts parts;
	int good = 0, refused = 1;

	for (size_t n = 0; n <= whole + 1; n++) {
		uint8_t *block = calloc(1, n ? n : 1);

		memcpy(block, &head, n < sizeof(head) ? n : sizeof(head));
		if (n == whole)
			good = wrapped_parse(block, n, id, &parts) == 0 &&
			       parts.seed + parts.seed_size == block + n;
		else
			refused &= wrapped_parse(block, n, id, &parts) != 0;
		free(block);
	}
	check("a whole wrapped key passes", good);
	check("a cut or longer one is refused", refused);
}

static void infos(void)
{
	uint8_t info[KEYS_INFO], id[32] = { 5 };

	check("info lengths", keys_info_volume(id, info) == 32 && keys_info_image(id, info) == 47 &&
				      keys_info_console(id, id, id, info) == 65);
}

int main(void)
{
	approvals();
	chunks();
	wrapped();
	infos();
	return failed;
}
