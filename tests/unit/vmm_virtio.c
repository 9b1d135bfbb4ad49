// SPDX-License-Identifier: Apache-2.0
/* virtio entropy and disk, driven by a small driver; then by one that breaks every rule. */
#include <string.h>
#include "tests/unit/vmm_harness.h"

#define OK(cond, what) check_that("vmm_virtio", cond, what)

enum { RNG = 1, DISK = 2, QUEUE = 0x10000, BUFFERS = 0x20000, SIZE = 8, VECTOR = 0x61 };

struct ring {
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} desc[SIZE];
	uint16_t avail_flags, avail_idx, avail[SIZE], used_event;
	uint16_t pad;
	uint16_t used_flags, used_idx;
	struct {
		uint32_t id, len;
	} used[SIZE];
	uint16_t avail_event;
};

static struct harness h;
static uint32_t bar, io;

static struct ring *ring(void)
{
	return (struct ring *)(void *)(h.ram + QUEUE);
}

static uint32_t config(unsigned device, unsigned at)
{
	port_out(&h, 0xcf8, 4, 0x80000000u | device << 11 | at);
	return port_in(&h, 0xcfc, 4);
}

/* MSI-X on, vector 1 of the table to LAPIC vector VECTOR. */
static void enable_msix(unsigned device, const struct virtio *v)
{
	config(device, v->msix_cap);
	port_out(&h, 0xcfe, 2, 0x8000);
	mem_out(&h, bar + 0x3010, 4, 0xfee00000);
	mem_out(&h, bar + 0x3014, 4, 0);
	mem_out(&h, bar + 0x3018, 4, VECTOR);
	mem_out(&h, bar + 0x301c, 4, 0);
}

static void accept_features(uint32_t low)
{
	mem_out(&h, bar + 0x14, 1, 3);
	mem_out(&h, bar + 0x08, 4, 0);
	mem_out(&h, bar + 0x0c, 4, low);
	mem_out(&h, bar + 0x08, 4, 1);
	mem_out(&h, bar + 0x0c, 4, 1);
	mem_out(&h, bar + 0x14, 1, 11);
}

static void set_queue(void)
{
	mem_out(&h, bar + 0x16, 2, 0);
	mem_out(&h, bar + 0x18, 2, SIZE);
	mem_out(&h, bar + 0x1a, 2, 1);
	mem_out(&h, bar + 0x20, 4, QUEUE);
	mem_out(&h, bar + 0x28, 4, QUEUE + offsetof(struct ring, avail_flags));
	mem_out(&h, bar + 0x30, 4, QUEUE + offsetof(struct ring, used_flags));
	mem_out(&h, bar + 0x1c, 2, 1);
}

static void set_up(unsigned device, uint32_t features)
{
	struct virtio *v;

	harness_start(&h, true);
	v = device == RNG ? &h.m.rng.v : &h.m.disk.v;
	mem_out(&h, 0xfee000f0, 4, 0x1ff);
	bar = config(device, 0x10) & ~15u;
	io = config(device, 0x14) & ~3u;
	config(device, 4);
	port_out(&h, 0xcfc, 2, 7);
	enable_msix(device, v);
	accept_features(features);
	set_queue();
	mem_out(&h, bar + 0x14, 1, 15);
}

static void descriptor(unsigned i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	ring()->desc[i].addr = addr;
	ring()->desc[i].len = len;
	ring()->desc[i].flags = flags;
	ring()->desc[i].next = next;
}

static void submit(uint16_t head)
{
	struct ring *r = ring();

	r->avail[r->avail_idx % SIZE] = head;
	r->avail_idx++;
	port_out(&h, (uint16_t)io, 2, 0);
}

static bool interrupted(void)
{
	struct lapic *l = &h.m.cpu[0].lapic;

	if (lapic_pending(l) != VECTOR)
		return false;
	lapic_accept(l, VECTOR);
	mem_out(&h, 0xfee000b0, 4, 0);
	return true;
}

static void test_rng(void)
{
	set_up(RNG, 0);
	OK(mem_in(&h, bar + 0x14, 1) == 15, "the driver's features are taken");
	descriptor(0, BUFFERS, 100, 2, 0);
	submit(0);
	OK(ring()->used_idx == 1 && ring()->used[0].len == 100, "a buffer comes back");
	OK(h.ram[BUFFERS] == 0xa5 && h.ram[BUFFERS + 99] == 0xa5 && h.ram[BUFFERS + 100] == 0,
	   "filled, and not beyond");
	OK(interrupted(), "with a message interrupt");
	ring()->avail_flags = 1;
	submit(0);
	OK(ring()->used_idx == 2 && !interrupted(), "no interrupt where none is wanted");
	ring()->avail_flags = 0;
	mem_out(&h, bar + 0x301c, 4, 1);
	submit(0);
	OK(!interrupted() && mem_in(&h, bar + 0x3800, 4) == 2, "a masked vector waits");
	mem_out(&h, bar + 0x301c, 4, 0);
	OK(interrupted(), "until it is unmasked");
	mem_out(&h, bar + 0x14, 1, 0);
	submit(0);
	OK(mem_in(&h, bar + 0x14, 1) == 0 && ring()->used_idx == 3, "a reset device is silent");
}

static void test_event_index(void)
{
	set_up(RNG, 1u << 29);
	descriptor(0, BUFFERS, 8, 2, 0);
	ring()->used_event = 1;
	submit(0);
	OK(!interrupted(), "event index: not before the one that is asked for");
	submit(0);
	OK(interrupted(), "but at it");
	OK(ring()->avail_event == 2, "the device asks for the next notification");
}

static void test_features(void)
{
	harness_start(&h, true);
	bar = config(RNG, 0x10) & ~15u;
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
	descriptor(0, BUFFERS, 16, 1, len != 0 ? 1 : 3);
	descriptor(1, BUFFERS + 0x1000, len / 2, data, 2);
	descriptor(2, BUFFERS + 0x1000 + len / 2, len - len / 2, data, 3);
	descriptor(3, BUFFERS + 16, 1, 2, 0);
	submit(0);
}

static void answer_all(void)
{
	while (h.sent_count != 0)
		harness_answer(&h);
}

static void test_disk(void)
{
	set_up(DISK, 1 << 9 | 1 << 13);
	OK(mem_in(&h, bar + 0x2000, 4) == HARNESS_DISK * 8 && mem_in(&h, bar + 0x2014, 4) == 4096,
	   "capacity and block size");
	memset(h.ram + BUFFERS + 0x1000, 0x77, 5 * BLK_SIZE);
	blk(1, 8, 5 * BLK_SIZE, true);
	OK(h.sent_count == 1 && h.sent[0].count == 2 && h.sent[0].block == 1,
	   "a write goes on in pieces");
	answer_all();
	OK(request()->status == 0 && interrupted(), "and is answered");
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

	set_up(DISK, 1 << 13);
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
	set_up(DISK, 0);
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
	set_up(DISK, 0);
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
	OK(ring()->used_idx == 0, "answers nobody asked for are ignored");
}

static void test_disk_save(void)
{
	static uint8_t saved[MACHINE_STATE_MAX], copy[HARNESS_RAM];
	struct state s;
	size_t n;

	set_up(DISK, 0);
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
	set_up(RNG, 0);
	descriptor(0, BUFFERS, 16, 2, 0);
	prepare();
	submit(0);
	OK(h.m.rng.v.queue[0].broken && ring()->used_idx == 0, what);
}

static void far_away(void)
{
	descriptor(0, HARNESS_RAM - 8, 16, 2, 0);
}

static void wraps(void)
{
	descriptor(0, UINT64_MAX - 7, 16, 2, 0);
}

static void loops(void)
{
	descriptor(0, BUFFERS, 16, 3, 1);
	descriptor(1, BUFFERS, 16, 3, 0);
}

static void next_outside(void)
{
	descriptor(0, BUFFERS, 16, 3, SIZE);
}

static void read_after_write(void)
{
	descriptor(0, BUFFERS, 16, 3, 1);
	descriptor(1, BUFFERS, 16, 0, 0);
}

static void indirect_twice(void)
{
	descriptor(0, QUEUE + 16, 16, 4, 0);
	descriptor(1, QUEUE + 16, 16, 4, 0);
}

static void indirect_odd(void)
{
	descriptor(0, QUEUE + 16, 17, 4, 0);
}

static void index_jumps(void)
{
	ring()->avail_idx = 1000;
}

static void in_the_hole(void)
{
	descriptor(0, 0xd0000000, 16, 2, 0);
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
	set_up(RNG, 0);
	mem_out(&h, bar + 0x14, 1, 0);
	accept_features(0);
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
