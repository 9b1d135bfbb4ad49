// SPDX-License-Identifier: Apache-2.0
/* Switching FPU state. */
#pragma once
struct cpu;
struct ec;

/* e's FPU state into the registers, what is there to its owner. */
void fpu_switch(struct cpu *cpu, struct ec *e);
