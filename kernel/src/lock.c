// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/lock.h"
#include "kernel/inc/console.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

static uint32_t next_ticket, serving;

void lock_kernel(void)
{
	uint32_t mine = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&serving, __ATOMIC_ACQUIRE) != mine) {
		tlb_answer();
		if (panicked)
			halt_all();
		cpu_relax();
	}
}

void unlock_kernel(void)
{
	__atomic_store_n(&serving, serving + 1, __ATOMIC_RELEASE);
}
