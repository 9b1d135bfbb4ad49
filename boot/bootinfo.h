// SPDX-License-Identifier: Apache-2.0
/*
 * Boot info: what the UEFI loader hands to the kernel, and the kernel to root.
 *
 * The loader calls the kernel's ELF entry in 64-bit mode, interrupts off, paging on, with RDI = physical
 * address of struct bootinfo. At that moment the page tables hold
 *   - the identity map of physical 0 to 4 GiB and of all RAM (supervisor, writable), and
 *   - the kernel's ELF segments at their linked addresses, W^X.
 * All physical ranges below are page-aligned unless said otherwise. The loader owns nothing afterwards.
 * Integers are little-endian; the structure is one contiguous block of `size` bytes.
 */
#pragma once
#include <stdint.h>

#define BOOTINFO_MAGIC     0x544f4f4254424452ull /* "RDBTBOOT" */
#define BOOTINFO_VERSION   2u
#define BOOTINFO_MAX_MEM   256u
#define BOOTINFO_MAX_CPU   64u
#define BOOTINFO_MAX_PART  64u
#define BOOTINFO_MAX_IOMMU 16u
#define BOOTINFO_SEED      64u

enum boot_mem_type {
	BOOT_MEM_FREE = 1,     /* usable by root after hand-over */
	BOOT_MEM_LOADER = 2,   /* boot info, parts, event log, page tables: not to be reused */
	BOOT_MEM_KERNEL = 3,   /* kernel image and kernel pool */
	BOOT_MEM_RESERVED = 4, /* firmware, ACPI, runtime: never RAM for anybody */
};

struct boot_mem {
	uint64_t base; /* bytes, page-aligned */
	uint64_t size; /* bytes, page-aligned, > 0; entries sorted by base, not overlapping */
	uint32_t type; /* enum boot_mem_type */
	uint32_t pad;
};

struct boot_part {
	char name[32]; /* NUL-terminated: "kernel", "manifest", a component, "binding", "cmdline" */
	uint64_t base; /* physical address of the very buffer that was measured, page-aligned */
	uint64_t size; /* bytes, not rounded */
	uint8_t digest[32]; /* SHA-256 of those bytes, as measured */
	uint32_t pcr;       /* PCR it was extended to */
	uint32_t pad;
};

struct boot_fb {
	uint64_t base;   /* physical; 0: no framebuffer */
	uint32_t width;  /* pixels */
	uint32_t height; /* pixels */
	uint32_t stride; /* pixels per line */
	uint32_t format; /* 0: 0x00RRGGBB little-endian, 1: 0x00BBGGRR */
};

enum boot_iommu_kind {
	BOOT_IOMMU_VTD = 1,   /* Intel VT-d remapping unit: ACPI table DMAR */
	BOOT_IOMMU_AMDVI = 2, /* AMD IOMMU: ACPI table IVRS */
};

struct boot_iommu {
	uint64_t base;    /* registers, physical, page-aligned */
	uint64_t size;    /* bytes of registers, whole pages */
	uint32_t kind;    /* enum boot_iommu_kind, the same for all */
	uint32_t segment; /* PCI segment of the functions behind it */
};

struct bootinfo {
	uint64_t magic;
	uint32_t version;
	uint32_t size;       /* of this structure */
	uint64_t kpool_base; /* kernel pool: 2 MiB-aligned, contiguous, below 4 GiB */
	uint64_t kpool_size;
	uint64_t ap_page;  /* one page below 1 MiB for the AP start-up code */
	uint64_t rsdp;     /* ACPI root pointer, physical; 0: firmware has none */
	uint64_t tsc_khz;  /* TSC frequency measured by the loader */
	uint64_t log_base; /* TCG2 event log (crypto-agile), complete, physical */
	uint64_t log_size; /* bytes */
	struct boot_fb fb;
	uint8_t seed
		[BOOTINFO_SEED]; /* random, TPM and firmware; the kernel passes it to root and wipes it */
	uint32_t cpu_count;
	uint32_t mem_count;
	uint32_t part_count;
	uint32_t flags;                     /* BOOTINFO_LAB_* */
	uint32_t apic_id[BOOTINFO_MAX_CPU]; /* [0] is the boot CPU */
	struct boot_mem mem[BOOTINFO_MAX_MEM];
	struct boot_part part[BOOTINFO_MAX_PART];
	uint32_t iommu_count; /* all the machine has, or 0: none, or their table cannot be used */
	uint32_t iommu_remap; /* 1: the platform lets them remap interrupts */
	uint32_t
		iommu_kept; /* memory ranges firmware wants devices to reach (RMRR, IVMD): denied */
	uint32_t pad;
	struct boot_iommu iommu[BOOTINFO_MAX_IOMMU];
};

_Static_assert(sizeof(struct boot_mem) == 24, "boot_mem");
_Static_assert(sizeof(struct boot_part) == 88, "boot_part");
_Static_assert(sizeof(struct boot_iommu) == 24, "boot_iommu");
