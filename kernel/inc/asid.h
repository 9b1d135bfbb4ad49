// SPDX-License-Identifier: Apache-2.0
/*
 * Tags that tell TLB entries of guests apart (ASID of SVM, VPID of VT-x). Each CPU hands them out one
 * after the other; when they run out it flushes all of them and begins a new generation. A vCPU
 * keeps its tag as long as it stays on the CPU, in the generation, and with its flush count.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* One per CPU; count: tags there are, 0 (the host's) not counted. */
struct asid_pool {
	uint64_t generation;
	uint32_t next;
	uint32_t count;
};

/* One per vCPU; all zero: none yet. */
struct asid_tag {
	uint64_t generation;
	uint64_t flushes;
	uint32_t cpu;
	uint32_t asid;
};

static inline void asid_pool_init(struct asid_pool *pool, uint32_t count)
{
	*pool = (struct asid_pool){ .generation = 1, .next = count + 1, .count = count };
}

enum asid_flush {
	ASID_FLUSH_ALL = 1 << 0, /* everything of all tags */
	ASID_FLUSH_SPACE =
		1
		<< 1, /* what is cached of the space alone, if something is: it changed, or is new here */
};

/* Make tag->asid good for an entry on `cpu`, whose pool is `pool`, for a space that was flushed
   `flushes` times. What the CPU has to flush before this entry: enum asid_flush. */
static inline uint32_t asid_take(struct asid_pool *pool, struct asid_tag *tag, uint32_t cpu,
				 uint64_t flushes)
{
	uint32_t flush = 0;

	if (tag->generation == pool->generation && tag->cpu == cpu && tag->flushes == flushes)
		return false;
	if (!tag->generation || tag->cpu != cpu || tag->flushes != flushes)
		flush |= ASID_FLUSH_SPACE;
	if (pool->next > pool->count) {
		pool->next = 1;
		pool->generation++;
		flush |= ASID_FLUSH_ALL;
	}
	*tag = (struct asid_tag){ pool->generation, flushes, cpu, pool->next++ };
	return flush;
}
