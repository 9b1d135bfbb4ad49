// SPDX-License-Identifier: Apache-2.0
/* The CPU this code runs on; included by kernel/inc/cpu.h. */
#pragma once

static inline struct cpu *cpu_self(void)
{
	struct cpu *c;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(c));
	return c;
}
