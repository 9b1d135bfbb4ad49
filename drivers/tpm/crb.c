// SPDX-License-Identifier: Apache-2.0
/* Command response buffer interface (PTP 1.05, 6.5.3). */
#include <stdbool.h>
#include "drivers/tpm/chip.h"

enum {
	LOC_CTRL = 0x08,
	LOC_STS = 0x0c,
	CTRL_REQ = 0x40,
	CTRL_STS = 0x44,
	CTRL_START = 0x4c,
	CMD_SIZE = 0x58,
	CMD_LOW = 0x5c,
	CMD_HIGH = 0x60,
	RSP_SIZE = 0x64,
	RSP_LOW = 0x68,
	RSP_HIGH = 0x6c,
	REQUEST_ACCESS = 1,
	GRANTED = 1,
	REQ_READY = 1,
	REQ_IDLE = 2,
	STS_ERROR = 1,
};

/* The buffer that two address registers and a size register tell, if it lies inside the window. */
static volatile uint8_t *buffer(const struct chip *c, unsigned low, unsigned high,
				unsigned size_reg, uint32_t *size)
{
	uint64_t at = (uint64_t)chip_read(c, high) << 32 | chip_read(c, low);

	*size = chip_read(c, size_reg);
	if (at < c->physical || at - c->physical > c->size || *size > c->size - (at - c->physical))
		return NULL;
	return c->regs + (at - c->physical);
}

static const char *ready(const struct chip *c)
{
	const char *wrong;

	chip_write(c, LOC_CTRL, REQUEST_ACCESS);
	wrong = chip_await(c, LOC_STS, GRANTED, GRANTED, CHIP_SHORT_MS,
			   "locality 0 is not granted");
	if (wrong)
		return wrong;
	chip_write(c, CTRL_REQ, REQ_READY);
	return chip_await(c, CTRL_REQ, REQ_READY, 0, CHIP_SHORT_MS, "the chip does not get ready");
}

static const char *fetch(const struct chip *c, uint8_t *buf, size_t cap, size_t *answer)
{
	uint32_t size;
	volatile uint8_t *rsp = buffer(c, RSP_LOW, RSP_HIGH, RSP_SIZE, &size);

	if (!rsp || size < CHIP_HEADER)
		return "the response buffer lies outside of the window";
	for (size_t i = 0; i < CHIP_HEADER; i++)
		buf[i] = rsp[i];
	*answer = chip_size_field(buf);
	if (*answer < CHIP_HEADER || *answer > cap || *answer > size)
		return "the response has an impossible size";
	for (size_t i = CHIP_HEADER; i < *answer; i++)
		buf[i] = rsp[i];
	return NULL;
}

const char *crb_exchange(const struct chip *c, uint8_t *buf, size_t n, size_t cap, size_t *answer)
{
	const char *wrong = ready(c);
	volatile uint8_t *cmd;
	uint32_t size;

	if (wrong)
		return wrong;
	cmd = buffer(c, CMD_LOW, CMD_HIGH, CMD_SIZE, &size);
	if (!cmd || n > size)
		return "the command does not fit the chip's buffer";
	for (size_t i = 0; i < n; i++)
		cmd[i] = buf[i];
	chip_write(c, CTRL_START, 1);
	wrong = chip_await(c, CTRL_START, 1, 0, CHIP_COMMAND_MS, "the command does not end");
	if (!wrong && chip_read(c, CTRL_STS) & STS_ERROR)
		wrong = "the chip reports a fatal error";
	if (!wrong)
		wrong = fetch(c, buf, cap, answer);
	chip_write(c, CTRL_REQ, REQ_IDLE);
	return wrong;
}
