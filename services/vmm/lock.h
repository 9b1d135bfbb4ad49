// SPDX-License-Identifier: Apache-2.0
/*
 * The lock over a machine. Whoever finds it free takes it, also past sleepers: a sleeper may wait for a CPU that runs another vCPU, and
 * the rest would wait with it. Free and back without a kernel call while nobody contends.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum lock_state {
	LOCK_FREE = 0,
	LOCK_TAKEN = 1,
	LOCK_CONTENDED = 2, /* taken, and somebody may sleep */
	LOCK_SPINS = 64,    /* looks before it sleeps: it is held for a few hundred instructions */
};

struct lock {
	_Atomic uint32_t state; /* enum lock_state */
};

static inline bool lock_try(struct lock *l)
{
	uint32_t was = LOCK_FREE;

	return atomic_compare_exchange_strong_explicit(&l->state, &was, LOCK_TAKEN,
						       memory_order_acquire, memory_order_relaxed);
}

/* Announces a sleeper. True: it was free, and is taken now. */
static inline bool lock_contend(struct lock *l)
{
	return atomic_exchange_explicit(&l->state, LOCK_CONTENDED, memory_order_acquire) ==
	       LOCK_FREE;
}

/* True: a sleeper has to be woken. */
static inline bool lock_drop(struct lock *l)
{
	return atomic_exchange_explicit(&l->state, LOCK_FREE, memory_order_release) ==
	       LOCK_CONTENDED;
}
