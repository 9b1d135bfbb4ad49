// SPDX-License-Identifier: Apache-2.0
/*
 * Component images: ELF64, x86-64, static, as linker/component.ld makes them and nothing else: up to 4 page-aligned PT_LOAD segments in
 * rising order, none writable and executable. Pure.
 */
#pragma once
#include <stdint.h>

#define ELF_MAX_SEGMENTS 4u
#define ELF_LOW          0x10000ull     /* segments lie in [ELF_LOW, ELF_HIGH) */
#define ELF_HIGH         0x100000000ull /* START_INFO_VA */

enum elf_flag { ELF_X = 1, ELF_W = 2, ELF_R = 4 };

struct elf_segment {
	uint64_t va;     /* page-aligned */
	uint64_t offset; /* in the file, page-aligned */
	uint64_t file_size;
	uint64_t mem_size; /* >= file_size, the rest is zero */
	uint32_t flags;    /* enum elf_flag: R, R X or R W */
};

struct elf {
	uint64_t entry; /* inside an executable segment */
	uint32_t count;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
};

/* NULL, and *e filled, or what is wrong with the file of `size` bytes. `data` is 8-byte aligned. */
const char *elf_read(struct elf *e, const void *data, uint64_t size);
