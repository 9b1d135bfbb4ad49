// SPDX-License-Identifier: Apache-2.0
/*
 * Linked into the crash variants of components, before lib's component_wait(): in each of its first lives the component dies
 * of an invalid instruction at a random wait, be it for its clients or in the middle of a call.
 */
#include "lib/component.h"

enum { LIVES = 3 };

/* tests/system/labimage.py finds the mark in the image and sets how long after power-on dying may begin, and how soon it must come then. */
static const volatile struct {
	char mark[16];
	uint64_t after_ms;
	uint64_t most_waits;
} when = { "crash not before", 0, 120 };

void __real_component_wait(uint64_t deadline_ns);
void __wrap_component_wait(uint64_t deadline_ns);

void __wrap_component_wait(uint64_t deadline_ns)
{
	static uint32_t waits, last;
	uint32_t r[2];

	if (!last) { /* rather sooner than later */
		random_bytes(r, sizeof(r));
		last = 1 + r[0] % (1 + r[1] % (uint32_t)when.most_waits);
	}
	if (start_info()->restart < LIVES && now_ns() / 1000000 >= when.after_ms && ++waits >= last)
		__builtin_trap();
	__real_component_wait(deadline_ns);
}
