// SPDX-License-Identifier: Apache-2.0
/* The virtio device that the guest hostile_ring is at: registers and rings. */
#pragma once
#include <stdint.h>
#include "tests/vm/guest64.h"

enum {
	STATUS = 0x14,
	QUEUE_SELECT = 0x16,
	QUEUE_SIZE = 0x18,
	QUEUE_VECTOR = 0x1a,
	QUEUE_ENABLE = 0x1c,
	QUEUE_DESC = 0x20,
	QUEUE_AVAIL = 0x28,
	QUEUE_USED = 0x30,
	NEXT = 1,
	WRITE = 2,
	INDIRECT = 4,
	SIZE = 128, /* of a queue */
	FEATURES_OK = 11,
	DRIVER_OK = 15,
	DEVICE_NET = 0x1041,
	DEVICE_BLK = 0x1042,
	DEVICE_CONSOLE = 0x1043,
	DEVICE_RNG = 0x1044,
};

#define HOLE UINT64_C(0xd8000000)
#define FAR  UINT64_C(0x7ffffffff000)

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct ring {
	uint16_t flags, idx, entry[SIZE];
};

extern uint32_t ring_bar, ring_ports;

static inline uint8_t get8(unsigned at)
{
	return *(volatile uint8_t *)(uint64_t)(ring_bar + at);
}

static inline void put8(unsigned at, uint8_t v)
{
	*(volatile uint8_t *)(uint64_t)(ring_bar + at) = v;
}

static inline void put16(unsigned at, uint16_t v)
{
	*(volatile uint16_t *)(uint64_t)(ring_bar + at) = v;
}

static inline void put32(unsigned at, uint32_t v)
{
	*(volatile uint32_t *)(uint64_t)(ring_bar + at) = v;
}

static inline void put64(unsigned at, uint64_t v)
{
	put32(at, (uint32_t)v);
	put32(at + 4, (uint32_t)(v >> 32));
}

static inline void ring_notify(unsigned queue)
{
	out32((uint16_t)(ring_ports + 4 * queue), queue);
}

/* Reset; features agreed on. The queues' registers are still to be written, then DRIVER_OK to the status. */
void ring_begin(void);
void ring_enable(unsigned queue, uint64_t desc, uint64_t avail, uint64_t used);

/* The second vCPU changes the rings and registers of device `id` while this one uses them. */
void hostile_race(uint32_t id);
