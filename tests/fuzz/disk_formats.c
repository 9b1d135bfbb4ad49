// SPDX-License-Identifier: Apache-2.0
/* What disk reads from a medium that anyone may have written: header, snapshot, volume table. */
#include <stdlib.h>
#include <string.h>

#include "services/disk/header.h"
#include "services/disk/snapshot.h"
#include "services/disk/volumes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void header(const uint8_t *data, size_t size)
{
	struct disk_header h = { 0 };

	memcpy(&h, data, size < sizeof(h) ? size : sizeof(h));
	disk_sha256(&h, offsetof(struct disk_header, sum), h.sum);
	(void)header_check(&h);
}

static void snapshot(const uint8_t *data, size_t size)
{
	struct snapshot s = { (uint8_t *)data, size };
	struct record r;
	size_t at = 0;

	if (snapshot_check(data, size) != SNAPSHOT_OK)
		return;
	while (snapshot_next(&s, &at, &r))
		if (r.value + r.value_size > data + size)
			abort();
}

static void table(const uint8_t *data, size_t size)
{
	static struct volumes v;
	static uint8_t out[VOLUMES_BYTES];

	volumes_init(&v, 1u << 24);
	if (volumes_parse(&v, data, size) != VOLUMES_OK)
		return;
	if (volumes_write(&v, out) != size || memcmp(out, data, size) != 0)
		abort();
	if (volumes_free_units(&v) > v.units)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	switch (data[0] % 3) {
	case 0:
		header(data + 1, size - 1);
		break;
	case 1:
		snapshot(data + 1, size - 1);
		break;
	default:
		table(data + 1, size - 1);
	}
	return 0;
}
