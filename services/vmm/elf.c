// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/elf.h"
#include <string.h>

enum { MACHINE_386 = 3, MACHINE_X86_64 = 62, CLASS_32 = 1, CLASS_64 = 2, NOTE_HEADER = 12 };

static uint64_t get(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

bool elf_open(struct elf *e, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t machine;

	if (size < 64 || memcmp(p, "\177ELF", 4) != 0 || p[5] != 1)
		return false;
	machine = get(p + 18, 2);
	*e = (struct elf){ .data = p, .size = size, .wide = p[4] == CLASS_64 };
	if ((p[4] != CLASS_32 && !e->wide) || (machine != MACHINE_386 && machine != MACHINE_X86_64))
		return false;
	e->entry = get(p + 24, e->wide ? 8 : 4);
	e->phoff = e->wide ? get(p + 32, 8) : get(p + 28, 4);
	e->phentsize = (uint32_t)get(p + (e->wide ? 54 : 42), 2);
	e->phnum = (uint32_t)get(p + (e->wide ? 56 : 44), 2);
	return e->phentsize >= (e->wide ? 56 : 32) && e->phoff <= size &&
	       (uint64_t)e->phentsize * e->phnum <= size - e->phoff;
}

bool elf_segment(const struct elf *e, uint32_t i, struct elf_segment *s)
{
	const uint8_t *p = e->data + e->phoff + (uint64_t)i * e->phentsize;

	s->type = (uint32_t)get(p, 4);
	if (e->wide) {
		s->offset = get(p + 8, 8);
		s->vaddr = get(p + 16, 8);
		s->paddr = get(p + 24, 8);
		s->file_size = get(p + 32, 8);
		s->mem_size = get(p + 40, 8);
	} else {
		s->offset = get(p + 4, 4);
		s->vaddr = get(p + 8, 4);
		s->paddr = get(p + 12, 4);
		s->file_size = get(p + 16, 4);
		s->mem_size = get(p + 20, 4);
	}
	if (s->type == ELF_PT_LOAD && s->file_size > s->mem_size)
		return false;
	return s->offset <= e->size && s->file_size <= e->size - s->offset;
}

static uint64_t align4(uint64_t n)
{
	return (n + 3) & ~UINT64_C(3);
}

static bool find_note(const uint8_t *p, uint64_t size, const char *name, uint32_t type,
		      uint64_t *value)
{
	size_t length = strlen(name) + 1;

	while (size >= NOTE_HEADER) {
		uint64_t name_size = get(p, 4), desc_size = get(p + 4, 4);
		uint64_t whole = NOTE_HEADER + align4(name_size) + align4(desc_size);
		const uint8_t *desc = p + NOTE_HEADER + align4(name_size);

		if (whole > size)
			return false;
		if (get(p + 8, 4) == type && name_size == length &&
		    memcmp(p + NOTE_HEADER, name, length) == 0 && desc_size >= 4) {
			*value = get(desc, desc_size >= 8 ? 8 : 4);
			return true;
		}
		p += whole;
		size -= whole;
	}
	return false;
}

bool elf_note(const struct elf *e, const char *name, uint32_t type, uint64_t *value)
{
	struct elf_segment s;

	for (uint32_t i = 0; i < e->phnum; i++)
		if (elf_segment(e, i, &s) && s.type == ELF_PT_NOTE &&
		    find_note(e->data + s.offset, s.file_size, name, type, value))
			return true;
	return false;
}
