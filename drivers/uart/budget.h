// SPDX-License-Identifier: Apache-2.0
/* How many lines a component may print: a burst, then so many a second. Nobody can keep the port, or the CPU, to itself. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BUDGET_BURST      600u
#define BUDGET_PER_SECOND 100u

struct budget {
	uint64_t filled_ns; /* time up to which lines have been granted */
	uint32_t lines;     /* granted and not used */
	uint32_t dropped;   /* since a line was last let through */
};

/* A full budget at time `now_ns`. */
void budget_begin(struct budget *b, uint64_t now_ns);
/* True: print one line. False: drop it; `dropped` counts. */
bool budget_take(struct budget *b, uint64_t now_ns);
