// SPDX-License-Identifier: Apache-2.0
/* Root's image: ELF-64, static, little-endian. Tool Interface Standard ELF 1.2; System V ABI AMD64. */
#include "kernel/inc/elf.h"

enum {
	ELF_CLASS64_LSB = 0x00010102, /* class, data, version, ABI */
	ELF_EXEC = 2,
	ELF_X86_64 = 62,
	ELF_LOAD = 1,
	ELF_SEGMENTS_MAX = 16,
};

#define ELF_MAGIC 0x464c457fu

struct elf_header {
	uint32_t magic;
	uint32_t ident;
	uint64_t ident_pad;
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
_Static_assert(sizeof(struct elf_program) == 56, "ELF program header");

static const struct elf_header *header(const void *image, uint64_t size)
{
	const struct elf_header *h = image;

	if (size < sizeof(*h) || h->magic != ELF_MAGIC ||
	    (h->ident & 0xffffff) != (ELF_CLASS64_LSB & 0xffffff))
		return NULL;
	if (h->type != ELF_EXEC || h->machine != ELF_X86_64 ||
	    h->phentsize != sizeof(struct elf_program))
		return NULL;
	if (h->phnum > ELF_SEGMENTS_MAX || h->phoff > size ||
	    h->phnum * sizeof(struct elf_program) > size - h->phoff)
		return NULL;
	return h;
}

bool elf_entry(const void *image, uint64_t size, uint64_t *entry)
{
	const struct elf_header *h = header(image, size);

	if (!h)
		return false;
	*entry = h->entry;
	return true;
}

bool elf_segment(const void *image, uint64_t size, unsigned int i, struct elf_seg *out)
{
	const struct elf_header *h = header(image, size);
	const struct elf_program *p;

	*out = (struct elf_seg){ 0 };
	if (!h || i >= h->phnum)
		return false;
	p = (const struct elf_program *)((const char *)image + h->phoff) + i;
	if (p->type != ELF_LOAD || !p->memsz)
		return true;
	if (p->filesz > p->memsz || p->offset > size || p->filesz > size - p->offset ||
	    p->vaddr % 4096)
		return false;
	if (p->vaddr < 4096 || p->memsz > ELF_USER_LIMIT || p->vaddr > ELF_USER_LIMIT - p->memsz)
		return false;
	*out = (struct elf_seg){ p->vaddr, p->memsz, p->offset, p->filesz, p->flags };
	return true;
}
