// SPDX-License-Identifier: Apache-2.0
#include "services/disk/header.h"

#include <stddef.h>
#include <string.h>

#include <mbedtls/platform_util.h>

static int is_zero(const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n--)
		if (*p++)
			return 0;
	return 1;
}

static int fields_ok(const struct disk_header *h)
{
	if (h->size != sizeof(*h) || h->sequence == 0 || h->blocks < DISK_MIN_BLOCKS)
		return 0;
	if (!h->public_size || h->public_size > DISK_BLOB || !h->private_size ||
	    h->private_size > DISK_BLOB)
		return 0;
	if (!h->approvals || h->approvals > APPROVAL_MAX)
		return 0;
	for (unsigned i = 0; i < h->approvals; i++)
		if (approval_check(&h->approval[i], APPROVAL_DISK) != 0)
			return 0;
	return is_zero(h->zero, sizeof(h->zero));
}

enum header_state header_check(const struct disk_header *h)
{
	uint8_t sum[32];

	if (h->magic != DISK_MAGIC)
		return HEADER_DAMAGED;
	disk_sha256(h, offsetof(struct disk_header, sum), sum);
	if (memcmp(sum, h->sum, sizeof(sum)) != 0)
		return HEADER_DAMAGED;
	if (h->version != DISK_HEADER_VERSION)
		return HEADER_VERSION;
	return fields_ok(h) ? HEADER_INTACT : HEADER_DAMAGED;
}

enum header_state header_read(const struct device *d, struct disk_header *h)
{
	static struct disk_header copy[2];
	enum header_state a, b;

	if (d->read(d->arg, DISK_COPY_A, 1, &copy[0]) || d->read(d->arg, DISK_COPY_B, 1, &copy[1]))
		return HEADER_IO;
	a = header_check(&copy[0]);
	b = header_check(&copy[1]);
	if (a == HEADER_VERSION || b == HEADER_VERSION)
		return HEADER_VERSION;
	if (a != HEADER_INTACT && b != HEADER_INTACT)
		return is_zero(&copy[0], sizeof(copy[0])) ? HEADER_BLANK : HEADER_DAMAGED;
	if (a == HEADER_INTACT && (b != HEADER_INTACT || copy[0].sequence > copy[1].sequence))
		*h = copy[0];
	else
		*h = copy[1];
	return HEADER_INTACT;
}

static void header_mac(const struct disk_header *h, const uint8_t key[DISK_KEY], uint8_t mac[32])
{
	uint8_t mac_key[32];

	disk_derive(key, h->disk_uuid, "redoubt/1 header", NULL, 0, mac_key);
	disk_hmac(mac_key, h, offsetof(struct disk_header, mac), mac);
	mbedtls_platform_zeroize(mac_key, sizeof(mac_key));
}

int header_authentic(const struct disk_header *h, const uint8_t key[DISK_KEY])
{
	uint8_t mac[32];

	header_mac(h, key, mac);
	return disk_equal(mac, h->mac, sizeof(mac));
}

/* The copy that a sequence number goes to; the first two after a format are B, then A. */
static uint64_t place(uint64_t sequence)
{
	return sequence & 1 ? DISK_COPY_B : DISK_COPY_A;
}

static int write_next(const struct device *d, struct disk_header *h, const uint8_t key[DISK_KEY])
{
	h->sequence++;
	header_mac(h, key, h->mac);
	disk_sha256(h, offsetof(struct disk_header, sum), h->sum);
	if (d->write(d->arg, place(h->sequence), 1, h) != 0)
		return -1;
	return d->flush(d->arg);
}

int header_write(const struct device *d, struct disk_header *h, const uint8_t key[DISK_KEY])
{
	if (h->sequence == 0 && write_next(d, h, key) != 0)
		return -1;
	return write_next(d, h, key);
}
