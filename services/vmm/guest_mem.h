// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's RAM: one block of the VMM's memory, seen by the guest in two pieces, from 0 to below the
 * device hole and from 4 GiB on. gm_ptr() is the only way from a guest-physical address to a pointer.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GM_HOLE     0xc0000000ull  /* devices from 3 GiB ... */
#define GM_HOLE_END 0x100000000ull /* ... to 4 GiB */

struct guest_mem {
	uint8_t *base; /* not owned */
	uint64_t low;  /* bytes at guest address 0 */
	uint64_t high; /* bytes at GM_HOLE_END, which follow `low` in the block */
};

void gm_init(struct guest_mem *gm, void *base, uint64_t size);
/* The bytes [gpa, gpa + len), or NULL if any of them is not RAM. len 0 needs a valid address too. */
void *gm_ptr(const struct guest_mem *gm, uint64_t gpa, uint64_t len);
/* As gm_ptr(), copying; false if any byte is not RAM. */
bool gm_read(const struct guest_mem *gm, uint64_t gpa, void *out, size_t len);
bool gm_write(const struct guest_mem *gm, uint64_t gpa, const void *in, size_t len);
