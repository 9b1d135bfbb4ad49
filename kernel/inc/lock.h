// SPDX-License-Identifier: Apache-2.0
/* The kernel lock: a ticket lock around everything but user code, guests and idle. Waiting CPUs answer TLB shoot-downs. */
#pragma once

void lock_kernel(void);
void unlock_kernel(void);
