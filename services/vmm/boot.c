// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/boot.h"
#include <string.h>
#include "services/vmm/acpi.h"
#include "services/vmm/pci.h"

enum {
	PAGE = 4096,
	PTE_PRESENT_RW = 3,
	PTE_LARGE = 0x80,
	CODE16 = 0x09b,
	DATA16 = 0x093,
	CODE32 = 0xc9b,
	CODE64 = 0xa9b,
	DATA = 0xc93,
	TSS = 0x8b,
	LDT = 0x82,
	SEL_CODE = 0x10,
	SEL_DATA = 0x18,
	LOW_END = 0x9fc00,
};

#define CR0_PE      UINT64_C(1)
#define CR0_ET      UINT64_C(0x10)
#define CR0_NE      UINT64_C(0x20)
#define CR0_PG      UINT64_C(0x80000000)
#define CR4_PAE     UINT64_C(0x20)
#define EFER_LONG   UINT64_C(0x500) /* LME, LMA */
#define PAT_RESET   UINT64_C(0x0007040600070406)
#define STAGE_ALIGN UINT64_C(0x200000)

const char *boot_error_text(enum boot_error e)
{
	static const char *const text[] = {
		[BOOT_OK] = "ok",
		[BOOT_UNKNOWN] = "neither a bzImage nor a PVH or Multiboot ELF",
		[BOOT_DAMAGED] = "the kernel image is damaged",
		[BOOT_OLD] = "the bzImage has no 64-bit entry",
		[BOOT_NO_MEMORY] = "kernel and initramfs need more memory than the VM has",
		[BOOT_CMDLINE] = "the command line is too long",
	};

	return text[e];
}

unsigned boot_ranges(const struct guest_mem *gm, struct boot_range r[BOOT_RANGES])
{
	unsigned n = 0;

	r[n++] = (struct boot_range){ 0, LOW_END, 1 };
	r[n++] = (struct boot_range){ LOW_END, 0xa0000 - LOW_END, 2 };
	r[n++] = (struct boot_range){ ACPI_BASE, 0x100000 - ACPI_BASE, 2 };
	r[n++] = (struct boot_range){ 0x100000, gm->low - 0x100000, 1 };
	r[n++] = (struct boot_range){ PCI_ECAM, PCI_ECAM_SIZE, 2 };
	if (gm->high != 0)
		r[n++] = (struct boot_range){ GM_HOLE_END, gm->high, 1 };
	return n;
}

uint64_t boot_initrd_place(const struct guest_mem *gm, size_t initrd_size)
{
	/* Linux maps the first GiB early */
	uint64_t end = gm->low < 0x38000000 ? gm->low : 0x38000000;

	if (initrd_size >= end - BOOT_KERNEL_MIN)
		return 0;
	return (end - initrd_size) & ~(uint64_t)(PAGE - 1);
}

uint64_t boot_staging(const struct guest_mem *gm, size_t initrd_size, size_t kernel_size)
{
	uint64_t end = boot_initrd_place(gm, initrd_size);

	if (end == 0 || kernel_size >= end - BOOT_KERNEL_MIN - STAGE_ALIGN)
		return 0;
	return (end - kernel_size) & ~(STAGE_ALIGN - 1);
}

bool boot_put_initrd(const struct guest_mem *gm, const struct boot_image *img, uint64_t *gpa,
		     uint64_t *limit)
{
	*gpa = *limit = boot_initrd_place(gm, img->initrd_size);
	if (*limit == 0)
		return false;
	if (img->initrd_size == 0) {
		*gpa = 0;
	} else {
		uint8_t *to = gm_ptr(gm, *gpa, img->initrd_size);

		if (to == NULL)
			return false;
		if (to != img->initrd)
			memcpy(to, img->initrd, img->initrd_size);
	}
	/* a kernel image that lies in guest memory must not be overwritten while it is loaded */
	if (img->kernel >= gm->base && img->kernel < gm->base + gm->low)
		*limit = (uint64_t)(img->kernel - gm->base);
	return true;
}

bool boot_put_cmdline(const struct guest_mem *gm, const char *cmdline, size_t most)
{
	size_t n = strlen(cmdline);

	if (most > BOOT_CMDLINE_MAX - 1)
		most = BOOT_CMDLINE_MAX - 1;
	return n <= most && gm_write(gm, BOOT_CMDLINE_AT, cmdline, n + 1);
}

static void set_segment(struct vcpu_seg *seg, uint16_t sel, uint16_t attr, uint32_t limit)
{
	*seg = (struct vcpu_seg){ .sel = sel, .attr = attr, .limit = limit };
}

/* Flat segments, interrupts off, everything else as after reset. */
void boot_reset_state(struct vcpu_state *s)
{
	memset(s->gpr, 0, sizeof(s->gpr));
	s->rflags = 2;
	s->event = (struct vcpu_event){ 0 };
	s->shadow = s->window = 0;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE;
	s->cr2 = s->cr3 = s->cr4 = s->cr8 = 0;
	s->efer = 0;
	s->pat = PAT_RESET;
	s->xcr0 = 1;
	for (unsigned i = 0; i <= VCPU_GS; i++)
		set_segment(&s->seg[i], SEL_DATA, DATA, UINT32_MAX);
	set_segment(&s->seg[VCPU_LDTR], 0, LDT, 0xffff);
	set_segment(&s->seg[VCPU_TR], 0, TSS, 0xffff);
	s->gdtr = (struct vcpu_seg){ .limit = 0 };
	s->idtr = (struct vcpu_seg){ .limit = 0 };
	memset(s->dr, 0, sizeof(s->dr));
	s->dr6 = 0xffff0ff0;
	s->dr7 = 0x400;
	s->star = s->lstar = s->cstar = s->sfmask = s->kernel_gs_base = 0;
	s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
	s->dirty = VCPU_G_ALL;
}

void boot_enter16(struct vcpu_state *s, uint8_t page)
{
	boot_reset_state(s);
	s->cr0 = CR0_ET;
	for (unsigned i = 0; i <= VCPU_GS; i++)
		set_segment(&s->seg[i], 0, DATA16, 0xffff);
	s->seg[VCPU_CS] = (struct vcpu_seg){ .sel = (uint16_t)(page << 8),
					     .attr = CODE16,
					     .limit = 0xffff,
					     .base = (uint64_t)page << 12 };
	s->gdtr.limit = s->idtr.limit = 0xffff;
	s->rip = 0;
}

void boot_enter32(struct vcpu_state *s, uint32_t entry)
{
	boot_reset_state(s);
	set_segment(&s->seg[VCPU_CS], SEL_CODE, CODE32, UINT32_MAX);
	s->rip = entry;
}

/* Identity map of the first 4 GiB with 2 MiB pages: PML4, PDPT, four page directories. */
static bool put_tables(const struct guest_mem *gm)
{
	uint64_t *t = gm_ptr(gm, BOOT_TABLES, 6 * PAGE);

	if (t == NULL)
		return false;
	memset(t, 0, 6 * PAGE);
	t[0] = (BOOT_TABLES + PAGE) | PTE_PRESENT_RW;
	for (uint64_t i = 0; i < 4; i++)
		t[512 + i] = (BOOT_TABLES + (2 + i) * PAGE) | PTE_PRESENT_RW;
	for (uint64_t i = 0; i < 4 * 512; i++)
		t[1024 + i] = i << 21 | PTE_LARGE | PTE_PRESENT_RW;
	return true;
}

bool boot_enter64(const struct guest_mem *gm, struct vcpu_state *s, uint64_t entry)
{
	static const uint64_t gdt[] = { 0, 0, UINT64_C(0x00af9b000000ffff),
					UINT64_C(0x00cf93000000ffff) };

	boot_reset_state(s);
	if (!put_tables(gm) || !gm_write(gm, BOOT_GDT, gdt, sizeof(gdt)))
		return false;
	set_segment(&s->seg[VCPU_CS], SEL_CODE, CODE64, UINT32_MAX);
	s->gdtr = (struct vcpu_seg){ .limit = sizeof(gdt) - 1, .base = BOOT_GDT };
	s->cr0 |= CR0_PG;
	s->cr4 = CR4_PAE;
	s->cr3 = BOOT_TABLES;
	s->efer = EFER_LONG;
	s->rip = entry;
	return true;
}

enum boot_error boot_load(const struct guest_mem *gm, const struct boot_image *img,
			  struct vcpu_state *s)
{
	if (boot_is_linux(img))
		return boot_linux(gm, img, s);
	if (img->kernel_size >= 4 && memcmp(img->kernel, "\177ELF", 4) == 0) {
		enum boot_error e = boot_elf(gm, img, s);

		if (e != BOOT_UNKNOWN)
			return e;
	}
	return boot_is_multiboot(img) ? boot_multiboot(gm, img, s) : BOOT_UNKNOWN;
}
