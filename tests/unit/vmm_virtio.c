// SPDX-License-Identifier: Apache-2.0
/* virtio entropy and disk, driven by a small driver; then by one that breaks every rule. */
#include <string.h>
#include "tests/unit/vmm_driver.h"

#define OK(cond, what) check_that("vmm_virtio", cond, what)

static void test_rng(void)
{
	driver_start(RNG, 0);
	OK(mem_in(&h, bar + 0x14, 1) == 15, "the driver's features are taken");
	driver_descriptor(0, 0, BUFFERS, 100, 2, 0);
	driver_submit(0, 0);
	OK(ring(0)->used_idx == 1 && ring(0)->used[0].len == 100, "a buffer comes back");
	OK(h.ram[BUFFERS] == 0xa5 && h.ram[BUFFERS + 99] == 0xa5 && h.ram[BUFFERS + 100] == 0,
	   "filled, and not beyond");
	OK(driver_interrupted(), "with a message interrupt");
	ring(0)->avail_flags = 1;
	driver_submit(0, 0);
	OK(ring(0)->used_idx == 2 && !driver_interrupted(), "no interrupt where none is wanted");
	ring(0)->avail_flags = 0;
	mem_out(&h, bar + 0x301c, 4, 1);
	driver_submit(0, 0);
	OK(!driver_interrupted() && mem_in(&h, bar + 0x3800, 4) == 2, "a masked vector waits");
	mem_out(&h, bar + 0x301c, 4, 0);
	OK(driver_interrupted(), "until it is unmasked");
	mem_out(&h, bar + 0x14, 1, 0);
	driver_submit(0, 0);
	OK(mem_in(&h, bar + 0x14, 1) == 0 && ring(0)->used_idx == 3, "a reset device is silent");
}

static void test_event_index(void)
{
	driver_start(RNG, 1u << 29);
	driver_descriptor(0, 0, BUFFERS, 8, 2, 0);
	ring(0)->used_event = 1;
	driver_submit(0, 0);
	OK(!driver_interrupted(), "event index: not before the one that is asked for");
	driver_submit(0, 0);
	OK(driver_interrupted(), "but at it");
	OK(ring(0)->avail_event == 2, "the device asks for the next notification");
}

static void test_features(void)
{
	harness_start(&h, true);
	bar = driver_config(RNG, 0x10) & ~15u;
	mem_out(&h, bar + 0x14, 1, 3);
	mem_out(&h, bar + 0x08, 4, 1);
	mem_out(&h, bar + 0x0c, 4, 0);
	mem_out(&h, bar + 0x14, 1, 11);
	OK(mem_in(&h, bar + 0x14, 1) == 3, "without VERSION_1 the features are refused");
	mem_out(&h, bar + 0x0c, 4, 3);
	mem_out(&h, bar + 0x14, 1, 11);
	OK(mem_in(&h, bar + 0x14, 1) == 3, "and features that were not offered");
}

struct request {
	uint32_t type, reserved;
	uint64_t sector;
	uint8_t status;
};

static struct request *request(void)
{
	return (struct request *)(void *)(h.ram + BUFFERS);
}

/* Header, data of two pieces, status. */
static void blk(uint32_t type, uint64_t sector, uint32_t len, bool write)
{
	uint16_t data = write ? 1 : 3;

	*request() = (struct request){ .type = type, .sector = sector, .status = 0xff };
	driver_descriptor(0, 0, BUFFERS, 16, 1, len != 0 ? 1 : 3);
	driver_descriptor(0, 1, BUFFERS + 0x1000, len / 2, data, 2);
	driver_descriptor(0, 2, BUFFERS + 0x1000 + len / 2, len - len / 2, data, 3);
	driver_descriptor(0, 3, BUFFERS + 16, 1, 2, 0);
	driver_submit(0, 0);
}

static void answer_all(void)
{
	while (h.sent_count != 0)
		harness_answer(&h);
}

static void test_disk(void)
{
	driver_start(DISK, 1 << 9 | 1 << 13);
	OK(mem_in(&h, bar + 0x2000, 4) == HARNESS_DISK * 8 && mem_in(&h, bar + 0x2014, 4) == 512,
	   "capacity and sector size");
	memset(h.ram + BUFFERS + 0x1000, 0x77, 5 * BLK_SIZE);
	blk(1, 8, 5 * BLK_SIZE, true);
	OK(h.sent_count == 1 && h.sent[0].count == 2 && h.sent[0].block == 1,
	   "a write goes on in pieces");
	answer_all();
	OK(request()->status == 0 && driver_interrupted(), "and is answered");
	OK(h.disk[BLK_SIZE] == 0x77 && h.disk[6 * BLK_SIZE - 1] == 0x77 && h.disk[0] == 0 &&
		   h.disk[6 * BLK_SIZE] == 0,
	   "what was written is there");
	memset(h.ram + BUFFERS + 0x1000, 0, 5 * BLK_SIZE);
	blk(0, 16, 3 * BLK_SIZE, false);
	answer_all();
	OK(request()->status == 0 && h.ram[BUFFERS + 0x1000] == 0x77 &&
		   h.ram[BUFFERS + 0x1000 + 3 * BLK_SIZE - 1] == 0x77 &&
		   h.ram[BUFFERS + 0x1000 + 3 * BLK_SIZE] == 0,
	   "and reads back");
	blk(4, 0, 0, false);
	OK(h.sent_count == 1 && h.sent[0].type == BLK_FLUSH && request()->status == 0xff,
	   "a flush waits for its answer");
	answer_all();
	OK(request()->status == 0, "and gets it");
	blk(8, 0, 20, false);
	OK(request()->status == 0, "the identity needs no backend");
}

static void test_disk_discard(void)
{
	struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} d = { 16, 24, 0 };

	driver_start(DISK, 1 << 13);
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(11, 0, sizeof(d), true);
	OK(h.sent_count == 1 && h.sent[0].type == BLK_DISCARD && h.sent[0].block == 2 &&
		   h.sent[0].count == 2,
	   "a discard goes on in pieces");
	harness_answer(&h);
	OK(h.sent_count == 1 && h.sent[0].block == 4 && h.sent[0].count == 1, "to its end");
	answer_all();
	OK(request()->status == 0, "and is answered");
	d.sector = 17;
	d.sectors = 15;
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(11, 0, sizeof(d), true);
	OK(h.sent_count == 1 && h.sent[0].block == 3 && h.sent[0].count == 1,
	   "of a part of a block nothing is discarded");
	answer_all();
	d.sectors = 6;
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(11, 0, sizeof(d), true);
	OK(h.sent_count == 0 && request()->status == 0, "which may be all");
	d.sector = UINT64_MAX - 7;
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(11, 0, sizeof(d), true);
	OK(request()->status == 1 && h.sent_count == 0, "a discard outside of the disk fails");
}

static void fill_disk(void)
{
	for (unsigned i = 0; i < sizeof(h.disk); i++)
		h.disk[i] = (uint8_t)(i / 512);
}

/* Do the sectors of the disk hold their numbers, but for [from, to), which hold `value`? */
static bool disk_is(unsigned from, unsigned to, uint8_t value)
{
	for (unsigned i = 0; i < sizeof(h.disk); i++)
		if (h.disk[i] != (i / 512 >= from && i / 512 < to ? value : (uint8_t)(i / 512)))
			return false;
	return true;
}

static void test_disk_sectors(void)
{
	const uint8_t *data;

	driver_start(DISK, 0);
	data = h.ram + BUFFERS + 0x1000;
	OK(mem_in(&h, bar + 0x2014, 4) == 512 && mem_in(&h, bar + 0x2018, 1) == 3,
	   "sectors of 512 bytes on blocks of 4096");
	fill_disk();
	blk(0, 13, 1024, false);
	answer_all();
	OK(request()->status == 0 && data[0] == 13 && data[512] == 14 && data[1024] == 0,
	   "sectors inside a block are read");
	blk(0, 7, 512 * 26, false);
	answer_all();
	OK(request()->status == 0 && data[0] == 7 && data[512 * 25] == 32 && data[512 * 26] == 0,
	   "sectors of many blocks too, in pieces");
	memset(h.ram + BUFFERS + 0x1000, 0xee, 0x10000);
	blk(1, 21, 512, true);
	OK(h.sent_count == 1 && h.sent[0].type == BLK_READ, "to write a sector its block is read");
	harness_answer(&h);
	OK(h.sent_count == 1 && h.sent[0].type == BLK_WRITE && request()->status == 0xff,
	   "then written");
	answer_all();
	OK(request()->status == 0 && disk_is(21, 22, 0xee), "and only the sector changes");
	fill_disk();
	blk(1, 30, 512 * 29, true);
	answer_all();
	OK(request()->status == 0 && disk_is(30, 59, 0xee),
	   "a write with parts of blocks at both ends changes what it should");
}

static void test_disk_zeroes(void)
{
	struct {
		uint64_t sector;
		uint32_t sectors, flags;
	} d = { 5, 40, 1 };

	driver_start(DISK, 1 << 14);
	fill_disk();
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(13, 0, sizeof(d), true);
	answer_all();
	OK(request()->status == 0 && disk_is(5, 45, 0), "zeroes are written where they should be");
	d.flags = 2;
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(13, 0, sizeof(d), true);
	OK(request()->status == 1 && h.sent_count == 0, "flags that are not known are refused");
}

/* A second request, with its own header, data and status. */
static uint8_t *second(uint32_t type, uint64_t sector, uint32_t len)
{
	struct request r = { .type = type, .sector = sector, .status = 0xff };

	memcpy(h.ram + BUFFERS + 0x20000, &r, sizeof(r));
	driver_descriptor(0, 4, BUFFERS + 0x20000, 16, 1, 5);
	driver_descriptor(0, 5, BUFFERS + 0x21000, len, 1, 6);
	driver_descriptor(0, 6, BUFFERS + 0x20010, 1, 2, 0);
	driver_submit(0, 4);
	return h.ram + BUFFERS + 0x20010;
}

static void test_disk_overlap(void)
{
	uint8_t *status;

	driver_start(DISK, 0);
	fill_disk();
	memset(h.ram + BUFFERS + 0x1000, 0xee, 512);
	memset(h.ram + BUFFERS + 0x21000, 0xee, 8192);
	blk(1, 16, 512, true);
	status = second(1, 17, 512);
	OK(h.sent_count == 1, "a second write to a part of the same block waits");
	answer_all();
	OK(request()->status == 0 && *status == 0 && disk_is(16, 18, 0xee), "and neither is lost");
	fill_disk();
	blk(1, 23, 512, true);
	status = second(1, 24, 4096);
	OK(h.sent_count == 2, "one to the next block does not wait");
	answer_all();
	fill_disk();
	blk(1, 23, 512, true);
	status = second(1, 16, 4096 * 2);
	OK(h.sent_count == 1, "a write of the whole block waits as well");
	vblk_restart(&h.m.disk);
	OK(h.sent_count == 2 && h.sent[1].type == BLK_READ,
	   "after a restart the block is read again");
	h.sent[0] = h.sent[1];
	h.sent_count = 1;
	harness_answer(&h);
	OK(h.sent_count == 1 && h.sent[0].type == BLK_WRITE, "and written");
	vblk_restart(&h.m.disk);
	OK(h.sent_count == 2 && h.sent[1].type == BLK_READ, "from the start if that was lost");
	h.sent[0] = h.sent[1];
	h.sent_count = 1;
	answer_all();
	OK(request()->status == 0 && *status == 0 && disk_is(16, 32, 0xee), "and all arrives");
}

static void test_disk_refusals(void)
{
	driver_start(DISK, 0);
	blk(0, 8, 500, false);
	OK(request()->status == 1, "less than a sector fails");
	blk(0, (HARNESS_DISK - 1) * 8, 2 * BLK_SIZE, false);
	OK(request()->status == 1, "over the end fails");
	blk(0, UINT64_MAX - 7, BLK_SIZE, false);
	OK(request()->status == 1, "far over the end fails");
	blk(1, 0, 0, true);
	OK(request()->status == 1, "nothing at all fails");
	blk(77, 0, BLK_SIZE, false);
	OK(request()->status == 2, "an unknown request is unsupported");
	OK(h.sent_count == 0, "nothing of these reached the backend");
}

static void test_disk_backend(void)
{
	driver_start(DISK, 0);
	h.room = 0;
	blk(0, 0, BLK_SIZE, false);
	OK(h.sent_count == 0 && request()->status == 0xff, "without room a request waits");
	h.room = 10;
	vblk_retry(&h.m.disk);
	OK(h.sent_count == 1, "and goes when there is room");
	h.sent_count = 0;
	vblk_restart(&h.m.disk);
	OK(h.sent_count == 1, "after a restart of the peer it goes again");
	mem_out(&h, bar + 0x14, 1, 0);
	harness_answer(&h);
	OK(request()->status == 0xff, "an answer after the guest's reset touches nothing");
	vblk_answer(&h.m.disk, 5, true, NULL, 0);
	vblk_answer(&h.m.disk, 9999, true, NULL, 0);
	OK(ring(0)->used_idx == 0, "answers nobody asked for are ignored");
}

static void test_disk_save(void)
{
	static uint8_t saved[MACHINE_STATE_MAX], copy[HARNESS_RAM];
	struct state s;
	size_t n;

	driver_start(DISK, 0);
	h.disk[0] = 0x42;
	blk(0, 0, BLK_SIZE, false);
	state_save(&s, saved, sizeof(saved));
	machine_state(&s, &h.m);
	n = s.at;
	memcpy(copy, h.ram, HARNESS_RAM);
	harness_start(&h, true);
	memcpy(h.ram, copy, HARNESS_RAM);
	h.disk[0] = 0x42;
	state_load(&s, saved, n);
	machine_state(&s, &h.m);
	OK(!s.bad && h.sent_count == 1, "a request under way survives save and restore");
	answer_all();
	OK(request()->status == 0 && h.ram[BUFFERS + 0x1000] == 0x42, "and is answered there");
}

/* Each breaks the queue; the device must stop, touch nothing outside, and live again after a reset. */
static void hostile(const char *what, void (*prepare)(void))
{
	driver_start(RNG, 0);
	driver_descriptor(0, 0, BUFFERS, 16, 2, 0);
	prepare();
	driver_submit(0, 0);
	OK(h.m.rng.v.queue[0].broken && ring(0)->used_idx == 0, what);
}

static void far_away(void)
{
	driver_descriptor(0, 0, HARNESS_RAM - 8, 16, 2, 0);
}

static void wraps(void)
{
	driver_descriptor(0, 0, UINT64_MAX - 7, 16, 2, 0);
}

static void loops(void)
{
	driver_descriptor(0, 0, BUFFERS, 16, 3, 1);
	driver_descriptor(0, 1, BUFFERS, 16, 3, 0);
}

static void next_outside(void)
{
	driver_descriptor(0, 0, BUFFERS, 16, 3, SIZE);
}

static void read_after_write(void)
{
	driver_descriptor(0, 0, BUFFERS, 16, 3, 1);
	driver_descriptor(0, 1, BUFFERS, 16, 0, 0);
}

static void indirect_twice(void)
{
	driver_descriptor(0, 0, QUEUE + 16, 16, 4, 0);
	driver_descriptor(0, 1, QUEUE + 16, 16, 4, 0);
}

static void indirect_odd(void)
{
	driver_descriptor(0, 0, QUEUE + 16, 17, 4, 0);
}

static void index_jumps(void)
{
	ring(0)->avail_idx = 1000;
}

static void in_the_hole(void)
{
	driver_descriptor(0, 0, 0xd0000000, 16, 2, 0);
}

static void test_hostile(void)
{
	hostile("a buffer over the end of RAM", far_away);
	hostile("a buffer around the end of the address space", wraps);
	hostile("a buffer in device memory", in_the_hole);
	hostile("a chain that loops", loops);
	hostile("a next field outside of the table", next_outside);
	hostile("a readable part behind a writable one", read_after_write);
	hostile("an indirect table in an indirect table", indirect_twice);
	hostile("an indirect table of odd size", indirect_odd);
	hostile("an index that jumps", index_jumps);
	driver_start(RNG, 0);
	mem_out(&h, bar + 0x14, 1, 0);
	driver_features(0);
	mem_out(&h, bar + 0x20, 4, HARNESS_RAM - 16);
	mem_out(&h, bar + 0x1c, 2, 1);
	OK(h.m.rng.v.queue[0].broken, "a ring over the end of RAM");
}

int main(void)
{
	test_rng();
	test_event_index();
	test_features();
	test_disk();
	test_disk_discard();
	test_disk_sectors();
	test_disk_zeroes();
	test_disk_overlap();
	test_disk_refusals();
	test_disk_backend();
	test_disk_save();
	test_hostile();
	harness_stop(&h);
	return harness_result();
}
