// SPDX-License-Identifier: Apache-2.0
/*
 * What root, the first user program, finds at ROOT_INFO_VA (read-only; the address is also in rdi at
 * its entry; rsp = ROOT_STACK_TOP, UTCB at ROOT_UTCB_VA). Selectors are in root's own table; slots
 * from first_free_sel on are empty. Root's first thread is global, on CPU 0, with priority PRIO_MAX - 1.
 */
#pragma once
#include "abi/types.h"

#define ROOT_INFO_MAGIC 0x544f4f5254424452ull /* "RDBTROOT" */

enum {
	ROOT_INFO_VERSION = 1,
	ROOT_MAX_MEM = 128,
	ROOT_MAX_PART = 64,
	ROOT_SEED = 64,
};

#define ROOT_INFO_VA    0x00007ffff0000000ull
#define ROOT_UTCB_VA    0x00007ffff0100000ull
#define ROOT_STACK_TOP  0x00007fffe0000000ull
#define ROOT_STACK_SIZE 0x40000ull

struct root_mem {
	uint64_t base; /* physical, page-aligned */
	uint64_t size; /* bytes, page-aligned */
	sel_t sel;
	uint32_t pad;
};

struct root_part {
	char name[32]; /* NUL-terminated, as measured */
	uint64_t base; /* physical, page-aligned; the mo is rounded up to whole pages */
	uint64_t size; /* bytes, not rounded */
	sel_t sel;     /* mo, rights R X */
	uint32_t pcr;
	uint8_t digest[32];
};

struct root_info {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of this structure */
	sel_t pd;      /* root's own domain, all rights */
	sel_t ec;      /* its first thread */
	sel_t sc;
	sel_t hw;      /* ctrl_hw */
	sel_t dc_all;  /* every PCI function */
	sel_t pio_all; /* every I/O port */
	sel_t mo_dev; /* every physical address that is neither RAM nor the kernel's; derive sub-ranges of it */
	sel_t mo_bootinfo; /* struct bootinfo of the loader, seed wiped; read-only */
	sel_t mo_log;      /* TCG2 event log, log_size bytes; read-only */
	sel_t mo_stats;    /* one page per CPU: struct cpu_stats (abi/stats.h); read-only */
	sel_t mo_trace;    /* trace ring (abi/stats.h); read-only */
	sel_t mo_klog;     /* kernel log ring (abi/stats.h); read-only */
	sel_t first_free_sel;
	uint32_t cpu_count;
	uint32_t mem_count;
	uint32_t part_count;
	uint64_t tsc_khz;
	uint64_t kmem_frames; /* root's account, frames of 4 KiB */
	uint64_t log_size;    /* bytes */
	uint64_t
		rsdp; /* physical, 0: none; reach it through mo_dev or RAM marked reserved (also mo_dev) */
	uint64_t fb_base; /* framebuffer, physical, 0: none */
	uint32_t fb_width;
	uint32_t fb_height;
	uint32_t fb_stride;                /* pixels per line */
	uint32_t fb_format;                /* 0: 0x00RRGGBB little-endian, 1: 0x00BBGGRR */
	uint64_t flags;                    /* enum root_flag */
	uint8_t seed[ROOT_SEED];           /* random; the only copy */
	struct root_mem mem[ROOT_MAX_MEM]; /* free RAM, rights R W X */
	struct root_part part[ROOT_MAX_PART];
};

enum root_flag {
	ROOT_HAS_SVM = 1u << 0,
	ROOT_HAS_VMX = 1u << 1,
	ROOT_X2APIC = 1u << 2,
	ROOT_IOMMU_VTD = 1u << 3,
	ROOT_IOMMU_AMDVI = 1u << 4,
	ROOT_IOMMU_REMAPS = 1u << 5, /* interrupts too */
	ROOT_IOMMU = ROOT_IOMMU_VTD | ROOT_IOMMU_AMDVI,
};

_Static_assert(sizeof(struct root_mem) == 24, "root_mem");
_Static_assert(sizeof(struct root_part) == 88, "root_part");
