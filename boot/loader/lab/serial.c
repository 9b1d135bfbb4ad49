// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/lab/serial.h"
#include "boot/loader/firmware.h"
#include "boot/loader/io.h"
#include "boot/loader/print.h"

enum {
	COM3 = 0x3e8,
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

	TPM_HEADER = 10,
	/* The emulated clock may run far ahead of the chip outside. */
	WAIT_US = 20,
	PATIENCE = 30000000 / WAIT_US,
};

void serial_tpm_start(void)
{
	outb(COM3 + UART_SCRATCH, 0x5a);
	if (inb(COM3 + UART_SCRATCH) != 0x5a)
		refuse("the laboratory's TPM is not there", "third serial port, 0x3e8",
		       "this image is for the emulated laboratory: boot the release's image");
	outb(COM3 + UART_INTERRUPTS, 0);
	outb(COM3 + UART_LINE, 0x80); /* divisor latch */
	outb(COM3 + UART_DIVISOR, 1);
	outb(COM3 + UART_DIVISOR + 1, 0);
	outb(COM3 + UART_LINE, 0x03);
	outb(COM3 + UART_FIFO, 0); /* the next byte comes when this one is taken: none is lost */
	outb(COM3 + UART_MODEM, 0x03);
	while (inb(COM3 + UART_STATUS) & STATUS_RECEIVED)
		inb(COM3 + UART_DATA);
}

static int wait_status(uint8_t bit)
{
	for (uint32_t i = 0; i < PATIENCE; i++) {
		if (inb(COM3 + UART_STATUS) & bit)
			return 0;
		BOOT->Stall(WAIT_US);
	}
	return -1;
}

static int send(const uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		if (wait_status(STATUS_EMPTY))
			return -1;
		outb(COM3 + UART_DATA, data[i]);
	}
	return 0;
}

static int receive(uint8_t *data, uint32_t length)
{
	for (uint32_t i = 0; i < length; i++) {
		if (wait_status(STATUS_RECEIVED))
			return -1;
		data[i] = inb(COM3 + UART_DATA);
	}
	return 0;
}

int serial_tpm_exchange(const uint8_t *command, uint32_t length, uint8_t *response, uint32_t size)
{
	if (size < TPM_HEADER || send(command, length) || receive(response, TPM_HEADER))
		return -1;
	uint32_t whole = (uint32_t)response[2] << 24 | (uint32_t)response[3] << 16 |
			 (uint32_t)response[4] << 8 | response[5];

	if (whole < TPM_HEADER || whole > size)
		return -1;
	return receive(response + TPM_HEADER, whole - TPM_HEADER);
}
