// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/lock.h"
#include "kernel/inc/console.h"
#include "kernel/inc/tlb.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

struct ticket_lock kernel_lock;

void lock_wait(uint32_t ticket)
{
	while (__atomic_load_n(&kernel_lock.serving, __ATOMIC_ACQUIRE) != ticket) {
		tlb_answer();
		if (panicked)
			halt_all();
		cpu_relax();
	}
}
