// SPDX-License-Identifier: Apache-2.0
/* FIFO interface (PTP 1.05, 6.5.2). */
#include "drivers/tpm/chip.h"

enum {
	ACCESS = 0x00,
	STS = 0x18,
	FIFO = 0x24,
	ACCESS_REQUEST = 1 << 1,
	ACCESS_ACTIVE = 1 << 5,
	STS_EXPECT = 1 << 3,
	STS_DATA = 1 << 4,
	STS_GO = 1 << 5,
	STS_READY = 1 << 6,
	STS_VALID = 1 << 7,
	BURST_SHIFT = 8,
	BURST_MASK = 0xffff,
};

static const char *burst(const struct chip *c, uint32_t *count)
{
	for (unsigned i = 0; i < 1000; i++) {
		*count = chip_read(c, STS) >> BURST_SHIFT & BURST_MASK;
		if (*count)
			return NULL;
	}
	return "the chip's FIFO is stuck";
}

static const char *ready(const struct chip *c)
{
	const char *wrong;

	c->regs[ACCESS] = ACCESS_REQUEST;
	wrong = chip_await(c, ACCESS, ACCESS_ACTIVE, ACCESS_ACTIVE, CHIP_SHORT_MS,
			   "locality 0 is not granted");
	if (wrong)
		return wrong;
	chip_write(c, STS, STS_READY);
	return chip_await(c, STS, STS_READY, STS_READY, CHIP_SHORT_MS,
			  "the chip does not get ready");
}

static const char *send(const struct chip *c, const uint8_t *buf, size_t n)
{
	const char *wrong = NULL;
	uint32_t count;

	for (size_t i = 0; i < n && !wrong;) {
		wrong = burst(c, &count);
		for (; !wrong && count && i < n; count--)
			c->regs[FIFO] = buf[i++];
	}
	if (!wrong)
		wrong = chip_await(c, STS, STS_VALID | STS_EXPECT, STS_VALID, CHIP_SHORT_MS,
				   "the chip expects more of the command");
	if (!wrong)
		chip_write(c, STS, STS_GO);
	return wrong;
}

static const char *receive(const struct chip *c, uint8_t *buf, size_t from, size_t to)
{
	const char *wrong = NULL;
	uint32_t count;

	while (from < to && !wrong) {
		wrong = burst(c, &count);
		for (; !wrong && count && from < to; count--)
			buf[from++] = c->regs[FIFO];
	}
	return wrong;
}

const char *tis_exchange(const struct chip *c, uint8_t *buf, size_t n, size_t cap, size_t *answer)
{
	const char *wrong = ready(c);

	if (!wrong)
		wrong = send(c, buf, n);
	if (!wrong)
		wrong = chip_await(c, STS, STS_VALID | STS_DATA, STS_VALID | STS_DATA,
				   CHIP_COMMAND_MS, "the command does not end");
	if (!wrong)
		wrong = receive(c, buf, 0, CHIP_HEADER);
	if (!wrong) {
		*answer = chip_size_field(buf);
		if (*answer < CHIP_HEADER || *answer > cap)
			wrong = "the response has an impossible size";
		else
			wrong = receive(c, buf, CHIP_HEADER, *answer);
	}
	chip_write(c, STS, STS_READY);
	return wrong;
}
