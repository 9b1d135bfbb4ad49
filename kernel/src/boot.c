// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/x86_64/arch.h"

struct bootinfo bootinfo;

static bool overlaps(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

static void check_counts(const struct bootinfo *b)
{
	if (b->magic != BOOTINFO_MAGIC || b->version != BOOTINFO_VERSION || b->size != sizeof(*b))
		panic("boot info is not version %u: this kernel needs the loader of its own "
		      "release",
		      BOOTINFO_VERSION);
	if (b->mem_count > BOOTINFO_MAX_MEM || b->part_count > BOOTINFO_MAX_PART ||
	    b->iommu_count > BOOTINFO_MAX_IOMMU)
		panic("boot info: too many entries");
	if (b->cpu_count == 0 || b->cpu_count > BOOTINFO_MAX_CPU)
		panic("boot info: %u CPUs", b->cpu_count);
	if (!b->tsc_khz)
		panic("boot info: no TSC frequency");
	if (!b->kpool_size || (b->kpool_base | b->kpool_size) % PTAB_LARGE_SIZE)
		panic("boot info: bad kernel pool %lx+%lx", b->kpool_base, b->kpool_size);
}

static void check_memory(const struct bootinfo *b)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < b->mem_count; i++) {
		const struct boot_mem *m = &b->mem[i];

		if (m->base < end || !m->size || (m->base | m->size) % FRAME_SIZE ||
		    m->base + m->size < m->base)
			panic("boot info: bad memory entry %u: %lx+%lx", i, m->base, m->size);
		if (m->type == BOOT_MEM_FREE &&
		    overlaps(m->base, m->size, b->kpool_base, b->kpool_size))
			panic("boot info: free memory %lx+%lx inside the kernel pool", m->base,
			      m->size);
		end = m->base + m->size;
	}
}

/* Registers in RAM would be somebody's memory. */
static void check_iommus(const struct bootinfo *b)
{
	for (uint32_t i = 0; i < b->iommu_count; i++)
		for (uint32_t j = 0; j < b->mem_count; j++)
			if (b->mem[j].type != BOOT_MEM_RESERVED &&
			    overlaps(b->iommu[i].base, b->iommu[i].size, b->mem[j].base,
				     b->mem[j].size))
				panic("boot info: IOMMU registers %lx inside memory",
				      b->iommu[i].base);
}

void boot_take(const struct bootinfo *from)
{
	check_counts(from);
	check_memory(from);
	check_iommus(from);
	__builtin_memcpy(&bootinfo, from, sizeof(bootinfo));
	for (uint32_t i = 0; i < bootinfo.part_count; i++)
		bootinfo.part[i].name[sizeof(bootinfo.part[i].name) - 1] = 0;
}

bool boot_is_ram(uint64_t base, uint64_t size)
{
	if (base + size < base || overlaps(base, size, lapic_base(), FRAME_SIZE))
		return true;
	for (uint32_t i = 0; i < bootinfo.mem_count; i++) {
		const struct boot_mem *m = &bootinfo.mem[i];

		if (m->type != BOOT_MEM_RESERVED && overlaps(base, size, m->base, m->size))
			return true;
	}
	for (uint32_t i = 0; i < bootinfo.iommu_count; i++)
		if (overlaps(base, size, bootinfo.iommu[i].base, bootinfo.iommu[i].size))
			return true;
	return overlaps(base, size, bootinfo.kpool_base, bootinfo.kpool_size);
}
