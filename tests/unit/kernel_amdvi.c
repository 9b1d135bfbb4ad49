// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's side of AMD-Vi against a unit that the test plays by the specification (AMD I/O Virtualization Technology, revision 3; numbers in brackets are
 * its sections): device table, commands, and the event log, which QEMU's unit never writes.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernel/inc/cpu.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/x86_64/iommu_regs.h"

enum {
	REG_DEVICE_TABLE = 0x00, /* [3.4] */
	REG_COMMANDS = 0x08,
	REG_EVENTS = 0x10,
	REG_CONTROL = 0x18,
	REG_COMMAND_TAIL = 0x2008,
	REG_EVENT_HEAD = 0x2010,
	REG_EVENT_TAIL = 0x2018,
	REG_STATUS = 0x2020,
	REGS = 0x2028 / 8,
	LOG_BYTES = 4096,
	EVENT_BYTES = 16,
	CONTROL_EVENTS = 1 << 2,
	STATUS_OVERFLOW = 1 << 0,
	INVALIDATE_DEVICE = 2,
	COMMAND_WAIT = 1,
	RID = 0x20, /* 00:04.0 */
};

struct bootinfo bootinfo = { .iommu_count = 1,
			     .iommu_remap = 1,
			     .iommu = { { .base = 0xfed80000, .kind = BOOT_IOMMU_AMDVI } } };
bool iommu_remaps;
struct cpu *cpus[CPU_MAX];
uint64_t pool_delta; /* memory is where its pointers say */

static uint64_t regs[REGS];
static uint32_t command_head;
static unsigned invalidated[IOMMU_REQUESTERS];
static int failed;

static void check(bool good, const char *what)
{
	printf("%sok kernel_amdvi: %s\n", good ? "" : "not ", what);
	failed |= !good;
}

void panic(const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	vprintf(fmt, list);
	va_end(list);
	abort();
}

void *boot_frames(uint64_t bytes)
{
	return memset(aligned_alloc(FRAME_SIZE, bytes), 0, bytes);
}

/* The unit. */

static void *at(uint64_t base)
{
	return (void *)(base & 0x000ffffffffff000ull);
}

static void run_commands(void)
{
	for (; command_head != regs[REG_COMMAND_TAIL / 8];
	     command_head = (command_head + 16) % LOG_BYTES) {
		const uint64_t *c = (const uint64_t *)at(regs[REG_COMMANDS / 8]) + command_head / 8;

		if (c[0] >> 60 == COMMAND_WAIT)
			*(uint64_t *)(c[0] & 0x000ffffffffffff8ull) = c[1];
		if (c[0] >> 60 == INVALIDATE_DEVICE)
			invalidated[c[0] & 0xffff]++;
	}
}

uint64_t unit_read(uint32_t unit, uint32_t reg)
{
	(void)unit;
	return regs[reg / 8];
}

void unit_write(uint32_t unit, uint32_t reg, uint64_t value)
{
	(void)unit;
	if (reg == REG_STATUS)
		regs[reg / 8] &= ~value;
	else
		regs[reg / 8] = value;
	if (reg == REG_COMMAND_TAIL)
		run_commands();
}

/* One entry, as [2.5] has it in memory. The log is full when one more would make it look empty; then it stops [2.5.1]. */
static void record(const uint8_t entry[EVENT_BYTES])
{
	uint64_t tail = regs[REG_EVENT_TAIL / 8], next = (tail + EVENT_BYTES) % LOG_BYTES;

	if (!(regs[REG_CONTROL / 8] & CONTROL_EVENTS) || regs[REG_STATUS / 8] & STATUS_OVERFLOW)
		return;
	if (next == regs[REG_EVENT_HEAD / 8]) {
		regs[REG_STATUS / 8] |= STATUS_OVERFLOW;
		return;
	}
	memcpy((uint8_t *)at(regs[REG_EVENTS / 8]) + tail, entry, EVENT_BYTES);
	regs[REG_EVENT_TAIL / 8] = next;
}

/* The checks. */

static const uint64_t *entry_of(uint16_t rid)
{
	return (const uint64_t *)at(regs[REG_DEVICE_TABLE / 8]) + 4 * rid;
}

static bool denies(const uint64_t *e) /* [2.2.2.1] */
{
	static const uint8_t empty[FRAME_SIZE];

	return (e[0] & 3) == 3 && (e[0] >> 9 & 7) == 4 && !(e[0] >> 61 & 3) &&
	       !memcmp(at(e[0]), empty, sizeof(empty)) && (e[2] & 1) && !(e[2] >> 60 & 3);
}

static void test_device_table(void)
{
	static uint8_t tables[2][FRAME_SIZE] __attribute__((aligned(FRAME_SIZE)));
	struct gspace g = { .irt = tables[1] };
	const uint64_t *e;
	bool good = true;

	check(!amdvi_ops.start() && iommu_remaps, "the unit starts");
	for (uint32_t rid = 0; rid < IOMMU_REQUESTERS; rid++)
		good &= denies(entry_of((uint16_t)rid));
	check(good, "at first every function is denied all memory and all interrupts");
	g.space.ptab.root = (uint64_t)tables[0];
	g.space.dma_domain = 7;
	amdvi_ops.attach(RID, &g);
	e = entry_of(RID);
	check(at(e[0]) == tables[0] && (e[0] >> 61 & 3) == 3 && (e[1] & 0xffff) == 7 &&
		      (e[2] & 0x000fffffffffffc0ull) == (uint64_t)tables[1] &&
		      (e[2] >> 60 & 3) == 2 && (e[2] >> 1 & 0xf) == 8,
	      "attached, it has its tables, its domain and 256 interrupts");
	check(invalidated[RID] == 1, "and the unit was told to look again");
	amdvi_ops.detach(RID, 7);
	check(denies(entry_of(RID)) && invalidated[RID] == 2, "detached, it has nothing");
}

/* Function, flags and kind, address: little-endian. */
static const struct {
	const char *name, *why;
	uint8_t entry[EVENT_BYTES];
	uint64_t address;
	bool write;
} samples[] = {
	/* clang-format off */
	{ "IO_PAGE_FAULT, write", "not mapped",
	  { 0x20, 0, 0, 0, 7, 0, 0x20, 0x20, 0x00, 0xf0, 1, 0, 0, 0, 0, 0 }, 0x1f000, true },
	{ "IO_PAGE_FAULT, read above 4 GiB", "not mapped",
	  { 0x20, 0, 0, 0, 7, 0, 0x00, 0x20, 0x40, 0x10, 0, 0, 2, 0, 0, 0 }, 0x200001040, false },
	{ "IO_PAGE_FAULT, write to what may be read", "the page is not mapped for this",
	  { 0x20, 0, 0, 0, 7, 0, 0x70, 0x20, 0x00, 0xf0, 1, 0, 0, 0, 0, 0 }, 0x1f000, true },
	{ "IO_PAGE_FAULT, interrupt", "no such interrupt was assigned",
	  { 0x20, 0, 0, 0, 7, 0, 0x28, 0x20, 0x00, 0x00, 0xe0, 0xfe, 0, 0, 0, 0 }, 0xfee00000, true },
	{ "ILLEGAL_DEV_TABLE_ENTRY", "its device table entry is malformed",
	  { 0x20, 0, 0, 0, 0, 0, 0x20, 0x10, 0x00, 0xf0, 1, 0, 0, 0, 0, 0 }, 0x1f000, true },
	{ "DEV_TAB_HARDWARE_ERROR", "the unit cannot read its device table entry",
	  { 0x20, 0, 0, 0, 0, 0, 0x00, 0x30, 0x00, 0x04, 0, 1, 0, 0, 0, 0 }, 0x1000400, false },
	{ "PAGE_TAB_HARDWARE_ERROR", "the unit cannot read its page tables",
	  { 0x20, 0, 0, 0, 7, 0, 0x00, 0x40, 0x00, 0x04, 0, 1, 0, 0, 0, 0 }, 0x1000400, false },
	{ "ILLEGAL_COMMAND_ERROR", NULL,
	  { 0x00, 0, 0, 0, 0, 0, 0x00, 0x50, 0x30, 0x04, 0, 1, 0, 0, 0, 0 }, 0x1000430, false },
	{ "COMMAND_HARDWARE_ERROR", NULL,
	  { 0x00, 0, 0, 0, 0, 0, 0x00, 0x60, 0x30, 0x04, 0, 1, 0, 0, 0, 0 }, 0x1000430, false },
	{ "INVALID_DEVICE_REQUEST", "a request of a kind that no function may make",
	  { 0x20, 0, 0, 0, 0, 0, 0x00, 0x80, 0x00, 0xf0, 1, 0, 0, 0, 0, 0 }, 0x1f000, false },
	/* clang-format on */
};

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void test_samples(void)
{
	struct iommu_fault f;

	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		record(samples[i].entry);
		check(amdvi_ops.fault(&f) && same(f.why, samples[i].why) &&
			      f.address == samples[i].address && f.write == samples[i].write &&
			      (!f.why || f.rid == RID),
		      samples[i].name);
	}
	check(!amdvi_ops.fault(&f), "each is read once");
	check(regs[REG_EVENT_HEAD / 8] == regs[REG_EVENT_TAIL / 8], "and the unit knows");
}

static void fault_at(uint32_t address)
{
	uint8_t entry[EVENT_BYTES] = { RID, 0, 0, 0, 7, 0, 0x20, 0x20 };

	memcpy(entry + 8, &address, sizeof(address));
	record(entry);
}

/* How many come, each with the address after that of the one before. */
static uint32_t take(uint32_t first)
{
	struct iommu_fault f;
	uint32_t n = 0;

	while (amdvi_ops.fault(&f) && f.address == first + n)
		n++;
	return n;
}

static void test_log(void)
{
	uint32_t said = 1, heard = 1;
	struct iommu_fault f;

	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < 100; i++)
			fault_at(said++);
		heard += take(heard);
	}
	check(heard == 4001, "4000 faults, many times round the log, come once each and in order");
	regs[REG_EVENT_TAIL / 8] = (regs[REG_EVENT_TAIL / 8] + EVENT_BYTES) % LOG_BYTES;
	check(!amdvi_ops.fault(&f), "an entry that is announced and not there yet is waited for");
	regs[REG_EVENT_TAIL / 8] = (regs[REG_EVENT_TAIL / 8] - EVENT_BYTES) % LOG_BYTES;
	fault_at(said++);
	check(take(heard) == 1, "and read when it is there");
	for (unsigned i = 0; i < 1000; i++)
		fault_at(i);
	check(take(0) == 255, "of 1000 faults at once the log keeps 255");
	check(!(regs[REG_STATUS / 8] & STATUS_OVERFLOW), "and starts anew when they are read");
	for (unsigned i = 0; i < 200; i++)
		fault_at(i);
	check(take(0) == 200, "what comes then is read again");
}

int main(void)
{
	test_device_table();
	test_samples();
	test_log();
	return failed;
}
