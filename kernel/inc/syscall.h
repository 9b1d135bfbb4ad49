// SPDX-License-Identifier: Apache-2.0
/* Entries into the kernel, in C; called by kernel/src/x86_64/entry.S, which then runs the CPU's current thread. */
#pragma once
#include "kernel/inc/ec.h"

void syscall_entry(struct ec *e); /* the thread made a call */
void trap_user(struct ec *e);     /* exception or interrupt while it ran */
void trap_kernel(
	struct regs *r); /* the same while the CPU was idle or opened a window; returns there */
void first_run(void);    /* a CPU is up: chooses its first thread */
_Noreturn void run_thread(void); /* entry.S: leave the kernel to the CPU's current thread */
_Noreturn void kernel_exception(
	const struct regs *r); /* says all there is to know, halts all CPUs */
