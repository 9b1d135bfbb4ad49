// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/exit_stats.h"

static void thin_out(struct exit_stats *e)
{
	e->stride *= 2;
	e->kept = EXIT_SAMPLE / 2;
	for (uint32_t i = 0; i < e->kept; i++)
		e->sample[i] = e->sample[2 * i];
}

void exit_stats_add(struct exit_stats *e, uint64_t ticks)
{
	uint32_t t = ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;

	if (e->count == 0) {
		e->stride = 1;
		e->least = t;
	}
	if (t < e->least)
		e->least = t;
	if (e->count % e->stride == 0) {
		if (e->kept == EXIT_SAMPLE)
			thin_out(e);
		if (e->count % e->stride == 0)
			e->sample[e->kept++] = t;
	}
	e->count++;
	e->sum += ticks;
}

uint32_t exit_stats_median(struct exit_stats *e)
{
	for (uint32_t i = 1; i < e->kept; i++) {
		uint32_t t = e->sample[i], k = i;

		for (; k > 0 && e->sample[k - 1] > t; k--)
			e->sample[k] = e->sample[k - 1];
		e->sample[k] = t;
	}
	return e->kept != 0 ? e->sample[e->kept / 2] : 0;
}
