// SPDX-License-Identifier: Apache-2.0
/* Entry from user mode, in C. Both leave by the scheduler's choice of the next thread. */
#pragma once
#include "kernel/inc/ec.h"

void syscall_entry(struct ec *e);
void trap_entry(struct regs *r);
