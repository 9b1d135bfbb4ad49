// SPDX-License-Identifier: Apache-2.0
/*
 * Time inside a VM: ticks of the TSC since the VM started, as the guest's own TSC would show them without
 * adjustment. Every device gets `now` in ticks; deadlines are ticks too, TICKS_NEVER meaning none.
 */
#pragma once
#include <stdint.h>

#define TICKS_NEVER UINT64_MAX

/* How many periods of `hz` have passed in `ticks` of a TSC of `khz`; rounded down. */
static inline uint64_t ticks_to(uint64_t ticks, uint64_t hz, uint64_t khz)
{
	return (uint64_t)((unsigned __int128)ticks * hz / (khz * 1000));
}

/* Ticks until `count` periods of `hz` have passed; rounded up, saturating. */
static inline uint64_t ticks_from(uint64_t count, uint64_t hz, uint64_t khz)
{
	unsigned __int128 t = ((unsigned __int128)count * (khz * 1000) + hz - 1) / hz;

	return t > TICKS_NEVER ? TICKS_NEVER : (uint64_t)t;
}

/* The shortest period of a timer: 200 us. With less, a guest could keep its machine from doing anything else. */
static inline uint64_t ticks_least(uint64_t khz)
{
	return khz / 5;
}

static inline uint64_t ticks_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}
