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
	OK(mem_in(&h, bar + 0x2000, 4) == HARNESS_DISK * 8 && mem_in(&h, bar + 0x2014, 4) == 4096,
	   "capacity and block size");
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
	d.sector = UINT64_MAX - 7;
	memcpy(h.ram + BUFFERS + 0x1000, &d, sizeof(d));
	blk(11, 0, sizeof(d), true);
	OK(request()->status == 1 && h.sent_count == 0, "a discard outside of the disk fails");
}

static void test_disk_refusals(void)
{
	driver_start(DISK, 0);
	blk(0, 4, BLK_SIZE, false);
	OK(request()->status == 1, "a sector inside a block fails");
	blk(0, 8, 512, false);
	OK(request()->status == 1, "less than a block fails");
	blk(0, (HARNESS_DISK - 1) * 8, 2 * BLK_SIZE, false);
	OK(request()->status == 1, "over the end fails");
	blk(0, UINT64_MAX - 7, BLK_SIZE, false);
	OK(request()->status == 1, "far over the end fails");
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
	test_disk_refusals();
	test_disk_backend();
	test_disk_save();
	test_hostile();
	harness_stop(&h);
	return harness_result();
}
