// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel memory. One pool of 4 KiB frames, handed over by the loader; every allocation is charged to the account of a
 * protection domain, which has a quota of frames. Small objects come from slab pages of one account each, so a dead domain gives back whole frames and no
 * account can use up another's. All under the kernel lock.
 */
#pragma once
#include "kernel/inc/list.h"
#include <stdint.h>

enum {
	FRAME_SIZE = 4096,
	SLAB_CLASSES = 4, /* 64, 128, 256, 512 bytes */
};

struct account {
	uint64_t quota;                    /* frames */
	uint64_t used;                     /* frames */
	struct list partial[SLAB_CLASSES]; /* slab pages with room */
};

/* Physical to kernel address, for frames of the pool only: one addition. */
extern uint64_t pool_delta;

static inline void *pa_ptr(uint64_t pa)
{
	return (void *)(pa + pool_delta);
}

static inline uint64_t ptr_pa(const void *p)
{
	return (uint64_t)p - pool_delta;
}

void pool_init(uint64_t base, uint64_t size); /* physical */
uint64_t pool_free_frames(void);

void account_init(struct account *a, uint64_t quota);

/* A zeroed frame charged to a, or NULL; a == NULL: the kernel itself, before root starts. */
void *frame_alloc(struct account *a);
void frame_free(struct account *a, void *frame);

/* While booting only: zeroed frames one after the other, the kernel's for good; panics if there are none. */
void *boot_frames(uint64_t bytes);

/* A zeroed object of up to 512 bytes, or NULL. Freed with the account it came from. */
void *slab_alloc(struct account *a, uint64_t size);
void slab_free(struct account *a, void *p);

/* Moves unused frames; false: from has fewer free. */
bool account_move(struct account *from, struct account *to, uint64_t frames);
