// SPDX-License-Identifier: Apache-2.0
/* Disk: opens the data disk for measured code only; keeps the system store; gives each TVD its extents. */
#include <stdlib.h>
#include <string.h>

#include "lib/component.h"
#include "services/disk/state.h"

#define PARTS 2u /* a request lies in at most so many runs: a unit is larger than a request */

#define TRIES    5u
#define PAUSE_NS 200000000u

static struct disk disk;
static uint8_t *buffer;
static size_t buffer_size;

static bool look_at(struct chan *c)
{
	bool blk = strcmp(chan_proto(c), "blk") == 0;
	struct msg m;

	if (blk && blkq_room(&disk.queue) < PARTS)
		return false;
	switch (chan_recv(c, &m, buffer, buffer_size)) {
	case CHAN_OK:
		if (blk)
			disk_serve_blk(&disk, c, &m, buffer, m.len - sizeof(m));
		else
			disk_serve_store(&disk, c, &m, buffer, m.len - sizeof(m));
		return true;
	case CHAN_RESTARTED:
		disk_forget(&disk, c);
		return true;
	case CHAN_BROKEN:
	case CHAN_CLOSED:
		disk_forget(&disk, c);
		return false;
	default:
		return false;
	}
}

static bool look_at_all(void)
{
	bool busy = blkq_poll(&disk.queue);

	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (chan_is_server(c))
			busy |= look_at(c);
	return busy;
}

/* The largest message of any client. */
static void make_buffer(void)
{
	buffer_size = 512 * 1024;
	buffer = malloc(buffer_size);
	if (!buffer || blkq_init(&disk.queue, disk.driver) != 0)
		die("no memory");
}

/* The broker may be restarted while it is needed: that alone is no reason to stay sealed. */
static void start(void)
{
	disk_start(&disk);
	for (unsigned i = 1; i < TRIES && disk.status.reason == DISK_TPM; i++) {
		const uint64_t until = now_ns() + PAUSE_NS;

		log_line("%s; trying again", disk.status.text);
		while (now_ns() < until)
			component_wait(until);
		disk_start(&disk);
	}
}

int main(void)
{
	disk.driver = chan_open(NULL, "blk");
	disk.tpm = chan_open("tpm", "tpm");
	if (!disk.driver || !disk.tpm)
		die("no channel to a disk driver or tpm");
	start();
	make_buffer();
	log_line("%s", disk.status.text);
	for (;;) {
		while (look_at_all())
			;
		component_wait(0);
	}
}
