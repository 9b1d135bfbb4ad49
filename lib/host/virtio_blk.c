// SPDX-License-Identifier: Apache-2.0
/*
 * Hosted stand-in for `virtio_blk`: a device over the file HOSTED_DIR/disk.img.
 *
 * With HOSTED_VOLATILE=1 it has a write cache as real disks do: a write reaches the file at a flush, or by chance at any
 * time and in any order in pieces of 512 bytes; killing all processes then is a power cut. Without, each write goes through.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/blk.h"
#include "lib/chan.h"
#include "lib/component.h"

#define SECTOR 512u
#define CACHE  4096u

static struct {
	uint64_t sector;
	uint8_t data[SECTOR];
} cache[CACHE];
static unsigned cached;
static int file, is_volatile;
static uint64_t blocks;
static uint8_t payload[sizeof(struct blk_span) + BLK_MAX_COUNT * BLK_SIZE];

static void write_back(unsigned n)
{
	if (pwrite(file, cache[n].data, SECTOR, (off_t)(cache[n].sector * SECTOR)) != SECTOR)
		die("disk.img: %m");
	cache[n] = cache[--cached];
}

static void put_sector(uint64_t sector, const uint8_t *data)
{
	unsigned n = 0;

	while (n < cached && cache[n].sector != sector)
		n++;
	if (n == CACHE) {
		n = (unsigned)rand() % CACHE;
		write_back(n);
		n = cached;
	}
	if (n == cached)
		cached++;
	cache[n].sector = sector;
	memcpy(cache[n].data, data, SECTOR);
	if (rand() % 4 == 0)
		write_back((unsigned)rand() % cached);
}

static enum chan_status write_blocks(uint64_t first, uint32_t count, const uint8_t *data)
{
	size_t n = (size_t)count * BLK_SIZE;

	if (!is_volatile)
		return pwrite(file, data, n, (off_t)(first * BLK_SIZE)) == (ssize_t)n ? CS_OK
										      : CS_IO;
	for (size_t at = 0; at < n; at += SECTOR)
		put_sector(first * (BLK_SIZE / SECTOR) + at / SECTOR, data + at);
	return CS_OK;
}

static enum chan_status read_blocks(uint64_t first, uint32_t count, uint8_t *data)
{
	size_t n = (size_t)count * BLK_SIZE;

	if (pread(file, data, n, (off_t)(first * BLK_SIZE)) != (ssize_t)n)
		return CS_IO;
	for (unsigned i = 0; i < cached; i++) {
		uint64_t from = first * (BLK_SIZE / SECTOR);

		if (cache[i].sector >= from && cache[i].sector < from + n / SECTOR)
			memcpy(data + (cache[i].sector - from) * SECTOR, cache[i].data, SECTOR);
	}
	return CS_OK;
}

static enum chan_status flush_all(void)
{
	while (cached)
		write_back(0);
	return CS_OK;
}

static void serve(struct chan *c, const struct msg *m, size_t n)
{
	struct blk_info info = { .blocks = blocks,
				 .max_count = BLK_MAX_COUNT,
				 .id = "hosted disk.img" };
	static uint8_t out[BLK_MAX_COUNT * BLK_SIZE];
	struct blk_span span = { 0 };
	enum chan_status s = CS_BAD_REQUEST;
	bool fits;

	if (n >= sizeof(span))
		memcpy(&span, payload, sizeof(span));
	fits = span.count && span.count <= BLK_MAX_COUNT && m->arg < blocks &&
	       span.count <= blocks - m->arg;
	if (m->type == BLK_INFO) {
		chan_answer(c, m, CS_OK, 0, &info, sizeof(info));
		return;
	}
	if (m->type == BLK_READ && fits && n == sizeof(span)) {
		s = read_blocks(m->arg, span.count, out);
		chan_answer(c, m, s, 0, out, s == CS_OK ? span.count * BLK_SIZE : 0);
		return;
	}
	if (m->type == BLK_WRITE && fits && n == sizeof(span) + span.count * BLK_SIZE)
		s = write_blocks(m->arg, span.count, payload + sizeof(span));
	else if (m->type == BLK_FLUSH)
		s = flush_all();
	else if (m->type == BLK_DISCARD && fits)
		s = CS_OK;
	chan_answer(c, m, s, 0, NULL, 0);
}

int main(void)
{
	char path[4096];
	struct stat st;
	struct msg m;

	snprintf(path, sizeof(path), "%s/disk.img", getenv("HOSTED_DIR"));
	file = open(path, O_RDWR | O_CLOEXEC);
	if (file < 0 || fstat(file, &st))
		die("%s: %m", path);
	blocks = (uint64_t)st.st_size / BLK_SIZE;
	is_volatile = getenv("HOSTED_VOLATILE") != NULL;
	random_bytes(&m, sizeof(m));
	srand((unsigned)m.arg);
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
			enum chan_result r = CHAN_OK;

			while (chan_is_server(c) && (r == CHAN_OK || r == CHAN_RESTARTED)) {
				r = chan_recv(c, &m, payload, sizeof(payload));
				if (r == CHAN_OK)
					serve(c, &m, m.len - sizeof(m));
			}
		}
		component_wait(0);
	}
}
