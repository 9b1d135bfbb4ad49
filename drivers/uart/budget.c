// SPDX-License-Identifier: Apache-2.0
#include "drivers/uart/budget.h"

#define STEP_NS (1000000000u / BUDGET_PER_SECOND)

void budget_begin(struct budget *b, uint64_t now_ns)
{
	*b = (struct budget){ .filled_ns = now_ns, .lines = BUDGET_BURST };
}

bool budget_take(struct budget *b, uint64_t now_ns)
{
	uint64_t more = now_ns > b->filled_ns ? (now_ns - b->filled_ns) / STEP_NS : 0;

	b->filled_ns += more * STEP_NS;
	b->lines = more > BUDGET_BURST - b->lines ? BUDGET_BURST : b->lines + (uint32_t)more;
	if (!b->lines) {
		b->dropped++;
		return false;
	}
	b->lines--;
	return true;
}
