// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/handover.h"
#include "abi/elf.h"
#include "boot/loader/log.h"
#include "boot/loader/mem.h"
#include "boot/loader/memmap.h"
#include "boot/loader/paging.h"
#include "boot/loader/pci.h"
#include "boot/loader/print.h"

enum { STACK_PAGES = 4, MAP_SPARE = 16, EXIT_TRIES = 8 };

static const uint64_t LARGE_PAGE = 2ull << 20;

/* Where the kernel may be linked: the upper half but its last page; bytes from its first page to its last. */
#define KERNEL_LOW      0xffff800000000000ull
#define KERNEL_HIGH     0xfffffffffffff000ull
#define KERNEL_MAX_SPAN (64ull << 20)

/* The firmware's memory map as it gives it. */
struct fw_map {
	uint8_t *data;
	UINTN capacity, size, key, stride;
};

static EFI_STATUS fw_map_read(struct fw_map *m)
{
	UINT32 version;

	m->size = m->capacity;
	return BOOT->GetMemoryMap(&m->size, (EFI_MEMORY_DESCRIPTOR *)m->data, &m->key, &m->stride,
				  &version);
}

static void fw_map_start(struct fw_map *m)
{
	memset(m, 0, sizeof(*m));
	fw_map_read(m); /* too small: tells size and stride */
	m->capacity = m->size + MAP_SPARE * m->stride;
	m->data = alloc_pages(pages_of(m->capacity));
	if (EFI_ERROR(fw_map_read(m)))
		refuse("the firmware's memory map cannot be read", "GetMemoryMap",
		       "update the firmware");
}

static uint32_t type_of(uint32_t efi_type)
{
	switch (efi_type) {
	case EfiConventionalMemory:
	case EfiBootServicesCode:
	case EfiBootServicesData:
		return BOOT_MEM_FREE;
	case EfiLoaderCode:
	case EfiLoaderData:
		return BOOT_MEM_LOADER;
	default:
		return BOOT_MEM_RESERVED;
	}
}

static void add(struct bootinfo *info, uint64_t base, uint64_t size, uint32_t type)
{
	if (memmap_set(info->mem, &info->mem_count, base, size, type))
		refuse("the memory map has too many entries", "boot info, BOOTINFO_MAX_MEM",
		       "update the firmware");
}

static void memory_map(const struct handover *h, const struct fw_map *m)
{
	struct bootinfo *info = h->info;

	info->mem_count = 0;
	for (UINTN at = 0; at + m->stride <= m->size; at += m->stride) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(m->data + at);

		add(info, d->PhysicalStart, d->NumberOfPages * PAGE_SIZE, type_of(d->Type));
	}
	add(info, h->kernel_base, h->kernel_size, BOOT_MEM_KERNEL);
	add(info, info->kpool_base, info->kpool_size, BOOT_MEM_KERNEL);
	add(info, 0, PAGE_SIZE, BOOT_MEM_RESERVED); /* address 0 is never a page of anybody */
}

/* 2 MiB-aligned memory: more is allocated and the ends are given back. */
static uint64_t alloc_aligned(uint64_t size)
{
	uint64_t pages = pages_of(size + LARGE_PAGE);
	uint64_t raw = (uintptr_t)alloc_pages(pages);
	uint64_t base = (raw + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
	uint64_t head = (base - raw) / PAGE_SIZE;

	if (head)
		BOOT->FreePages(raw, head);
	BOOT->FreePages(base + size, pages - head - size / PAGE_SIZE);
	return base;
}

static void copy_segments(struct handover *h, const struct elf *elf, const uint8_t *file)
{
	h->kernel_size = elf->end - elf->low;
	h->kernel_base = (uintptr_t)alloc_pages(pages_of(h->kernel_size));
	h->entry = elf->entry;
	for (uint32_t i = 0; i < elf->count; i++) {
		const struct elf_segment *s = &elf->segment[i];

		memcpy((void *)(h->kernel_base + (s->va - elf->low)), file + s->offset,
		       s->file_size);
	}
}

static void build_tables(struct handover *h, const struct elf *elf, uint64_t top)
{
	uint64_t pages = paging_pages(top, h->kernel_size);
	struct paging p;
	int full;

	h->root = (uintptr_t)alloc_pages(pages);
	paging_start(&p, (uint64_t *)h->root, pages);
	full = paging_identity(&p, top);
	for (uint32_t i = 0; i < elf->count && !full; i++) {
		const struct elf_segment *s = &elf->segment[i];

		full = paging_map(&p, s->va, h->kernel_base + (s->va - elf->low), s->mem_size,
				  (s->flags & ELF_W ? PAGING_WRITE : 0u) |
					  (s->flags & ELF_X ? PAGING_EXECUTE : 0u));
	}
	if (full)
		refuse("the first page tables do not fit", "loader, paging",
		       "report this as a defect");
}

void handover_prepare(struct handover *h, struct bootinfo *info, uint64_t kpool_size)
{
	const struct boot_part *kernel = &info->part[0];
	const char *wrong;
	struct elf elf;
	struct fw_map map;
	uint64_t top;

	wrong = elf_read(&elf, (const void *)kernel->base, kernel->size, KERNEL_LOW, KERNEL_HIGH);
	if (!wrong && elf.end - elf.low > KERNEL_MAX_SPAN)
		wrong = "segments too far apart";
	if (wrong)
		refuse("the kernel is not a valid program", wrong,
		       "the boot medium is damaged: write it again");
	h->info = info;
	copy_segments(h, &elf, (const uint8_t *)kernel->base);
	info->kpool_size = kpool_size;
	info->kpool_base = alloc_aligned(kpool_size);
	info->ap_page = (uintptr_t)alloc_below(1, 0xa0000);
	h->stack = (uintptr_t)alloc_pages(STACK_PAGES) + STACK_PAGES * PAGE_SIZE;
	fw_map_start(&map);
	memory_map(h, &map);
	top = memmap_top(info->mem, info->mem_count);
	build_tables(h, &elf, top > 4 * GIB ? top : 4 * GIB);
}

/* An allocation of the firmware between map and exit makes the key stale: read the map again. */
static void exit_boot_services(EFI_HANDLE image, struct fw_map *map)
{
	for (int i = 0; i < EXIT_TRIES; i++) {
		if (EFI_ERROR(fw_map_read(map)))
			break;
		if (!EFI_ERROR(BOOT->ExitBootServices(image, map->key)))
			return;
	}
	refuse("the firmware does not let go of the machine", "ExitBootServices",
	       "update the firmware");
}

/* Control register bits: Intel SDM volume 3, 2.5; EFER: 2.2.1. */
static _Noreturn void enter_kernel(const struct handover *h)
{
	__asm__ volatile("mov $0xc0000080, %%ecx\n\t"
			 "rdmsr\n\t"
			 "or $0x800, %%eax\n\t" /* EFER.NXE */
			 "wrmsr\n\t"
			 "mov %%cr0, %%rax\n\t"
			 "or $0x10000, %%rax\n\t" /* CR0.WP */
			 "mov %%rax, %%cr0\n\t"
			 "mov %[root], %%cr3\n\t"
			 "mov %[stack], %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "push $0\n\t"
			 "jmp *%[entry]"
			 :
			 : [root] "r"(h->root), [stack] "r"(h->stack), [entry] "r"(h->entry),
			   "D"(h->info)
			 : "rax", "rcx", "rdx", "memory");
	__builtin_unreachable();
}

void handover_leave(struct handover *h, EFI_HANDLE image)
{
	struct fw_map map;

	fw_map_start(&map);
	exit_boot_services(image, &map);
	__asm__ volatile("cli");
	screen_off();
	pci_stop_bus_masters();
	log_append_final(h->info);
	memory_map(h, &map);
	say("redoubt: firmware left, entering the kernel\n");
	enter_kernel(h);
}
