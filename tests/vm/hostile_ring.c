// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that lies: malformed rings and misused registers on every virtio device of the board. A device may stop such a queue; it must touch no other
 * memory, and work again after a reset. The entropy device, which needs nobody else, then has to answer.
 */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile_ring.h"

enum {
	TABLE = 0x3000,
	GUARD_BYTES = 0x10000,
	MAX_DEVICES = 31,
};

#define DESC   UINT64_C(0x400000)
#define AVAIL  UINT64_C(0x401000)
#define USED   UINT64_C(0x402000)
#define BUFFER UINT64_C(0x403000)
#define LIST   UINT64_C(0x404000) /* indirect */
#define GUARD  UINT64_C(0x500000)

static volatile struct desc *const desc = (volatile struct desc *)DESC,
				   *const list = (volatile struct desc *)LIST;
static volatile struct ring *const avail = (volatile struct ring *)AVAIL;
static volatile uint16_t *const used = (volatile uint16_t *)USED;
uint32_t ring_bar, ring_ports;
static uint16_t queue;

static uint32_t config(unsigned device, unsigned at)
{
	out32(0xcf8, 0x80000000u | device << 11 | at);
	return in32(0xcfc);
}

static void set_config(unsigned device, unsigned at, uint32_t v)
{
	out32(0xcf8, 0x80000000u | device << 11 | at);
	out32(0xcfc, v);
}

void ring_begin(void)
{
	put8(STATUS, 0);
	put8(STATUS, 3);
	put32(8, 0);
	put32(12, 1u << 28);
	put32(8, 1);
	put32(12, 1);
	put8(STATUS, FEATURES_OK);
}

void ring_enable(unsigned q, uint64_t d, uint64_t a, uint64_t u)
{
	put16(QUEUE_SELECT, (uint16_t)q);
	put64(QUEUE_DESC, d);
	put64(QUEUE_AVAIL, a);
	put64(QUEUE_USED, u);
	put16(QUEUE_VECTOR, 0);
	put16(QUEUE_ENABLE, 1);
}

static void begin(void)
{
	ring_begin();
	put16(QUEUE_SELECT, queue);
}

static void enable(uint64_t d, uint64_t a, uint64_t u)
{
	ring_enable(queue, d, a, u);
	put8(STATUS, DRIVER_OK);
}

static void notify(void)
{
	ring_notify(queue);
}

static void clear(void)
{
	memset((void *)DESC, 0, GUARD - DESC > 0x6000 ? 0x6000 : 0);
	desc[0].addr = BUFFER;
	desc[0].len = 64;
	desc[0].flags = WRITE;
	avail->idx = 1;
}

static void usual(void)
{
	begin();
	enable(DESC, AVAIL, USED);
	notify();
}

/* --- the lies; each starts from one good request and a good ring --- */

static void loop(void)
{
	desc[0].flags = WRITE | NEXT;
}

static void long_loop(void)
{
	for (uint16_t i = 0; i < SIZE; i++) {
		desc[i].addr = BUFFER;
		desc[i].len = UINT32_MAX - i;
		desc[i].flags = NEXT | WRITE;
		desc[i].next = (uint16_t)((i + 1) % SIZE);
	}
}

static void next_outside(void)
{
	desc[0].flags = NEXT | WRITE;
	desc[0].next = UINT16_MAX;
}

static void head_outside(void)
{
	avail->entry[0] = SIZE;
}

static void far_away(void)
{
	desc[0].addr = FAR;
}

static void wraps(void)
{
	desc[0].addr = UINT64_MAX - 7;
	desc[0].len = 256;
}

static void over_the_end(void)
{
	desc[0].addr = UINT64_C(0x1000000) - 8;
}

static void into_hole(void)
{
	desc[0].addr = HOLE;
}

static void into_apic(void)
{
	desc[0].addr = UINT64_C(0xfee00000);
}

static void longest(void)
{
	desc[0].addr = 0x100000;
	desc[0].len = UINT32_MAX;
}

static void no_bytes(void)
{
	desc[0].len = 0;
}

static void read_behind_write(void)
{
	desc[0].flags = WRITE | NEXT;
	desc[0].next = 1;
	desc[1].addr = BUFFER;
	desc[1].len = 16;
}

static void indirect(uint64_t addr, uint32_t len, uint16_t flags)
{
	desc[0].addr = addr;
	desc[0].len = len;
	desc[0].flags = (uint16_t)(INDIRECT | flags);
	list[0].addr = BUFFER;
	list[0].len = 64;
	list[0].flags = WRITE;
}

static void indirect_odd(void)
{
	indirect(LIST, 17, 0);
}

static void indirect_empty(void)
{
	indirect(LIST, 0, 0);
}

static void indirect_hole(void)
{
	indirect(HOLE, 16, 0);
}

static void indirect_huge(void)
{
	indirect(LIST, 0xfffffff0, 0);
}

static void indirect_and_next(void)
{
	indirect(LIST, 16, NEXT);
}

static void indirect_nested(void)
{
	indirect(LIST, 32, 0);
	list[0].flags = INDIRECT;
	list[0].addr = LIST;
	list[0].len = 32;
}

static void indirect_loop(void)
{
	indirect(LIST, 32, 0);
	list[0].flags = WRITE | NEXT;
	list[0].next = 0;
}

static void index_jumps(void)
{
	avail->idx = 0x8000;
}

static void onto_itself(void)
{
	desc[0].addr = DESC;
	desc[0].len = 0x3000; /* table, available ring and used ring */
}

static const struct {
	const char *what;
	void (*lie)(void);
} lies[] = {
	{ "a descriptor that follows itself", loop },
	{ "a ring of descriptors", long_loop },
	{ "a next that is outside", next_outside },
	{ "a head that is outside", head_outside },
	{ "a buffer beyond all memory", far_away },
	{ "a buffer that wraps", wraps },
	{ "a buffer over the end of memory", over_the_end },
	{ "a buffer where nothing is", into_hole },
	{ "a buffer on a device", into_apic },
	{ "the longest buffer", longest },
	{ "a buffer of no bytes", no_bytes },
	{ "reading behind writing", read_behind_write },
	{ "an indirect table of 17 bytes", indirect_odd },
	{ "an empty indirect table", indirect_empty },
	{ "an indirect table where nothing is", indirect_hole },
	{ "the longest indirect table", indirect_huge },
	{ "an indirect descriptor with a next", indirect_and_next },
	{ "an indirect table in an indirect table", indirect_nested },
	{ "an indirect table that loops", indirect_loop },
	{ "an index that jumps", index_jumps },
	{ "the rings as the buffer", onto_itself },
};

static const struct {
	const char *what;
	uint64_t desc, avail, used;
} places[] = {
	{ "descriptors where nothing is", HOLE, AVAIL, USED },
	{ "the available ring beyond all memory", DESC, FAR, USED },
	{ "the used ring that wraps", DESC, AVAIL, UINT64_MAX - 3 },
	{ "the used ring over the end of memory", DESC, AVAIL, UINT64_C(0xfffffc) },
	{ "descriptors on the local APIC", UINT64_C(0xfee00000), AVAIL, USED },
	{ "rings at odd addresses", DESC + 1, AVAIL + 1, USED + 1 },
	{ "all rings in one place", DESC, DESC, DESC },
	{ "the used ring on the available ring", DESC, AVAIL, AVAIL },
};

/* --- around them --- */

static void fill_guard(void)
{
	for (uint64_t i = 0; i < GUARD_BYTES / 8; i++)
		((uint64_t *)GUARD)[i] = i * UINT64_C(0x9e3779b97f4a7c15);
}

static void check_guard(const char *what)
{
	for (uint64_t i = 0; i < GUARD_BYTES / 8; i++)
		if (((uint64_t *)GUARD)[i] != i * UINT64_C(0x9e3779b97f4a7c15)) {
			guest_bad(what, "foreign memory was written at", GUARD + i * 8, 0);
			fill_guard();
			return;
		}
}

static void registers(void)
{
	static const uint16_t sizes[] = { 0, 3, 129, 256, UINT16_MAX };

	clear();
	begin();
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		put16(QUEUE_SIZE, sizes[i]);
	put16(QUEUE_ENABLE, 1); /* no addresses */
	notify();
	put16(QUEUE_SELECT, UINT16_MAX);
	put64(QUEUE_DESC, DESC);
	put16(QUEUE_ENABLE, 1);
	for (unsigned n = 0; n < 8; n++)
		out32((uint16_t)(ring_ports + 4 * n), UINT32_MAX);
	for (unsigned at = 0; at < 0x4000; at += 4) {
		put32(at, UINT32_MAX);
		put16(at + 2, 0x5555);
		put8(at + 1, 0xaa);
	}
	put8(STATUS, UINT8_MAX);
	notify();
}

/* Messages to memory, to nobody, of every kind. */
static void messages(unsigned device)
{
	static const uint64_t to[] = { 0,
				       GUARD,
				       UINT64_C(0xfee00000),
				       UINT64_C(0xfeeff00c),
				       UINT64_MAX & ~3ull,
				       UINT64_C(0x1fee00000) };

	for (unsigned at = 0x40; at < 0x100; at += 4)
		if ((config(device, at) & 0xff) == 0x11)
			set_config(device, at, config(device, at) | 0x80000000u);
	for (unsigned i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		for (uint32_t kind = 0; kind < 8; kind++) {
			if (kind == 4 || kind == 5) /* an NMI, a reset: they would arrive */
				continue;
			clear();
			begin();
			put64(TABLE, to[i]);
			put32(TABLE + 8, kind << 8 | 0x55);
			put32(TABLE + 12, 0);
			enable(DESC, AVAIL, USED);
			notify();
		}
}

static void attack(unsigned device)
{
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		clear();
		lies[i].lie();
		usual();
		check_guard(lies[i].what);
	}
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		clear();
		begin();
		enable(places[i].desc, places[i].avail, places[i].used);
		notify();
		check_guard(places[i].what);
	}
	registers();
	messages(device);
	check_guard("registers and messages");
}

static void test_entropy(void)
{
	uint32_t sum = 0;

	clear();
	usual();
	for (unsigned i = 0; i < 64; i++)
		sum += ((volatile uint8_t *)BUFFER)[i];
	guest_check(used[1] == 1 && sum != 0, "after all that the entropy device works");
	put8(STATUS, 0);
}

static void attack_device(unsigned device, uint32_t id)
{
	ring_bar = config(device, 0x10) & ~15u;
	ring_ports = config(device, 0x14) & ~3u;
	set_config(device, 4, 7);
	for (queue = 0; queue < 3; queue++)
		attack(device);
	queue = 0;
	put8(STATUS, 0);
	guest_text("# device ");
	guest_hex(id);
	guest_print();
	if (id >> 16 == DEVICE_RNG)
		test_entropy();
	hostile_race(id >> 16);
}

uint32_t guest_main(const char *words)
{
	unsigned count = 0;

	(void)words;
	fill_guard();
	guest_begin();
	for (unsigned device = 1; device <= MAX_DEVICES; device++) {
		uint32_t id = config(device, 0);

		if ((id & 0xffff) != 0x1af4)
			continue;
		attack_device(device, id);
		count++;
	}
	guest_end("no device touched what it was not given, also while another vCPU changed it");
	guest_check(count >= 2, "every virtio device was lied to");
	guest_text("done ");
	guest_text(guest_name);
	guest_print();
	return guest_failures() ? 1 : 7;
}
