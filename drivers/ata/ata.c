// SPDX-License-Identifier: Apache-2.0
#include "drivers/ata/ata.h"
#include <stddef.h>
#include "drivers/ata/bus.h"
#include "lib/component.h"

enum ata_register {
	DATA = 0,
	COUNT = 2,
	LBA_LOW = 3,
	LBA_MID = 4,
	LBA_HIGH = 5,
	DEVICE = 6,
	STATUS = 7,
	COMMAND = 7,
};

enum ata_status { ERR = 1 << 0, DRQ = 1 << 3, DF = 1 << 5, BSY = 1 << 7, NOTHING = 0xff };

enum ata_command {
	READ = 0x20,
	READ_EXT = 0x24,
	WRITE = 0x30,
	WRITE_EXT = 0x34,
	FLUSH = 0xe7,
	FLUSH_EXT = 0xea,
	IDENTIFY = 0xec,
};

enum {
	DEVICE_FIRST = 0xa0,
	DEVICE_LBA = 0x40,
	CONTROL_QUIET = 1 << 1, /* nIEN */
	CONTROL_RESET = 1 << 2,
	WORDS = ATA_SECTOR / 2,

	QUICK_TRIES = 200,
	SLEEP_NS = 50000,
	LONG_SLEEP_NS = 2000000,
	SHORT_MS = 2000,
	LONG_MS = 30000, /* a drive may have to spin up, or to empty its cache */
};

enum identify_word {
	ID_KIND = 0, /* bit 15: not an ATA device */
	ID_SECTORS28 = 60,
	ID_COMMANDS = 83,
	ID_SECTORS48 = 100,
	ID_SECTOR_SIZE = 106,

	COMMANDS_48BIT = 1 << 10,
	SECTOR_SIZE_VALID = 1 << 14,
	SECTOR_SIZE_LONG = 1 << 12, /* logical sectors above 512 bytes */
};

/* The alternate status: reading it changes nothing. */
static uint8_t status(const struct ata *a)
{
	return bus_read(a->control);
}

static void pause(uint64_t ns)
{
	component_wait(now_ns() + ns);
}

static const char *await_idle(const struct ata *a, unsigned ms)
{
	uint64_t end = now_ns() + ms * 1000000ull, sleep = SLEEP_NS;

	for (unsigned i = 0; i < QUICK_TRIES; i++)
		if (!(status(a) & BSY))
			return NULL;
	while (status(a) & BSY) {
		if (now_ns() > end)
			return "the drive stays busy";
		pause(sleep);
		sleep = 2 * sleep < LONG_SLEEP_NS ? 2 * sleep : LONG_SLEEP_NS;
	}
	return NULL;
}

/* After a command: it has ended (`data` 0), or its next sector can be moved (`data` DRQ). */
static const char *await(const struct ata *a, uint8_t data)
{
	const char *wrong = await_idle(a, LONG_MS);
	uint8_t s = bus_read(a->command + STATUS);

	if (wrong)
		return wrong;
	if (s & (ERR | DF))
		return s & DF ? "the drive reports a fault" : "the drive reports an error";
	return (s & DRQ) == data ? NULL : "the drive loses step";
}

static void put_address(const struct ata *a, uint64_t lba, uint32_t count)
{
	bus_write(a->command + COUNT, (uint8_t)count);
	bus_write(a->command + LBA_LOW, (uint8_t)lba);
	bus_write(a->command + LBA_MID, (uint8_t)(lba >> 8));
	bus_write(a->command + LBA_HIGH, (uint8_t)(lba >> 16));
}

/* Each of the four registers is two bytes deep with 48-bit addresses: the high byte first. */
static const char *command(const struct ata *a, uint64_t lba, uint32_t count, uint8_t code,
			   uint8_t code48)
{
	const char *wrong = await_idle(a, SHORT_MS);

	if (wrong)
		return wrong;
	if (a->wide) {
		bus_write(a->command + DEVICE, DEVICE_FIRST | DEVICE_LBA);
		put_address(a, lba >> 24, count >> 8);
	} else {
		bus_write(a->command + DEVICE,
			  (uint8_t)(DEVICE_FIRST | DEVICE_LBA | (lba >> 24 & 0xf)));
	}
	put_address(a, lba, count);
	bus_write(a->command + COMMAND, a->wide ? code48 : code);
	status(a); /* 400 ns until the status counts */
	return NULL;
}

static const char *take_identity(struct ata *a, const uint16_t *id)
{
	if (id[ID_KIND] & 1 << 15)
		return "it is no hard disk";
	if ((id[ID_SECTOR_SIZE] & (SECTOR_SIZE_VALID | SECTOR_SIZE_LONG | 1 << 15)) ==
	    (SECTOR_SIZE_VALID | SECTOR_SIZE_LONG))
		return "its sectors are not of 512 bytes";
	a->wide = id[ID_COMMANDS] & COMMANDS_48BIT;
	a->sectors = id[ID_SECTORS28] | (uint64_t)(id[ID_SECTORS28 + 1] & 0xfff) << 16;
	if (a->wide)
		a->sectors = id[ID_SECTORS48] | (uint64_t)id[ID_SECTORS48 + 1] << 16 |
			     (uint64_t)id[ID_SECTORS48 + 2] << 32;
	return a->sectors ? NULL : "it has no sectors";
}

/* Volume 2, 9.2: the lines LBA mid and high tell other kinds of device apart. */
static const char *reset(const struct ata *a)
{
	const char *wrong;

	bus_write(a->control, CONTROL_QUIET | CONTROL_RESET);
	pause(10000);
	bus_write(a->control, CONTROL_QUIET);
	pause(2000000);
	if (status(a) == NOTHING)
		return "no drive answers";
	wrong = await_idle(a, LONG_MS);
	if (wrong)
		return wrong;
	bus_write(a->command + DEVICE, DEVICE_FIRST);
	status(a);
	if (bus_read(a->command + LBA_MID) || bus_read(a->command + LBA_HIGH))
		return "it is no hard disk";
	return NULL;
}

const char *ata_begin(struct ata *a)
{
	uint16_t id[WORDS];
	const char *wrong = reset(a);

	a->wide = false;
	if (!wrong)
		wrong = command(a, 0, 0, IDENTIFY, IDENTIFY);
	if (!wrong && !status(a))
		wrong = "no drive answers";
	if (!wrong)
		wrong = await(a, DRQ);
	if (wrong)
		return wrong;
	bus_read_words(a->command + DATA, id, WORDS);
	wrong = await(a, 0);
	return wrong ? wrong : take_identity(a, id);
}

const char *ata_read(const struct ata *a, uint64_t lba, uint32_t count, void *to)
{
	const char *wrong = command(a, lba, count, READ, READ_EXT);

	for (uint32_t i = 0; i < count && !wrong; i++) {
		wrong = await(a, DRQ);
		if (!wrong)
			bus_read_words(a->command + DATA, (uint8_t *)to + i * ATA_SECTOR, WORDS);
	}
	return wrong ? wrong : await(a, 0);
}

const char *ata_write(const struct ata *a, uint64_t lba, uint32_t count, const void *from)
{
	const char *wrong = command(a, lba, count, WRITE, WRITE_EXT);

	for (uint32_t i = 0; i < count && !wrong; i++) {
		wrong = await(a, DRQ);
		if (!wrong)
			bus_write_words(a->command + DATA, (const uint8_t *)from + i * ATA_SECTOR,
					WORDS);
	}
	return wrong ? wrong : await(a, 0);
}

const char *ata_flush(const struct ata *a)
{
	const char *wrong = command(a, 0, 0, FLUSH, FLUSH_EXT);

	return wrong ? wrong : await(a, 0);
}
