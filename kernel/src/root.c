// SPDX-License-Identifier: Apache-2.0
/* Makes root: its domain, image, stack, information pages, first thread, and every capability there is. */
#include "abi/root_info.h"
#include "abi/elf.h"
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/layout.h"

enum {
	ROOT_SLICE_FRAMES = 64, /* kept back from root's account for the kernel itself */
	PORTS = 65536,
	FUNCTIONS = 65536,
	INFO_FRAMES = (sizeof(struct root_info) + FRAME_SIZE - 1) / FRAME_SIZE,
	PHYS_BITS_MAX = 52,
};

#define ROOT_IMAGE_END 0x7fffd0000000ull /* below root's stack and information pages */

static struct pd *root;
static struct root_info *info;

static uint64_t pages(uint64_t bytes)
{
	return (bytes + FRAME_SIZE - 1) & ~(uint64_t)(FRAME_SIZE - 1);
}

/* Memory is still mapped at its physical address while root is made. */
static uint64_t take_ram(uint64_t bytes)
{
	for (uint32_t i = bootinfo.mem_count; i-- > 0;) {
		struct boot_mem *m = &bootinfo.mem[i];

		if (m->type != BOOT_MEM_FREE || m->size < bytes + FRAME_SIZE)
			continue;
		if (bootinfo.mem_count == BOOTINFO_MAX_MEM)
			break;
		m->size -= bytes;
		bootinfo.mem[bootinfo.mem_count++] =
			(struct boot_mem){ m->base + m->size, bytes, BOOT_MEM_LOADER, 0 };
		__builtin_memset((void *)(m->base + m->size), 0, bytes);
		return m->base + m->size;
	}
	panic("no %lu bytes of free memory for root", bytes);
}

static void show(uint64_t va, uint64_t pa, uint64_t size, uint32_t rights)
{
	uint64_t done;

	for (uint64_t at = 0; at < size; at += done)
		if (ptab_map(&root->space.ptab, va + at, pa + at, FRAME_SIZE, rights, &done) !=
		    PTAB_OK)
			panic("root's image does not fit at %lx", va + at);
}

static void load_segment(const char *image, const struct elf_segment *s)
{
	uint64_t size = pages(s->mem_size), pa = take_ram(size);
	uint32_t rights = (s->flags & ELF_R ? RIGHT_R : 0) | (s->flags & ELF_W ? RIGHT_W : 0) |
			  (s->flags & ELF_X ? RIGHT_X : 0);

	__builtin_memcpy((void *)pa, image + s->offset, s->file_size);
	show(s->va, pa, size, rights);
}

static uint64_t load_image(const struct boot_part *part)
{
	const char *image = (const char *)part->base;
	const char *wrong;
	struct elf e;

	wrong = elf_read(&e, image, part->size, FRAME_SIZE, ROOT_IMAGE_END);
	if (wrong)
		panic("the part \"root\": %s", wrong);
	for (uint32_t i = 0; i < e.count; i++)
		load_segment(image, &e.segment[i]);
	show(ROOT_STACK_TOP - ROOT_STACK_SIZE, take_ram(ROOT_STACK_SIZE), ROOT_STACK_SIZE,
	     RIGHT_RW);
	return e.entry;
}

static const struct boot_part *find_part(const char *name)
{
	for (uint32_t i = 0; i < bootinfo.part_count; i++)
		if (!__builtin_strcmp(bootinfo.part[i].name, name))
			return &bootinfo.part[i];
	panic("the boot image has no part \"%s\"", name);
}

static struct slot *next_slot(void)
{
	struct slot *s;

	if (cap_empty(root, info->first_free_sel, &s) != S_OK)
		panic("kernel pool too small for root's capabilities");
	info->first_free_sel++;
	return s;
}

static sel_t give_range(enum obj_type type, uint64_t base, uint64_t size, uint32_t rights,
			uint8_t flags)
{
	slot_set_range(next_slot(), type, base, size, rights, flags);
	return info->first_free_sel - 1;
}

static sel_t give_object(struct obj *o)
{
	slot_set_object(next_slot(), o);
	return info->first_free_sel - 1;
}

static sel_t give_frames(const void *first, uint64_t size)
{
	return give_range(OBJ_MO, ptr_pa(first), pages(size), RIGHT_R | RIGHT_DELEGATE, 0);
}

/* Root itself cannot be destroyed: its capability is an ordinary copy without an original. */
static sel_t give_self(void)
{
	struct slot *s = next_slot();

	slot_set_range(s, OBJ_PD, (uint64_t)&root->obj, 0, RIGHT_ALL & ~(uint32_t)RIGHT_DESTROY, 0);
	return info->first_free_sel - 1;
}

static void give_memory(void)
{
	uint64_t left_out = 0;

	for (uint32_t i = 0; i < bootinfo.mem_count; i++) {
		const struct boot_mem *m = &bootinfo.mem[i];
		struct root_mem *to = &info->mem[info->mem_count];

		if (m->type != BOOT_MEM_FREE)
			continue;
		if (info->mem_count == ROOT_MAX_MEM) {
			left_out += m->size;
			continue;
		}
		to->base = m->base;
		to->size = m->size;
		to->sel = give_range(OBJ_MO, m->base, m->size, RIGHT_RW | RIGHT_X | RIGHT_DELEGATE,
				     0);
		info->mem_count++;
	}
	if (left_out)
		kprintf("kernel: %lu bytes of memory stay unused: it is in more than %u ranges\n",
			left_out, ROOT_MAX_MEM);
}

static void give_parts(void)
{
	for (uint32_t i = 0; i < bootinfo.part_count; i++) {
		const struct boot_part *p = &bootinfo.part[i];
		struct root_part *to = &info->part[info->part_count++];

		__builtin_memcpy(to->name, p->name, sizeof(to->name));
		__builtin_memcpy(to->digest, p->digest, sizeof(to->digest));
		to->base = p->base;
		to->size = p->size;
		to->pcr = p->pcr;
		if (p->size)
			to->sel = give_range(OBJ_MO, p->base, pages(p->size),
					     RIGHT_RX | RIGHT_DELEGATE, 0);
	}
}

static void copy_bootinfo(struct bootinfo *copy)
{
	__builtin_memcpy(info->seed, bootinfo.seed, sizeof(info->seed));
	__builtin_memset(bootinfo.seed, 0, sizeof(bootinfo.seed));
	__builtin_memcpy(copy, &bootinfo, sizeof(*copy));
	info->mo_bootinfo = give_frames(copy, sizeof(*copy));
}

static void fill_info(void)
{
	info->magic = ROOT_INFO_MAGIC;
	info->version = ROOT_INFO_VERSION;
	info->size = sizeof(*info);
	info->cpu_count = cpu_count;
	info->tsc_khz = tsc_khz;
	info->log_size = bootinfo.log_size;
	info->rsdp = bootinfo.rsdp;
	info->fb_base = bootinfo.fb.base;
	info->fb_width = bootinfo.fb.width;
	info->fb_height = bootinfo.fb.height;
	info->fb_stride = bootinfo.fb.stride;
	info->fb_format = bootinfo.fb.format;
	info->flags = (vm_ops ? ROOT_HAS_SVM : 0) | (iommu_ops == &vtd_ops ? ROOT_IOMMU_VTD : 0) |
		      (iommu_ops == &amdvi_ops ? ROOT_IOMMU_AMDVI : 0) |
		      (iommu_ops && iommu_remaps ? ROOT_IOMMU_REMAPS : 0);
}

static void give_devices(void)
{
	info->hw = give_range(OBJ_HW, 0, 1, RIGHT_CTRL | RIGHT_DELEGATE, 0);
	info->dc_all = give_range(OBJ_DC, 0, FUNCTIONS, RIGHT_ASSIGN | RIGHT_DELEGATE, 0);
	info->pio_all = give_range(OBJ_PIO, 0, PORTS, RIGHT_RW | RIGHT_DELEGATE, 0);
	info->mo_dev = give_range(OBJ_MO, 0, 1ull << PHYS_BITS_MAX, RIGHT_RW | RIGHT_DELEGATE,
				  SLOT_DEVICE);
	info->mo_log = give_range(OBJ_MO, bootinfo.log_base, pages(bootinfo.log_size),
				  RIGHT_R | RIGHT_DELEGATE, 0);
	info->mo_stats = give_frames(cpus[0]->stats, cpu_count * (uint64_t)FRAME_SIZE);
	info->mo_trace = give_frames(trace_ring, sizeof(*trace_ring));
	info->mo_klog = give_frames(klog, sizeof(*klog));
}

static struct ec *make_thread(uint64_t entry)
{
	struct ec_start start = { 0, ROOT_UTCB_VA, ROOT_STACK_TOP, entry };
	enum status s;
	struct ec *e = ec_create(root, &start, &s);

	if (!e)
		panic("root's first thread: status %u", s);
	e->regs.rdi = ROOT_INFO_VA;
	__builtin_memcpy(e->name, "main", 5);
	__builtin_memcpy(root->name, "root", 5);
	return e;
}

void root_start(void)
{
	const struct boot_part *part = find_part("root");
	struct bootinfo *copy;
	struct ec *e;
	struct sc *sc;

	info = boot_frames(sizeof(*info));
	info->first_free_sel = SEL_NULL + 1;
	copy = boot_frames(sizeof(*copy));
	root = pd_create(NULL, pool_free_frames() - ROOT_SLICE_FRAMES, PRIO_MAX);
	e = make_thread(load_image(part));
	sc = sc_create(root, e, PRIO_MAX - 1, 0, 0);
	info->pd = give_self();
	info->ec = give_object(&e->obj);
	info->sc = give_object(&sc->obj);
	give_devices();
	give_memory();
	give_parts();
	copy_bootinfo(copy);
	fill_info();
	info->kmem_frames = root->account.quota;
	show(ROOT_INFO_VA, ptr_pa(info), INFO_FRAMES * (uint64_t)FRAME_SIZE, RIGHT_R);
	sc_start(sc);
}
