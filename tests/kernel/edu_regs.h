// SPDX-License-Identifier: Apache-2.0
/* Registers of QEMU's "edu" device (docs/specs/edu.txt of QEMU), and its copy engine: between a buffer of its own and any address. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	EDU_RAISE = 0x60,
	EDU_ACKNOWLEDGE = 0x64,
	EDU_DMA_SOURCE = 0x80,
	EDU_DMA_TARGET = 0x88,
	EDU_DMA_COUNT = 0x90,
	EDU_DMA_COMMAND = 0x98,
	EDU_BUFFER = 0x40000, /* as source or target: a page less one byte */
	EDU_DMA_RUN = 1,
	EDU_DMA_TO_MEMORY = 2,
};

/* Takes 100 ms of the machine's time. */
static inline void edu_dma_start(volatile uint32_t *regs, uint64_t from, uint64_t to,
				 uint64_t bytes, uint64_t direction)
{
	volatile uint64_t *r = (volatile uint64_t *)regs;

	r[EDU_DMA_SOURCE / 8] = from;
	r[EDU_DMA_TARGET / 8] = to;
	r[EDU_DMA_COUNT / 8] = bytes;
	r[EDU_DMA_COMMAND / 8] = direction | EDU_DMA_RUN;
}

static inline bool edu_dma_busy(const volatile uint32_t *regs)
{
	return *(const volatile uint64_t *)(regs + EDU_DMA_COMMAND / 4) & EDU_DMA_RUN;
}
