// SPDX-License-Identifier: Apache-2.0
/* Root's image. Every field is checked against the size of the image before it is used. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_USER_LIMIT 0x7fffd0000000ull /* below root's stack and information pages */

enum elf_flag {
	ELF_X = 1,
	ELF_W = 2,
	ELF_R = 4,
};

struct elf_seg {
	uint64_t va;     /* page-aligned */
	uint64_t size;   /* in memory; 0: nothing to load */
	uint64_t offset; /* in the image */
	uint64_t filled; /* bytes from the image; the rest is zero */
	uint32_t flags;  /* enum elf_flag */
};

/* False: not an executable for this machine. */
bool elf_entry(const void *image, uint64_t size, uint64_t *entry);

/* Segment i; false: there are no more, or it is malformed (then out->size is 0). */
bool elf_segment(const void *image, uint64_t size, unsigned int i, struct elf_seg *out);
