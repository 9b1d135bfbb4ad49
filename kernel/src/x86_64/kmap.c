// SPDX-License-Identifier: Apache-2.0
/* The kernel's own page tables. Intel SDM volume 3, 4.5. */
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/start.h"

enum {
	ENTRIES = 512,
	KERNEL_HALF = 256, /* first top-level entry of the kernel's */
	PTE_P = 1 << 0,
	PTE_W = 1 << 1,
	PTE_PWT = 1 << 3,
	PTE_PCD = 1 << 4,
	PTE_AD = 3 << 5,
	PTE_LARGE = 1 << 7,
	PTE_GLOBAL = 1 << 8,
};

#define PTE_NX (1ull << 63)

extern char text_start[], text_end[], rodata_end[], data_start[], image_end[];

uint64_t kernel_root;

/* The entry for va at level; tables on the way are made. */
static uint64_t *entry_for(uint64_t va, unsigned int level)
{
	uint64_t table = kernel_root;

	for (unsigned int l = 3;; l--) {
		uint64_t *e = (uint64_t *)pa_ptr(table) + (va >> (12 + 9 * l)) % ENTRIES;
		void *new;

		if (l == level)
			return e;
		if (!(*e & PTE_P)) {
			new = frame_alloc(NULL);
			if (!new)
				panic("kernel pool too small for page tables");
			*e = ptr_pa(new) | PTE_P | PTE_W;
		}
		table = *e & PTAB_ADDR;
	}
}

void kmap(uint64_t va, uint64_t pa, uint64_t size, bool write, bool exec, bool device)
{
	uint64_t bits = PTE_P | PTE_AD | (va >= POOL_VA ? (uint64_t)PTE_GLOBAL : 0) |
			(write ? PTE_W : 0) | (exec ? 0 : PTE_NX) |
			(device ? PTE_PCD | PTE_PWT : 0);

	for (uint64_t at = 0; at < size;) {
		bool large = !((va + at) % PTAB_LARGE_SIZE) && !((pa + at) % PTAB_LARGE_SIZE) &&
			     size - at >= PTAB_LARGE_SIZE;

		*entry_for(va + at, large ? 1 : 0) = (pa + at) | bits | (large ? PTE_LARGE : 0);
		at += large ? PTAB_LARGE_SIZE : FRAME_SIZE;
	}
}

void kmap_window(uint64_t va, uint64_t pa)
{
	*(volatile uint64_t *)entry_for(va, 0) = pa | PTE_P | PTE_AD | PTE_NX;
	invlpg(va);
}

/* What the tables at root say about va; they are mapped at their physical address or in the pool. */
static uint64_t translate(uint64_t root, uint64_t va)
{
	uint64_t table = root;

	for (unsigned int l = 3;; l--) {
		uint64_t e = ((uint64_t *)pa_ptr(table))[(va >> (12 + 9 * l)) % ENTRIES],
			 low = (1ull << (12 + 9 * l)) - 1;

		if (!(e & PTE_P))
			panic("kernel image: %lx is not mapped", va);
		if (l == 0 || (e & PTE_LARGE))
			return (e & PTAB_ADDR & ~low) | (va & low);
		table = e & PTAB_ADDR;
	}
}

uint64_t image_pa(const void *p)
{
	return translate(kernel_root, (uint64_t)p);
}

static void map_image(uint64_t loader_root, const char *from, const char *to, bool write, bool exec)
{
	for (uint64_t va = (uint64_t)from; va < (uint64_t)to; va += FRAME_SIZE)
		kmap(va, translate(loader_root, va), FRAME_SIZE, write, exec, false);
}

/* The pool is mapped in whole 2 MiB pages, so page tables are reached through it whatever happens to the lower half. */
void kernel_tables(void)
{
	uint64_t loader_root = read_cr3() & PTAB_ADDR;
	uint64_t *root = frame_alloc(NULL);

	kernel_root = ptr_pa(root);
	for (unsigned int i = 0; i < KERNEL_HALF; i++)
		root[i] = ((uint64_t *)loader_root)[i];
	map_image(loader_root, text_start, text_end, false, true);
	map_image(loader_root, text_end, rodata_end, false, false);
	map_image(loader_root, data_start, image_end, true, false);
	kmap(POOL_VA, bootinfo.kpool_base, bootinfo.kpool_size, true, false, false);
	kmap(LAPIC_VA, lapic_base(), FRAME_SIZE, true, false, true);
	write_cr3(kernel_root);
	pool_delta = POOL_VA - bootinfo.kpool_base;
}

void kernel_tables_done(void)
{
	uint64_t *root = pa_ptr(kernel_root);

	for (unsigned int i = 0; i < KERNEL_HALF; i++)
		root[i] = 0;
	write_cr3(kernel_root);
}

/* All of the kernel half is made before the first domain, but for tables below existing top-level entries. */
void space_install_kernel(uint64_t *root)
{
	const uint64_t *kernel = pa_ptr(kernel_root);

	for (unsigned int i = KERNEL_HALF; i < ENTRIES; i++)
		root[i] = kernel[i];
}
