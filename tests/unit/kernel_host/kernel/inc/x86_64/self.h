// SPDX-License-Identifier: Apache-2.0
/* Host tests: the one CPU there is. */
#pragma once

extern struct cpu *host_cpu;

static inline struct cpu *cpu_self(void)
{
	return host_cpu;
}
