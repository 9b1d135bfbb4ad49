// SPDX-License-Identifier: Apache-2.0
/* Instead of kernel/src/hw.c: any ctrl_hw call uses up the kernel stack. */
#include "abi/decode.h"
#include "kernel/inc/ec.h"

/* Deeper than any stack, if not for ever. */
static uint64_t deeper(volatile uint64_t *above)
{
	volatile uint64_t here[64];

	here[0] = above[0] + 1;
	return here[0] < 1000000 ? deeper(here) + here[0] : 0;
}

void call_ctrl_hw(struct ec *self)
{
	volatile uint64_t zero = 0;

	ec_results(self, deeper(&zero), 0);
}
