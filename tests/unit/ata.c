// SPDX-License-Identifier: Apache-2.0
/*
 * drivers/ata/ata.c against a drive played here: an honest one with a register file of ATA-7, and ones that stay busy,
 * report errors, lose step or are something else. Time passes only by sleeping.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/ata/ata.h"
#include "drivers/ata/bus.h"
#include "lib/component.h"

enum {
	COMMAND_PORT = 0x170,
	CONTROL_PORT = 0x376,
	SECTORS = 1024,
	ERR = 1,
	DRQ = 8,
	DF = 0x20,
	BSY = 0x80
};

/* How the drive misbehaves. */
enum fault {
	HONEST,
	NOT_THERE,
	ALWAYS_BUSY,
	ERRORS,
	FAULTS,
	ENDS_EARLY,
	NEVER_ENDS,
	PACKET,
	RANDOM
};

static struct {
	enum fault fault;
	uint16_t identity[256];
	uint8_t disk[SECTORS][ATA_SECTOR];
	uint8_t reg[8][2]; /* what was written, and before that */
	uint8_t status, buffer[ATA_SECTOR], code;
	uint64_t lba;
	uint32_t left; /* sectors of the command */
	bool quiet, flushed;
	unsigned resets;
} drive;

static uint64_t clock_ns;
static unsigned failures;

uint64_t now_ns(void)
{
	return clock_ns;
}

void component_wait(uint64_t deadline_ns)
{
	clock_ns = deadline_ns;
}

static void check(bool ok, const char *what)
{
	printf("%s ata: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static void reset(void)
{
	drive.resets++;
	drive.status = drive.fault == NOT_THERE ? 0xff : 0x50;
	memset(drive.reg, 0, sizeof(drive.reg));
	if (drive.fault == PACKET) {
		drive.reg[4][0] = 0x14;
		drive.reg[5][0] = 0xeb;
	}
}

static uint64_t address(bool wide)
{
	uint64_t low =
		drive.reg[3][0] | (uint64_t)drive.reg[4][0] << 8 | (uint64_t)drive.reg[5][0] << 16;

	return wide ? low | (uint64_t)drive.reg[3][1] << 24 | (uint64_t)drive.reg[4][1] << 32 |
			       (uint64_t)drive.reg[5][1] << 40
		    : low | (uint64_t)(drive.reg[6][0] & 0xf) << 24;
}

/* The next sector of the command is in the buffer, or wanted in it. */
static void step(void)
{
	drive.status = drive.left ? 0x50 | DRQ : 0x50;
	if (drive.fault == ENDS_EARLY && drive.left)
		drive.status = 0x50;
	if (drive.fault == NEVER_ENDS)
		drive.status = 0x50 | DRQ;
	if (drive.left && drive.code != 0xec && (drive.code & 0x30) == 0x20)
		memcpy(drive.buffer, drive.disk[drive.lba % SECTORS], ATA_SECTOR);
}

static void start(uint8_t code)
{
	bool wide = code == 0x24 || code == 0x34 || code == 0xea;
	uint32_t count = wide ? drive.reg[2][0] | (uint32_t)drive.reg[2][1] << 8 : drive.reg[2][0];

	drive.code = code;
	drive.lba = address(wide);
	drive.left = code == 0xec                   ? 1
		     : code == 0xe7 || code == 0xea ? 0
		     : count                        ? count
		     : wide                         ? 65536
						    : 256;
	drive.flushed |= code == 0xe7 || code == 0xea;
	memcpy(drive.buffer, drive.identity, ATA_SECTOR);
	step();
	if (drive.fault == ERRORS && code != 0xec)
		drive.status = 0x50 | ERR;
	if (drive.fault == FAULTS && code != 0xec)
		drive.status = 0x50 | DF;
	if (drive.fault == ALWAYS_BUSY)
		drive.status = BSY;
}

uint8_t bus_read(uint16_t port)
{
	if (drive.fault == RANDOM)
		return (uint8_t)rand();
	if (drive.fault == NOT_THERE)
		return 0xff;
	if (port == CONTROL_PORT || port == COMMAND_PORT + 7)
		return drive.status;
	return drive.reg[port - COMMAND_PORT][0];
}

void bus_write(uint16_t port, uint8_t value)
{
	if (port == CONTROL_PORT) {
		drive.quiet = value & 2;
		if (value & 4)
			reset();
		return;
	}
	if (port == COMMAND_PORT + 7)
		return start(value);
	drive.reg[port - COMMAND_PORT][1] = drive.reg[port - COMMAND_PORT][0];
	drive.reg[port - COMMAND_PORT][0] = value;
}

static void moved(void)
{
	if (drive.left) {
		drive.left--;
		drive.lba++;
	}
	step();
}

void bus_read_words(uint16_t port, void *to, size_t words)
{
	(void)port;
	memcpy(to, drive.buffer, words * 2);
	moved();
}

void bus_write_words(uint16_t port, const void *from, size_t words)
{
	(void)port;
	memcpy(drive.disk[drive.lba % SECTORS], from, words * 2);
	moved();
}

static const char *fresh(struct ata *a, enum fault fault, bool narrow)
{
	memset(&drive, 0, sizeof(drive));
	drive.fault = fault;
	drive.identity[60] = SECTORS;
	drive.identity[83] = narrow ? 0 : 1 << 10;
	drive.identity[100] = SECTORS;
	*a = (struct ata){ .command = COMMAND_PORT, .control = CONTROL_PORT };
	return ata_begin(a);
}

static void honest(bool narrow)
{
	static uint8_t out[ATA_MAX_SECTORS * ATA_SECTOR], in[sizeof(out)];
	struct ata a;

	check(!fresh(&a, HONEST, narrow) && a.sectors == SECTORS && a.wide == !narrow &&
		      drive.quiet,
	      narrow ? "28-bit drive found" : "48-bit drive found, without interrupts");
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)rand();
	check(!ata_write(&a, 700, ATA_MAX_SECTORS, out) &&
		      !memcmp(drive.disk[700], out, sizeof(out)),
	      "256 sectors in one command");
	check(!ata_read(&a, 700, ATA_MAX_SECTORS, in) && !memcmp(in, out, sizeof(in)), "come back");
	check(!ata_read(&a, 702, 1, in) && !memcmp(in, out + 2 * ATA_SECTOR, ATA_SECTOR),
	      "one sector");
	check(!ata_flush(&a) && drive.flushed, "the cache is emptied");
}

static void high_address(void)
{
	uint8_t in[ATA_SECTOR];
	struct ata a;

	(void)!fresh(&a, HONEST, false);
	check(!ata_read(&a, 0x123456789abull, 1, in) && drive.lba == 0x123456789acull,
	      "all 48 bits reach the drive, in the right order");
	(void)!fresh(&a, HONEST, true);
	check(!ata_read(&a, 0xabcdef1, 1, in) && drive.lba == 0xabcdef2,
	      "all 28 bits reach the drive");
}

static void refused(enum fault fault, const char *what)
{
	struct ata a;
	uint64_t begin = clock_ns;
	const char *wrong = fresh(&a, fault, false);

	check(wrong && clock_ns - begin < 120000000000ull, what);
}

/* The drive is found well and then fails: an error each time, in bounded time, and no byte beyond the buffer. */
static void failing(enum fault fault, const char *what)
{
	uint8_t *buffer = malloc(8 * ATA_SECTOR);
	uint64_t begin = clock_ns;
	struct ata a;
	bool good = !fresh(&a, HONEST, false);

	drive.fault = fault;
	good = good && ata_read(&a, 3, 8, buffer) && ata_write(&a, 3, 8, buffer);
	if (fault != ENDS_EARLY)
		good = good && ata_flush(&a);
	check(good && clock_ns - begin < 200000000000ull, what);
	drive.fault = HONEST;
	check(!ata_begin(&a) && !ata_read(&a, 3, 8, buffer),
	      "and is usable after it was set up again");
	free(buffer);
}

/* Whatever the registers read: every call ends, and the sanitizer sees to the memory. */
static void rubbish(void)
{
	uint8_t *buffer = malloc(ATA_MAX_SECTORS * ATA_SECTOR);
	struct ata a;

	for (unsigned i = 0; i < 2000; i++) {
		(void)!fresh(&a, RANDOM, i & 1);
		for (unsigned w = 0; w < 256; w++)
			drive.identity[w] = (uint16_t)rand();
		(void)!ata_read(&a, (uint64_t)rand(), 1u + (uint32_t)rand() % ATA_MAX_SECTORS,
				buffer);
		(void)!ata_write(&a, (uint64_t)rand(), 1u + (uint32_t)rand() % ATA_MAX_SECTORS,
				 buffer);
		(void)!ata_flush(&a);
	}
	free(buffer);
	check(true, "2000 drives that answer at random: every command ended");
}

int main(void)
{
	honest(false);
	honest(true);
	high_address();
	refused(NOT_THERE, "no drive is told");
	refused(PACKET, "a CD drive is refused");
	refused(ALWAYS_BUSY, "a drive that never gets ready is given up");
	failing(ERRORS, "errors are told");
	failing(FAULTS, "faults are told");
	failing(ENDS_EARLY, "a command that ends early is told");
	failing(NEVER_ENDS, "a drive that wants more data than there is, is told");
	failing(ALWAYS_BUSY, "a drive that stays busy is given up");
	rubbish();
	return failures != 0;
}
