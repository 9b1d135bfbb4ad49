// SPDX-License-Identifier: Apache-2.0
/* No environment needed: the loader, the unit test and the fuzzer run this file. */
#include "boot/loader/elf.h"

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
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

_Static_assert(sizeof(struct elf_header) == 64, "ELF header");
_Static_assert(sizeof(struct elf_program) == 56, "program header");

enum { ET_EXEC = 2, EM_X86_64 = 62, PT_LOAD = 1, PT_INTERP = 3, PF_X = 1, PF_W = 2, PAGE = 4096 };

static void copy(void *to, const uint8_t *from, size_t n)
{
	uint8_t *p = to;

	while (n--)
		*p++ = *from++;
}

static int header_ok(const struct elf_header *h, size_t size)
{
	static const uint8_t ident[7] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };

	for (int i = 0; i < 7; i++)
		if (h->ident[i] != ident[i])
			return 0;
	if (h->type != ET_EXEC || h->machine != EM_X86_64 || h->version != 1)
		return 0;
	if (h->phentsize != sizeof(struct elf_program) || h->phnum == 0 || h->phnum > 16)
		return 0;
	return h->phoff <= size && (size - h->phoff) / sizeof(struct elf_program) >= h->phnum;
}

static int segment_ok(const struct elf_program *p, size_t size, uint64_t end)
{
	if (p->vaddr % PAGE || p->vaddr < ELF_UPPER_HALF || p->vaddr < end)
		return 0;
	if (p->filesz > p->memsz || p->offset > size || p->filesz > size - p->offset)
		return 0;
	if (p->memsz > ELF_MAX_SPAN || p->vaddr > UINT64_MAX - ELF_MAX_SPAN - PAGE)
		return 0;
	return (p->flags & (PF_W | PF_X)) != (PF_W | PF_X);
}

/* Takes one loadable segment behind the others; -1 if it does not fit. */
static int add_segment(struct elf_image *image, const struct elf_program *p, size_t size)
{
	if (image->count == ELF_MAX_SEGMENTS || !segment_ok(p, size, image->low + image->span))
		return -1;
	if (image->count == 0)
		image->low = p->vaddr;
	image->span = (p->vaddr + p->memsz - image->low + PAGE - 1) / PAGE * PAGE;
	if (image->span > ELF_MAX_SPAN)
		return -1;
	image->segment[image->count++] = (struct elf_segment){
		.address = p->vaddr,
		.offset = p->offset,
		.file_size = p->filesz,
		.memory_size = p->memsz,
		.writable = !!(p->flags & PF_W),
		.executable = !!(p->flags & PF_X),
	};
	return 0;
}

static int entry_ok(const struct elf_image *image)
{
	for (uint32_t i = 0; i < image->count; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (s->executable && image->entry >= s->address &&
		    image->entry - s->address < s->file_size)
			return 1;
	}
	return 0;
}

int elf_parse(const void *data, size_t size, struct elf_image *image)
{
	struct elf_header h;
	struct elf_program p;

	if (size < sizeof(h))
		return -1;
	copy(&h, data, sizeof(h));
	if (!header_ok(&h, size))
		return -1;
	*image = (struct elf_image){ .entry = h.entry };
	for (uint32_t i = 0; i < h.phnum; i++) {
		copy(&p, (const uint8_t *)data + h.phoff + i * sizeof(p), sizeof(p));
		if (p.type == PT_INTERP)
			return -1;
		if (p.type == PT_LOAD && p.memsz && add_segment(image, &p, size))
			return -1;
	}
	return entry_ok(image) ? 0 : -1;
}
