// SPDX-License-Identifier: Apache-2.0
/*
 * The one form of program that the loader, the kernel and root start: ELF-64, x86-64, static, little-endian, as the scripts in linker/ make
 * them; page-aligned PT_LOAD segments in rising order, none writable and executable. Pure. Source: System V gABI, chapters 4 and 5.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	ELF_MAX_SEGMENTS = 8,
	ELF_MAX_HEADERS = 16,
	ELF_PAGE = 4096,
};

enum elf_flag { ELF_X = 1, ELF_W = 2, ELF_R = 4 };

struct elf_segment {
	uint64_t va;     /* page-aligned */
	uint64_t offset; /* in the file */
	uint64_t file_size;
	uint64_t mem_size; /* >= file_size, > 0; the rest is zero */
	uint32_t flags;    /* enum elf_flag: R, with X or W or neither */
};

struct elf {
	uint64_t entry; /* inside an executable segment, on bytes of the file */
	uint64_t low;   /* lowest address */
	uint64_t end;   /* behind the last page */
	uint32_t count; /* > 0 */
	struct elf_segment segment[ELF_MAX_SEGMENTS]; /* no page in two */
};

struct elf_header {
	uint32_t magic;
	uint8_t class, data, ident_version, abi;
	uint8_t pad[8];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, va, pa, file_size, mem_size, align;
};

_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");
_Static_assert(sizeof(struct elf_program) == 56, "Elf64_Phdr");

enum {
	ELF_MAGIC = 0x464c457f,
	ELF_CLASS_64 = 2,
	ELF_LITTLE_ENDIAN = 1,
	ELF_EXEC = 2,
	ELF_X86_64 = 62,
	ELF_PT_LOAD = 1,
	ELF_PT_DYNAMIC = 2,
	ELF_PT_INTERP = 3,
};

static inline const char *elf_check_header(const struct elf_header *h, uint64_t size)
{
	if (size < sizeof(*h) || h->magic != ELF_MAGIC || h->class != ELF_CLASS_64 ||
	    h->data != ELF_LITTLE_ENDIAN || h->ident_version != 1 || h->version != 1)
		return "not an ELF64 file";
	if (h->type != ELF_EXEC || h->machine != ELF_X86_64)
		return "not a static x86-64 program";
	if (h->phentsize != sizeof(struct elf_program) || !h->phnum || h->phnum > ELF_MAX_HEADERS ||
	    h->phoff % 8 || h->phoff > size ||
	    h->phnum * sizeof(struct elf_program) > size - h->phoff)
		return "program headers out of bounds";
	return NULL;
}

/* Takes one PT_LOAD behind the others. */
static inline const char *elf_add(struct elf *e, const struct elf_program *p, uint64_t size,
				  uint64_t low, uint64_t high)
{
	if (e->count == ELF_MAX_SEGMENTS)
		return "too many segments";
	if (p->file_size > p->mem_size || !p->mem_size || p->offset > size ||
	    p->file_size > size - p->offset)
		return "segment out of the file";
	if (p->va % ELF_PAGE)
		return "segment not page-aligned";
	if (p->va < low || p->va >= high || p->mem_size > high - p->va)
		return "segment out of the address range";
	if (e->count && p->va < e->end)
		return "segments overlap or are out of order";
	if (!(p->flags & ELF_R) || (p->flags & ELF_W && p->flags & ELF_X) || p->flags & ~7u)
		return "segment writable and executable, or not readable";
	if (!e->count)
		e->low = p->va;
	e->end = (p->va + p->mem_size + ELF_PAGE - 1) & ~(ELF_PAGE - 1ull);
	e->segment[e->count++] =
		(struct elf_segment){ p->va, p->offset, p->file_size, p->mem_size, p->flags };
	return NULL;
}

static inline bool elf_entry_ok(const struct elf *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->segment[i].flags & ELF_X && e->entry >= e->segment[i].va &&
		    e->entry - e->segment[i].va < e->segment[i].file_size)
			return true;
	return false;
}

/* NULL, and *e filled, or what is wrong with the file [data, data + size). data: 8-byte aligned; the program has to lie in
   [low, high), both page-aligned. */
static inline const char *elf_read(struct elf *e, const void *data, uint64_t size, uint64_t low,
				   uint64_t high)
{
	const struct elf_header *h = data;
	const char *wrong = elf_check_header(h, size);
	const struct elf_program *p;

	if (wrong)
		return wrong;
	*e = (struct elf){ .entry = h->entry };
	p = (const void *)((const uint8_t *)data + h->phoff);
	for (uint32_t i = 0; i < h->phnum && !wrong; i++) {
		if (p[i].type == ELF_PT_INTERP || p[i].type == ELF_PT_DYNAMIC)
			return "not a static program";
		if (p[i].type == ELF_PT_LOAD)
			wrong = elf_add(e, &p[i], size, low, high);
	}
	if (!wrong && !elf_entry_ok(e))
		wrong = "entry point not in code";
	return wrong;
}
