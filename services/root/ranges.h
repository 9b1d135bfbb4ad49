// SPDX-License-Identifier: Apache-2.0
/* Free memory as a sorted list of ranges: first fit, merged when given back. Pure; addresses may be of any kind. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define RANGES_MAX 512u

struct range {
	uint64_t base;
	uint64_t size;
};

struct ranges {
	uint32_t count;
	struct range free[RANGES_MAX]; /* by base, never touching one another */
};

/* Gives [base, base+size) to the list. False if the list is full or it overlaps what is free: then it is lost or was free already. */
bool ranges_put(struct ranges *r, uint64_t base, uint64_t size);
/* Takes `size` bytes at a multiple of `align` (a power of two) that lie inside one original range. False if there are none. */
bool ranges_take(struct ranges *r, uint64_t size, uint64_t align, uint64_t *base);
/* Bytes free. */
uint64_t ranges_total(const struct ranges *r);
