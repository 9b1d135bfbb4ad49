// SPDX-License-Identifier: Apache-2.0
/* The kernel lock: a ticket lock around everything but user code, guests and idle. Waiting CPUs answer TLB shoot-downs. */
#pragma once
#include <stdint.h>

struct ticket_lock {
	uint32_t next, serving;
};

extern struct ticket_lock kernel_lock;

/* Until it is our turn; stops this CPU for good if another one panicked. */
void lock_wait(uint32_t ticket);

static inline void lock_kernel(void)
{
	uint32_t mine = __atomic_fetch_add(&kernel_lock.next, 1, __ATOMIC_RELAXED);

	if (__atomic_load_n(&kernel_lock.serving, __ATOMIC_ACQUIRE) != mine)
		lock_wait(mine);
}

/* Only the holder writes `serving`, so the increment need not be atomic. */
static inline void unlock_kernel(void)
{
	__atomic_store_n(&kernel_lock.serving, kernel_lock.serving + 1, __ATOMIC_RELEASE);
}
