// SPDX-License-Identifier: Apache-2.0
/*
 * A driver that was taken over: its device copies wherever it is told. Orders come over COM2, a line each; every answer is a log line.
 *
 *   put ADDRESS WORD STEP   the device writes 252 words of 4 bytes there: WORD, WORD + STEP, ...
 *   get ADDRESS             the device reads there; the answer is the first two words of 8 bytes that came
 *
 * Test component of laboratory images.
 */
#include <stdio.h>
#include <string.h>
#include "lib/component.h"
#include "lib/port.h"
#include "tests/kernel/edu_regs.h"

enum {
	UART_LINE_STATUS = 5,
	UART_RECEIVED = 1,
	WORDS = 252,
	BYTES = WORDS * 4,
	LOOK_NS = 2000000,
};

static const struct start_dev *edu, *orders;

static void copy(uint64_t from, uint64_t to, uint64_t direction)
{
	volatile uint32_t *regs = (volatile uint32_t *)edu->mmio_va[0];

	edu_dma_start(regs, from, to, BYTES, direction);
	while (edu_dma_busy(regs))
		component_wait(now_ns() + LOOK_NS);
}

/* Between memory at a device's address and the device's buffer. */
static void take(uint64_t address)
{
	copy(address, EDU_BUFFER, 0);
}

static void give(uint64_t address)
{
	copy(EDU_BUFFER, address, EDU_DMA_TO_MEMORY);
}

static void obey(const char *line)
{
	volatile uint32_t *own = (volatile uint32_t *)edu->dma_va;
	unsigned long address;
	unsigned word, step;

	if (sscanf(line, "put %lx %x %x", &address, &word, &step) == 3) {
		for (unsigned i = 0; i < WORDS; i++)
			own[i] = word + i * step;
		take(edu->dma_addr);
		give(address);
		log_line("put %lx: done", address);
	} else if (sscanf(line, "get %lx", &address) == 1) {
		const volatile uint64_t *got = (const volatile uint64_t *)edu->dma_va;

		memset((void *)edu->dma_va, 0x5a, BYTES);
		take(edu->dma_addr); /* no read leaves what an earlier one brought */
		take(address);
		give(edu->dma_addr);
		log_line("get %lx: %016lx %016lx", address, got[0], got[1]);
	} else {
		log_line("unknown order: %s", line);
	}
}

static char order_char(void)
{
	while (!(port_in8((uint16_t)(orders->port_base + UART_LINE_STATUS)) & UART_RECEIVED))
		component_wait(now_ns() + LOOK_NS);
	return (char)port_in8(orders->port_base);
}

int main(void)
{
	char line[80];
	size_t n = 0;

	edu = start_dev("edu");
	orders = start_dev("com2");
	if (!edu || !orders)
		die("a device is missing");
	log_line("its DMA memory is at %lx, %lx bytes", edu->dma_addr, edu->dma_size);
	for (;;) {
		char c = order_char();

		if (c != '\n' && n < sizeof(line) - 1) {
			line[n++] = c;
			continue;
		}
		line[n] = 0;
		n = 0;
		obey(line);
	}
}
