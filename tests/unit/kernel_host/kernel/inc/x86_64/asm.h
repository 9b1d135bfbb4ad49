// SPDX-License-Identifier: Apache-2.0
/* Host tests: the clock is a counter, nothing is privileged. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

extern uint64_t host_tsc;

/* No thread can run: ends the kernel entry (tests/unit/kernel_host/world.c). */
_Noreturn void host_idle(void);

static inline uint64_t rdtsc(void)
{
	return host_tsc++;
}

static inline void cpu_relax(void)
{
}

static inline void irq_window(void)
{
}

static inline void irq_wait(void)
{
	host_idle();
}
