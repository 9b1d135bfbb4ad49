// SPDX-License-Identifier: Apache-2.0
/*
 * Two vCPUs against one device: one gives it good requests, round after round, and rings; the other changes descriptors, indices and tables between
 * right and wrong, moves the queues, resets the device. A device may stop a queue; it must not write anywhere but into the buffers, and work afterwards.
 */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile_ring.h"

enum {
	ROUNDS = 90,
	KICKS = 4,      /* of each queue in a round */
	LOOKS = 100000, /* for an answer, in the end */
	PAGE = 0x1000,
	QUEUES = 2,
	FENCE_BYTES = 0x10000,
	MEMORY_ONLY = 0, /* what the other does in a round */
	REGISTERS = 1,
	RESETS = 2,
	MODES = 3,
};

#define RINGS     \
	UINT64_C( \
		0x600000) /* a queue each 64 KiB: descriptors, available, used, indirect table, a page each */
#define FENCE \
	UINT64_C(0x700000) /* the buffers, a page each, and what must not change around them */

/* The requests: what lies in which descriptor. */
static const struct part {
	uint16_t id, queue, slot, len, flags;
} parts[] = {
	{ DEVICE_RNG, 0, 0, 64, WRITE | NEXT },
	{ DEVICE_RNG, 0, 1, 64, WRITE },
	{ DEVICE_BLK, 0, 0, 16, NEXT },
	{ DEVICE_BLK, 0, 1, 512, WRITE | NEXT },
	{ DEVICE_BLK, 0, 2, 1, WRITE },
	{ DEVICE_NET, 0, 0, 1526, WRITE },
	{ DEVICE_NET, 1, 0, 54, 0 },
	{ DEVICE_CONSOLE, 0, 0, 16, WRITE },
	{ DEVICE_CONSOLE, 1, 0, 1, 0 },
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* Header, then a question for the address of 10.0.2.2: the answer is a frame for the other queue. */
static const uint8_t frame[54] = { 0,    0,    0,    0,    0,    0,    0,    0,    0,    0, 0,
				   0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12,
				   0x34, 0x56, 8,    6,    0,    1,    8,    0,    6,    4, 0,
				   1,    0x52, 0x54, 0,    0x12, 0x34, 0x56, 10,   0,    2, 15,
				   0,    0,    0,    0,    0,    0,    10,   0,    2,    2 };

static const uint64_t bad_address[] = { HOLE, FAR, UINT64_MAX - 7, UINT64_C(0xfffff8),
					UINT64_C(0xfee00000) };
static const uint32_t bad_length[] = { UINT32_MAX, 0x7fffffff, 0x1000000, 0 };
static const uint16_t bad_flags[] = { INDIRECT, INDIRECT | NEXT, NEXT | WRITE, UINT16_MAX };
static const uint16_t bad_next[] = { 0, SIZE, 0x8000, UINT16_MAX };

static uint16_t device;
static unsigned first, count; /* its parts */
static volatile unsigned mode, stop, stopped, changes;

static uint64_t buffer(unsigned part)
{
	return FENCE + part * PAGE;
}

static volatile struct desc *table(unsigned queue, bool indirect)
{
	return (volatile struct desc *)(RINGS + queue * 0x10000 + (indirect ? 3 * PAGE : 0));
}

static volatile struct ring *available(unsigned queue)
{
	return (volatile struct ring *)(RINGS + queue * 0x10000 + PAGE);
}

static volatile uint16_t *used(unsigned queue)
{
	return (volatile uint16_t *)(RINGS + queue * 0x10000 + 2 * PAGE);
}

/* --- the honest vCPU --- */

static void describe(volatile struct desc *to, unsigned part)
{
	to->addr = buffer(part);
	to->len = parts[part].len;
	to->flags = parts[part].flags;
	to->next = (uint16_t)(parts[part].slot + 1);
}

static void fill(unsigned part)
{
	uint8_t *p = (uint8_t *)buffer(part);

	memset(p, 0, parts[part].len);
	if (device == DEVICE_NET && parts[part].queue == 1)
		memcpy(p, frame, sizeof(frame));
	if (device == DEVICE_CONSOLE)
		*p = '\n';
}

static void prepare(void)
{
	ring_begin();
	for (unsigned q = 0; q < QUEUES; q++) {
		available(q)->idx = 0;
		used(q)[1] = 0;
		ring_enable(q, (uint64_t)table(q, false), (uint64_t)available(q),
			    (uint64_t)used(q));
	}
	for (unsigned i = first; i < first + count; i++) {
		fill(i);
		describe(table(parts[i].queue, false) + parts[i].slot, i);
		describe(table(parts[i].queue, true) + parts[i].slot, i);
	}
	put8(STATUS, DRIVER_OK);
}

static void kick(unsigned queue, uint16_t n)
{
	available(queue)->entry[(uint16_t)(n - 1) % SIZE] = 0;
	available(queue)->idx = n;
	ring_notify(queue);
}

/* The queue whose requests come back without anybody's help. */
static unsigned busy_queue(void)
{
	return device == DEVICE_NET || device == DEVICE_CONSOLE;
}

static bool round_answered(unsigned n)
{
	mode = n % MODES;
	prepare();
	for (uint16_t k = 1; k <= KICKS; k++)
		for (unsigned q = 0; q < QUEUES; q++)
			kick(q, k);
	return used(busy_queue())[1] != 0;
}

static bool works(void)
{
	prepare();
	kick(busy_queue(), 1);
	for (unsigned i = 0; i < LOOKS && used(busy_queue())[1] == 0; i++)
		get8(STATUS);
	return used(busy_queue())[1] == 1;
}

/* --- the other --- */

static uint32_t draw(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

#define ONE_OF(list) list[draw() % (sizeof(list) / sizeof((list)[0]))]

static void spoil(volatile struct desc *d, unsigned queue)
{
	switch (draw() % 5) {
	case 0:
		d->addr = ONE_OF(bad_address);
		break;
	case 1:
		d->len = ONE_OF(bad_length);
		break;
	case 2:
		d->flags = ONE_OF(bad_flags);
		break;
	case 3:
		d->next = ONE_OF(bad_next);
		break;
	default: /* the same request by the indirect table, or nearly */
		d->flags = INDIRECT;
		d->len = 16 * count + (draw() & 1);
		d->addr = (uint64_t)table(queue, true);
		break;
	}
}

static void change_memory(void)
{
	unsigned part = first + draw() % count, queue = parts[part].queue;
	volatile struct desc *d = table(queue, draw() & 1) + parts[part].slot;

	spoil(d, queue);
	for (unsigned n = draw() % 32; n != 0; n--)
		__asm__ volatile("");
	describe(d, part);
	if (draw() % 16 == 0)
		available(queue)->entry[draw() % KICKS] = ONE_OF(bad_next);
	if (draw() % 64 == 0)
		available(queue)->idx = (uint16_t)draw();
	if (device == DEVICE_BLK && draw() % 8 == 0)
		*(volatile uint32_t *)buffer(first) = draw() % 16; /* what is asked for */
}

static void change_registers(void)
{
	static const uint16_t at[] = { QUEUE_DESC, QUEUE_AVAIL, QUEUE_USED };

	put16(QUEUE_SELECT, (uint16_t)(draw() % 3));
	put64(ONE_OF(at), ONE_OF(bad_address));
	put16(QUEUE_SIZE, (uint16_t)(1u << draw() % 8));
	put16(QUEUE_ENABLE, 1);
	ring_notify(draw() % QUEUES);
}

static void change_status(void)
{
	static const uint8_t status[] = { 0, DRIVER_OK, 3, UINT8_MAX };

	put8(STATUS, ONE_OF(status));
	ring_notify(draw() % QUEUES);
}

static void change(void)
{
	stopped = 0;
	while (!stop) {
		change_memory();
		if (mode == REGISTERS && draw() % 8 == 0)
			change_registers();
		if (mode == RESETS && draw() % 8 == 0)
			change_status();
		changes++;
	}
	stopped = 1;
}

/* --- around them --- */

static uint8_t fence_byte(uint64_t i)
{
	return (uint8_t)(i * 167 + (i >> 8) * 13 + 1);
}

static bool in_buffer(uint64_t i)
{
	return i / PAGE < PARTS && i % PAGE < parts[i / PAGE].len;
}

static void check_fence(void)
{
	volatile uint8_t *p = (volatile uint8_t *)FENCE;

	for (uint64_t i = 0; i < FENCE_BYTES; i++)
		if (!in_buffer(i) && p[i] != fence_byte(i)) {
			guest_bad("a device wrote outside of the buffers", "address, device",
				  FENCE + i, device);
			return;
		}
}

static void build_fence(void)
{
	for (uint64_t i = 0; i < FENCE_BYTES; i++)
		((uint8_t *)FENCE)[i] = fence_byte(i);
}

static void find_parts(uint32_t id)
{
	device = (uint16_t)id;
	count = 0;
	for (unsigned i = 0; i < PARTS; i++)
		if (parts[i].id == id && count++ == 0)
			first = i;
}

static void tell(unsigned answered)
{
	guest_text("# race with device ");
	guest_hex(device);
	guest_text(": rounds ");
	guest_number(ROUNDS);
	guest_text(", answered ");
	guest_number(answered);
	guest_text(", changes ");
	guest_number(changes);
	guest_print();
}

void hostile_race(uint32_t id)
{
	unsigned answered = 0;

	find_parts(id);
	build_fence();
	memset((void *)RINGS, 0, 0x10000 * QUEUES);
	stop = changes = 0;
	guest_second(change);
	while (changes == 0)
		__asm__ volatile("pause");
	for (unsigned n = 0; n < ROUNDS; n++)
		answered += round_answered(n);
	stop = 1;
	while (!stopped)
		__asm__ volatile("pause");
	check_fence();
	tell(answered);
	if (!works())
		guest_bad("a device works after a race", "device, status", id, get8(STATUS));
	put8(STATUS, 0);
}
