// SPDX-License-Identifier: Apache-2.0
/* ELF kernels with a PVH entry note; and the loading of ELF segments for Multiboot. */
#include <string.h>
#include "services/vmm/acpi.h"
#include "services/vmm/boot.h"
#include "services/vmm/elf.h"

enum { NOTE_PHYS32_ENTRY = 18, START_MAGIC = 0x336ec578 };

struct pvh_start {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, cmdline, rsdp, memory_map;
	uint32_t memory_count, reserved;
};

struct pvh_module {
	uint64_t base, size, cmdline, reserved;
};

struct pvh_memory {
	uint64_t base, size;
	uint32_t type, reserved;
};

struct pvh_lists {
	struct pvh_start start;
	struct pvh_module module;
	struct pvh_memory memory[BOOT_RANGES];
};

static bool load_segment(const struct guest_mem *gm, const struct elf *e,
			 const struct elf_segment *seg, uint64_t limit)
{
	uint8_t *to;

	if (seg->paddr < BOOT_KERNEL_MIN || seg->paddr > limit ||
	    seg->mem_size > limit - seg->paddr)
		return false;
	to = gm_ptr(gm, seg->paddr, seg->mem_size);
	if (to == NULL)
		return false;
	memcpy(to, e->data + seg->offset, seg->file_size);
	memset(to + seg->file_size, 0, seg->mem_size - seg->file_size);
	return true;
}

enum boot_error boot_load_elf(const struct guest_mem *gm, const struct elf *e, uint64_t limit,
			      uint64_t *entry)
{
	uint64_t physical = e->entry;
	struct elf_segment seg;

	for (uint32_t i = 0; i < e->phnum; i++) {
		if (!elf_segment(e, i, &seg))
			return BOOT_DAMAGED;
		if (seg.type != ELF_PT_LOAD || seg.mem_size == 0)
			continue;
		if (!load_segment(gm, e, &seg, limit))
			return BOOT_NO_MEMORY;
		if (e->entry >= seg.vaddr && e->entry - seg.vaddr < seg.mem_size)
			physical = e->entry - seg.vaddr + seg.paddr;
	}
	*entry = physical;
	return BOOT_OK;
}

static bool put_start(const struct guest_mem *gm, const struct boot_image *img, uint64_t initrd)
{
	struct pvh_lists *l = gm_ptr(gm, BOOT_LISTS, sizeof(*l));
	struct boot_range r[BOOT_RANGES];

	if (l == NULL)
		return false;
	memset(l, 0, sizeof(*l));
	l->start = (struct pvh_start){ .magic = START_MAGIC,
				       .version = 1,
				       .module_count = initrd != 0,
				       .cmdline = BOOT_CMDLINE_AT,
				       .rsdp = ACPI_BASE,
				       .memory_count = boot_ranges(gm, r) };
	l->start.modules = BOOT_LISTS + offsetof(struct pvh_lists, module);
	l->start.memory_map = BOOT_LISTS + offsetof(struct pvh_lists, memory);
	l->module = (struct pvh_module){ .base = initrd, .size = img->initrd_size };
	for (unsigned i = 0; i < l->start.memory_count; i++)
		l->memory[i] = (struct pvh_memory){ r[i].base, r[i].size, r[i].type, 0 };
	return true;
}

enum boot_error boot_elf(const struct guest_mem *gm, const struct boot_image *img,
			 struct vcpu_state *s)
{
	uint64_t entry, ignored, initrd, limit;
	enum boot_error error;
	struct elf e;

	if (!elf_open(&e, img->kernel, img->kernel_size))
		return BOOT_DAMAGED;
	if (!elf_note(&e, "Xen", NOTE_PHYS32_ENTRY, &entry))
		return BOOT_UNKNOWN;
	if (!boot_put_cmdline(gm, img->cmdline, BOOT_CMDLINE_MAX - 1))
		return BOOT_CMDLINE;
	if (!boot_put_initrd(gm, img, &initrd, &limit))
		return BOOT_NO_MEMORY;
	error = boot_load_elf(gm, &e, limit, &ignored);
	if (error != BOOT_OK)
		return error;
	if (!put_start(gm, img, initrd))
		return BOOT_NO_MEMORY;
	boot_enter32(s, (uint32_t)entry);
	s->gpr[VCPU_RBX] = BOOT_LISTS;
	return BOOT_OK;
}
