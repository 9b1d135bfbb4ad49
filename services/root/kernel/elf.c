// SPDX-License-Identifier: Apache-2.0
/* System V ABI, chapter 4 (ELF-64 object file format, version 1.5). */
#include "services/root/kernel/elf.h"
#include <stdbool.h>
#include <string.h>

struct elf_header {
	uint8_t ident[16];
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

enum { ET_EXEC = 2, EM_X86_64 = 62, PT_LOAD = 1, PT_INTERP = 3, PT_DYNAMIC = 2, MAX_PROGRAM = 16 };

static const uint8_t ident[8] = { 0x7f, 'E', 'L', 'F', 2, 1, 1, 0 };

static uint64_t page_up(uint64_t x)
{
	return (x + 4095) & ~4095ull;
}

static const char *check_header(const struct elf_header *h, uint64_t size)
{
	if (size < sizeof(*h) || memcmp(h->ident, ident, sizeof(ident)))
		return "not an ELF64 file";
	if (h->type != ET_EXEC || h->machine != EM_X86_64)
		return "not a static x86-64 program";
	if (h->phentsize != sizeof(struct elf_program) || !h->phnum || h->phnum > MAX_PROGRAM ||
	    h->phoff % 8 || h->phoff > size ||
	    h->phnum * sizeof(struct elf_program) > size - h->phoff)
		return "program headers out of bounds";
	return NULL;
}

static const char *add(struct elf *e, const struct elf_program *p, uint64_t size)
{
	const struct elf_segment *last = e->count ? &e->segment[e->count - 1] : NULL;

	if (e->count == ELF_MAX_SEGMENTS)
		return "too many segments";
	if (p->file_size > p->mem_size || !p->mem_size || p->offset > size ||
	    p->file_size > size - p->offset)
		return "segment out of the file";
	if (p->va < ELF_LOW || p->va >= ELF_HIGH || p->mem_size > ELF_HIGH - p->va)
		return "segment out of the address range";
	if ((p->va | p->offset) & 4095)
		return "segment not page-aligned";
	if (last && p->va < page_up(last->va + last->mem_size))
		return "segments overlap or are out of order";
	if (!(p->flags & ELF_R) || (p->flags & ELF_W && p->flags & ELF_X) || p->flags & ~7u)
		return "segment writable and executable, or not readable";
	if (!(p->flags & ELF_W) && p->file_size != p->mem_size)
		return "zero-filled segment not writable";
	e->segment[e->count++] =
		(struct elf_segment){ p->va, p->offset, p->file_size, p->mem_size, p->flags };
	return NULL;
}

static bool good_entry(const struct elf *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->segment[i].flags & ELF_X && e->entry >= e->segment[i].va &&
		    e->entry - e->segment[i].va < e->segment[i].file_size)
			return true;
	return false;
}

const char *elf_read(struct elf *e, const void *data, uint64_t size)
{
	const struct elf_header *h = data;
	const char *wrong = check_header(h, size);
	const struct elf_program *p;

	if (wrong)
		return wrong;
	*e = (struct elf){ .entry = h->entry };
	p = (const void *)((const uint8_t *)data + h->phoff);
	for (uint32_t i = 0; i < h->phnum && !wrong; i++) {
		if (p[i].type == PT_INTERP || p[i].type == PT_DYNAMIC)
			return "not a static program";
		if (p[i].type == PT_LOAD)
			wrong = add(e, &p[i], size);
	}
	if (!wrong && !good_entry(e))
		wrong = "entry point not in code";
	return wrong;
}
