// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/stats.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/x86_64/asm.h"

struct trace_ring *trace_ring;

void trace(enum trace_event event, uint32_t a, uint64_t b)
{
	struct trace_entry *t = &trace_ring->entry[trace_ring->next % TRACE_ENTRIES];

	*t = (struct trace_entry){ rdtsc(), (uint16_t)event, (uint16_t)cpu_self()->id, a, b };
	trace_ring->next++;
}
