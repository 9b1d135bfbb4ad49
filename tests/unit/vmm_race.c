// SPDX-License-Identifier: Apache-2.0
/*
 * Rings that another vCPU changes while a device works. Each descriptor that a device has read is replaced at once by one
 * that is wrong in every field: so each has to be read once, and what was read has to do. The linker puts this file's gm_read() around the VMM's.
 */
#include <string.h>
#include "tests/unit/vmm_driver.h"

#define OK(cond, what) check_that("vmm_race", cond, what)

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, DESC = 16, TABLE = BUFFERS + 0x8000, ENTRIES = 4 };
enum { FRAME_BYTES = 60, NET_HEADER = 12 };

bool __real_gm_read(const struct guest_mem *gm, uint64_t gpa, void *out, size_t len);
bool __wrap_gm_read(const struct guest_mem *gm, uint64_t gpa, void *out, size_t len);

/* Of descriptors of queues 0 and 1; those of the indirect table count as queue 1's. */
static unsigned reads[2][SIZE];
static bool racing;

/* NULL: no descriptor. */
static unsigned *counter(uint64_t gpa)
{
	for (unsigned q = 0; q < 2; q++)
		if (gpa >= QUEUE + q * QUEUE_STEP && gpa < QUEUE + q * QUEUE_STEP + DESC * SIZE)
			return &reads[q][(gpa - QUEUE - q * QUEUE_STEP) / DESC];
	if (gpa >= TABLE && gpa < TABLE + DESC * ENTRIES)
		return &reads[1][(gpa - TABLE) / DESC];
	return NULL;
}

bool __wrap_gm_read(const struct guest_mem *gm, uint64_t gpa, void *out, size_t len)
{
	bool good = __real_gm_read(gm, gpa, out, len);
	unsigned *count = racing ? counter(gpa) : NULL;

	if (count != NULL) {
		++*count;
		memset(h.ram + gpa / DESC * DESC, 0xff, DESC);
	}
	return good;
}

static void start(unsigned device)
{
	racing = false;
	memset(reads, 0, sizeof(reads));
	driver_start(device, 0);
}

static void submit(unsigned q)
{
	racing = true;
	driver_submit(q, 0);
}

/* The first n descriptors of a queue (or the table) were read once each, no other was. */
static bool once(unsigned q, unsigned n)
{
	for (unsigned i = 0; i < SIZE; i++)
		if (reads[q][i] != (i < n))
			return false;
	return true;
}

static void test_rng(void)
{
	start(RNG);
	driver_descriptor(0, 0, BUFFERS, 16, WRITE | NEXT, 1);
	driver_descriptor(0, 1, BUFFERS + 0x100, 16, WRITE, 0);
	submit(0);
	OK(once(0, 2), "each descriptor of a chain is read once");
	OK(ring(0)->used_idx == 1 && ring(0)->used[0].len == 32 && h.ram[BUFFERS + 15] == 0xa5 &&
		   h.ram[BUFFERS + 0x10f] == 0xa5 && h.ram[BUFFERS + 16] == 0 &&
		   h.ram[BUFFERS + 0x110] == 0,
	   "and the request is what they said then");
}

/* Header, data, status. */
static void test_disk(void)
{
	start(DISK);
	memset(h.disk, 0x77, BLK_SIZE);
	driver_descriptor(0, 0, BUFFERS, 16, NEXT, 1);
	driver_descriptor(0, 1, BUFFERS + 0x1000, 512, WRITE | NEXT, 2);
	driver_descriptor(0, 2, BUFFERS + 0x100, 1, WRITE, 0);
	h.ram[BUFFERS + 0x100] = 0xff;
	submit(0);
	memset(h.ram + BUFFERS, 0xff, 16); /* the header changes under way */
	while (h.sent_count != 0)
		harness_answer(&h);
	OK(once(0, 3) && h.ram[BUFFERS + 0x100] == 0, "a disk request reads its chain once");
	OK(h.ram[BUFFERS + 0x11ff] == 0x77 && h.ram[BUFFERS + 0x1200] == 0,
	   "and no more than it asked for when it came is written");
}

static void test_indirect(void)
{
	start(RNG);
	driver_descriptor(0, 0, TABLE, DESC * 2, INDIRECT, 0);
	driver_descriptor(1, 0, BUFFERS, 16, WRITE | NEXT, 1);
	driver_descriptor(1, 1, BUFFERS + 0x100, 16, WRITE, 0);
	memcpy(h.ram + TABLE, ring(1)->desc, DESC * 2);
	submit(0);
	OK(once(0, 1) && once(1, 2) && ring(0)->used_idx == 1 && ring(0)->used[0].len == 32,
	   "an indirect table, the one and the other");
}

static void test_net(void)
{
	static const uint8_t frame[FRAME_BYTES] = { 1, 2, 3 };

	start(NET);
	driver_descriptor(0, 0, BUFFERS, NET_HEADER + FRAME_BYTES, WRITE, 0);
	submit(0);
	vnet_receive(&h.m.net, frame, FRAME_BYTES);
	OK(once(0, 1) && ring(0)->used[0].len == NET_HEADER + FRAME_BYTES &&
		   h.ram[BUFFERS + NET_HEADER + 2] == 3,
	   "a frame for the guest");
	driver_descriptor(1, 0, BUFFERS + 0x1000, NET_HEADER, NEXT, 1);
	driver_descriptor(1, 1, BUFFERS, NET_HEADER + FRAME_BYTES, 0, 0);
	submit(1);
	OK(once(1, 2) && h.frames == 1 && h.frame_len == NET_HEADER + FRAME_BYTES,
	   "a frame of the guest");
}

static void test_console(void)
{
	start(HVC);
	driver_descriptor(0, 0, BUFFERS, 8, WRITE, 0);
	submit(0);
	vcon_input(&h.m.hvc, (const uint8_t *)"typed", 5);
	OK(once(0, 1) && ring(0)->used[0].len == 5, "what is typed");
	memcpy(h.ram + BUFFERS, "printed", 7);
	driver_descriptor(1, 0, BUFFERS, 7, 0, 0);
	submit(1);
	OK(once(1, 1) && ring(1)->used_idx == 1, "what is printed");
}

int main(void)
{
	test_rng();
	test_disk();
	test_indirect();
	test_net();
	test_console();
	harness_stop(&h);
	return harness_result();
}
