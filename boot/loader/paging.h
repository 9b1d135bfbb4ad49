// SPDX-License-Identifier: Apache-2.0
/* The kernel's first page tables: 4 levels (Intel SDM volume 3, 4.5; AMD APM volume 2, 5.3). */
#pragma once
#include <stdint.h>

enum paging_flags { PAGING_WRITE = 1, PAGING_EXECUTE = 2 };

/* Tables are taken from one zeroed, page-aligned block that is mapped one to one while they are built. */
struct paging {
	uint64_t *block;
	uint64_t pages; /* in the block */
	uint64_t used;  /* the first one is the root */
};

/* Pages the block needs for identity [0, top) and `span` bytes of kernel. */
uint64_t paging_pages(uint64_t top, uint64_t span);

void paging_start(struct paging *p, uint64_t *block, uint64_t pages);

/* Maps [0, top) one to one, writable and executable, supervisor, by 2 MiB pages. 0, or -1 if the block is full. */
int paging_identity(struct paging *p, uint64_t top) __attribute__((warn_unused_result));

/* Maps `size` bytes of 4 KiB pages at `virtual` to `physical` with enum paging_flags. 0, or -1 if the block is full. */
int paging_map(struct paging *p, uint64_t virtual, uint64_t physical, uint64_t size, uint32_t flags)
	__attribute__((warn_unused_result));
