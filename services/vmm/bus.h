// SPDX-License-Identifier: Apache-2.0
/*
 * Who answers at an address: a sorted table of ranges, searched by halves. One bus for ports, one for device memory.
 * Where nobody answers, reads give all ones and writes vanish.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BUS_RANGES 32u

struct bus_range {
	uint64_t first, last; /* addresses, both included */
	uint8_t width;        /* bytes of the widest access; wider ones are made of single bytes */
	uint64_t base;        /* what is subtracted from the address before the device sees it */
	void *dev;
	/* size: 1, 2 or 4 bytes, <= width */
	uint32_t (*read)(void *dev, uint32_t at, unsigned size);
	void (*write)(void *dev, uint32_t at, unsigned size, uint32_t value);
};

struct bus {
	unsigned count;
	struct bus_range range[BUS_RANGES]; /* by first, not overlapping */
};

/* false: the table is full, or the range meets another. */
bool bus_add(struct bus *b, const struct bus_range *r);
void bus_clear(struct bus *b);
const struct bus_range *bus_find(const struct bus *b, uint64_t addr);
/* size 1, 2, 4 or 8; eight bytes are two accesses. */
uint64_t bus_read(const struct bus *b, uint64_t addr, unsigned size);
void bus_write(const struct bus *b, uint64_t addr, unsigned size, uint64_t value);
