// SPDX-License-Identifier: Apache-2.0
/*
 * What a VMM's answers to exits cost, by reason, in ticks of the TSC (instructions under an emulator's instruction clock): from the
 * exit's arrival in the VMM until the guest may go on. The kernel's own part of an exit is not in it.
 *
 * Count, sum and least are of all exits. The median is that of a sample: every `stride`-th exit, the stride being doubled and
 * every other value dropped when the sample is full, so it spreads over the whole run.
 */
#pragma once
#include <stdint.h>

enum { EXIT_SAMPLE = 128 };

struct exit_stats {
	uint64_t count, sum;
	uint32_t least;
	uint32_t stride, kept;
	uint32_t sample[EXIT_SAMPLE];
};

void exit_stats_add(struct exit_stats *e, uint64_t ticks);
/* 0 if there was none. Sorts the sample: for the end only. */
uint32_t exit_stats_median(struct exit_stats *e);
