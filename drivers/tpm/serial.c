// SPDX-License-Identifier: Apache-2.0
/*
 * Laboratory: a TPM at a serial port (115200 8N1), commands and responses as the chip frames them. Without the FIFO the
 * next byte comes only when this one is taken, so none is lost while others run.
 */
#include "drivers/tpm/chip.h"
#include "lib/component.h"
#include "lib/port.h"

enum {
	UART_DATA = 0,
	UART_DIVISOR = 0,
	UART_INTERRUPTS = 1,
	UART_FIFO = 2,
	UART_LINE = 3,
	UART_MODEM = 4,
	UART_STATUS = 5,
	UART_SCRATCH = 7,
	STATUS_RECEIVED = 0x01,
	STATUS_EMPTY = 0x20,
	POLLS = 300,
};

#define SLEEP_NS 1000000u

static const char *await(const struct chip *c, uint8_t bit, unsigned ms, const char *what)
{
	uint64_t end = now_ns() + ms * 1000000ull;

	for (;;) {
		for (unsigned i = 0; i < POLLS; i++)
			if (port_in8(c->port + UART_STATUS) & bit)
				return NULL;
		if (now_ns() > end)
			return what;
		component_wait(now_ns() + SLEEP_NS);
	}
}

static const char *send(const struct chip *c, const uint8_t *buf, size_t n)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < n && !wrong; i++) {
		wrong = await(c, STATUS_EMPTY, CHIP_SHORT_MS, "the line takes no more bytes");
		if (!wrong)
			port_out8(c->port + UART_DATA, buf[i]);
	}
	return wrong;
}

static const char *receive(const struct chip *c, uint8_t *buf, size_t from, size_t to)
{
	const char *wrong = NULL;

	for (; from < to && !wrong; from++) {
		wrong = await(c, STATUS_RECEIVED, CHIP_COMMAND_MS, "the response does not come");
		if (!wrong)
			buf[from] = port_in8(c->port + UART_DATA);
	}
	return wrong;
}

static const char *serial_exchange(const struct chip *c, uint8_t *buf, size_t n, size_t cap,
				   size_t *answer)
{
	const char *wrong = send(c, buf, n);

	if (!wrong)
		wrong = receive(c, buf, 0, CHIP_HEADER);
	if (wrong)
		return wrong;
	*answer = chip_size_field(buf);
	if (*answer < CHIP_HEADER || *answer > cap)
		return "the response has an impossible size";
	return receive(c, buf, CHIP_HEADER, *answer);
}

chip_exchange *chip_detect(const struct start_dev *dev, struct chip *c, const char **name)
{
	if (dev->port_count < 8)
		return NULL;
	*c = (struct chip){ .port = dev->port_base };
	port_out8(c->port + UART_SCRATCH, 0x5a);
	if (port_in8(c->port + UART_SCRATCH) != 0x5a)
		return NULL;
	port_out8(c->port + UART_INTERRUPTS, 0);
	port_out8(c->port + UART_LINE, 0x80); /* divisor latch */
	port_out8(c->port + UART_DIVISOR, 1);
	port_out8(c->port + UART_DIVISOR + 1, 0);
	port_out8(c->port + UART_LINE, 0x03);
	port_out8(c->port + UART_FIFO, 0);
	port_out8(c->port + UART_MODEM, 0x03);
	*name = "serial";
	return serial_exchange;
}
