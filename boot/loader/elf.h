// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's ELF file (System V ABI, "Object Files"; AMD64 supplement): a static 64-bit executable
 * linked into the upper half, segments page-aligned and W^X.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>

#define ELF_MAX_SEGMENTS 8u
#define ELF_MAX_SPAN     (64ull << 20) /* bytes from the lowest to the highest segment address */
#define ELF_UPPER_HALF   0xffff800000000000ull

struct elf_segment {
	uint64_t address;   /* virtual, page-aligned */
	uint64_t offset;    /* into the file */
	uint64_t file_size; /* bytes copied; the rest up to memory_size is zero */
	uint64_t memory_size;
	uint8_t writable;
	uint8_t executable; /* never with writable */
};

struct elf_image {
	uint64_t entry; /* inside an executable segment */
	uint64_t low;   /* lowest segment address */
	uint64_t span;  /* bytes from low to the end of the last page */
	uint32_t count;
	struct elf_segment segment[ELF_MAX_SEGMENTS]; /* rising addresses, no page in two */
};

/* Checks the file [data, data + size) and fills *image. 0, or -1 if anything is not as described above. */
int elf_parse(const void *data, size_t size, struct elf_image *image)
	__attribute__((warn_unused_result));
