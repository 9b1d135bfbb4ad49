// SPDX-License-Identifier: Apache-2.0
/*
 * A TPM and the way to it, polled with sleeps in between. The release's driver: a register window, locality 0, by one of two
 * interfaces (TCG PC Client Platform TPM Profile 1.05), FIFO (TIS) and CRB. The laboratory's (component tpm_serial): a
 * serial port.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "lib/start.h"

struct chip {
	volatile uint8_t *regs;
	uint64_t size;     /* of the window */
	uint64_t physical; /* address of the window: CRB tells its buffers by it */
	uint16_t port;     /* serial: first of eight I/O ports */
};

/* NULL, or what went wrong. `buf` holds `n` bytes of command, then, up to `cap` bytes, *answer bytes of response. */
typedef const char *chip_exchange(const struct chip *c, uint8_t *buf, size_t n, size_t cap,
				  size_t *answer);
chip_exchange tis_exchange, crb_exchange;

/*
 * The exchange for the chip behind `dev`, which fills *c and *name; NULL: none there. chip.c or serial.c, by what the program
 * is linked from.
 */
chip_exchange *chip_detect(const struct start_dev *dev, struct chip *c, const char **name);

static inline uint32_t chip_read(const struct chip *c, unsigned reg)
{
	return *(volatile uint32_t *)(c->regs + reg);
}

static inline void chip_write(const struct chip *c, unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(c->regs + reg) = value;
}

/* Sleeps until (register & mask) == value. NULL, or `what` after `ms` milliseconds. */
const char *chip_await(const struct chip *c, unsigned reg, uint32_t mask, uint32_t value,
		       unsigned ms, const char *what);

#define CHIP_SHORT_MS   2000u
#define CHIP_COMMAND_MS 180000u /* key generation on slow chips */

/* commandSize or responseSize of a TPM 2.0 header (big-endian at byte 2). */
static inline size_t chip_size_field(const uint8_t *header)
{
	return (size_t)header[2] << 24 | (size_t)header[3] << 16 | (size_t)header[4] << 8 |
	       header[5];
}

#define CHIP_HEADER 10u
