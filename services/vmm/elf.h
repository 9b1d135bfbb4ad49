// SPDX-License-Identifier: Apache-2.0
/* ELF executables of x86, 32 and 64 bits, as far as a boot loader needs them. Pure. Source: System V gABI, chapter 5. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ELF_PT_LOAD = 1, ELF_PT_NOTE = 4 };

struct elf {
	const uint8_t *data; /* not owned */
	size_t size;
	bool wide; /* ELF64 */
	uint64_t entry;
	uint64_t phoff;
	uint32_t phnum, phentsize;
};

struct elf_segment {
	uint32_t type;
	uint64_t offset, vaddr, paddr, file_size, mem_size;
};

bool elf_open(struct elf *e, const void *data, size_t size);
/* Program header i < phnum; false: its bytes lie outside of the file, or its sizes make no sense. */
bool elf_segment(const struct elf *e, uint32_t i, struct elf_segment *s);
/* Descriptor of the first note `name`/`type`, as a number; false: none. */
bool elf_note(const struct elf *e, const char *name, uint32_t type, uint64_t *value);
