// SPDX-License-Identifier: Apache-2.0
/* Multiboot 1: ELF, or any file whose header carries its addresses. No video mode is set. */
#include <string.h>
#include "services/vmm/boot.h"
#include "services/vmm/elf.h"

#define HEADER_MAGIC 0x1badb002u
#define LOADER_MAGIC 0x2badb002u

enum {
	SEARCH = 8192,
	FLAG_ADDRESSES = 1 << 16,
	FLAGS_UNKNOWN = 0xfff8, /* required features beyond page alignment, memory map, video */
	INFO_MEMORY = 1 << 0,
	INFO_CMDLINE = 1 << 2,
	INFO_MODULES = 1 << 3,
	INFO_MMAP = 1 << 6,
	MMAP_ENTRY = 24,
};

struct mb_header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end, bss_end, entry;
};

struct mb_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
	uint32_t module_count, modules, symbols[4];
	uint32_t mmap_length, mmap;
};

struct mb_module {
	uint32_t start, end, cmdline, reserved;
};

struct mb_mmap {
	uint32_t size; /* of the rest */
	uint64_t base, length;
	uint32_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct mb_mmap) == MMAP_ENTRY, "memory map entry");

struct mb_lists {
	struct mb_info info;
	struct mb_module module;
	struct mb_mmap mmap[BOOT_RANGES];
};

static bool find_header(const struct boot_image *img, struct mb_header *h, size_t *at)
{
	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < SEARCH && i + 12 <= img->kernel_size; i += 4) {
		size_t rest = img->kernel_size - i;

		memcpy(h, img->kernel + i, rest < sizeof(*h) ? rest : sizeof(*h));
		*at = i;
		if (h->magic == HEADER_MAGIC && h->magic + h->flags + h->checksum == 0)
			return true;
	}
	return false;
}

bool boot_is_multiboot(const struct boot_image *img)
{
	struct mb_header h;
	size_t at;

	return find_header(img, &h, &at);
}

/* A file that is loaded as one piece, at the addresses of its header. */
static enum boot_error load_plain(const struct guest_mem *gm, const struct boot_image *img,
				  const struct mb_header *h, size_t at, uint64_t limit)
{
	size_t before = h->header_addr - h->load_addr, first = at - before;
	size_t size = h->load_end != 0 ? h->load_end - h->load_addr : img->kernel_size - first;
	uint64_t end = h->load_addr + (uint64_t)size;

	if (h->load_addr > h->header_addr || before > at || h->load_addr < BOOT_KERNEL_MIN ||
	    (h->load_end != 0 && h->load_end < h->load_addr) || size > img->kernel_size - first)
		return BOOT_DAMAGED;
	if (end > limit || !gm_write(gm, h->load_addr, img->kernel + first, size))
		return BOOT_NO_MEMORY;
	if (h->bss_end > end) {
		void *bss = h->bss_end <= limit ? gm_ptr(gm, end, h->bss_end - end) : NULL;

		if (bss == NULL)
			return BOOT_NO_MEMORY;
		memset(bss, 0, h->bss_end - end);
	}
	return BOOT_OK;
}

static void put_info(const struct guest_mem *gm, struct mb_lists *l, uint64_t initrd, size_t size)
{
	struct boot_range r[BOOT_RANGES];
	unsigned n = boot_ranges(gm, r);

	memset(l, 0, sizeof(*l));
	l->info = (struct mb_info){ .flags = INFO_MEMORY | INFO_CMDLINE | INFO_MMAP,
				    .mem_lower = 639,
				    .mem_upper = (uint32_t)((gm->low - 0x100000) / 1024),
				    .cmdline = BOOT_CMDLINE_AT,
				    .mmap_length = n * MMAP_ENTRY };
	l->info.mmap = (uint32_t)(BOOT_LISTS + offsetof(struct mb_lists, mmap));
	for (unsigned i = 0; i < n; i++)
		l->mmap[i] = (struct mb_mmap){ MMAP_ENTRY - 4, r[i].base, r[i].size, r[i].type };
	if (initrd == 0)
		return;
	l->info.flags |= INFO_MODULES;
	l->info.module_count = 1;
	l->info.modules = (uint32_t)(BOOT_LISTS + offsetof(struct mb_lists, module));
	l->module =
		(struct mb_module){ .start = (uint32_t)initrd, .end = (uint32_t)(initrd + size) };
}

static enum boot_error load(const struct guest_mem *gm, const struct boot_image *img,
			    uint64_t limit, uint64_t *entry)
{
	struct mb_header h;
	struct elf e;
	size_t at = 0;

	if (!find_header(img, &h, &at) || (h.flags & FLAGS_UNKNOWN))
		return BOOT_DAMAGED;
	*entry = h.entry;
	if (h.flags & FLAG_ADDRESSES)
		return load_plain(gm, img, &h, at, limit);
	if (!elf_open(&e, img->kernel, img->kernel_size))
		return BOOT_DAMAGED;
	return boot_load_elf(gm, &e, limit, entry);
}

enum boot_error boot_multiboot(const struct guest_mem *gm, const struct boot_image *img,
			       struct vcpu_state *s)
{
	struct mb_lists *lists = gm_ptr(gm, BOOT_LISTS, sizeof(*lists));
	uint64_t initrd, limit, entry;
	enum boot_error error;

	if (!boot_put_cmdline(gm, img->cmdline, BOOT_CMDLINE_MAX - 1))
		return BOOT_CMDLINE;
	if (lists == NULL || !boot_put_initrd(gm, img, &initrd, &limit))
		return BOOT_NO_MEMORY;
	error = load(gm, img, limit, &entry);
	if (error != BOOT_OK)
		return error;
	put_info(gm, lists, initrd, img->initrd_size);
	boot_enter32(s, (uint32_t)entry);
	s->gpr[VCPU_RAX] = LOADER_MAGIC;
	s->gpr[VCPU_RBX] = BOOT_LISTS;
	return BOOT_OK;
}
