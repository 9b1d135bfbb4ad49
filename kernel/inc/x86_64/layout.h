// SPDX-License-Identifier: Apache-2.0
/* Kernel half of every address space. Also read by assembler: numbers only. */
#pragma once

#define KERNEL_VA 0xffffffff80000000 /* image, at its linked addresses */
#define POOL_VA   0xffffff0000000000 /* kernel pool */
#define LAPIC_VA  0xffffffffc0000000
#define IOMMU_VA  0xffffffffc1000000 /* + unit number * IOMMU_STRIDE: registers */
#define PERCPU_VA 0xffffffffd0000000 /* + CPU number * PERCPU_SIZE */

#define IOMMU_STRIDE 0x10000

#define PERCPU_SIZE 0x20000
#define STACK_LOW   0x1000 /* each stack has an unmapped page below it */
#define STACK_HIGH  0x5000
#define DF_LOW      0x6000
#define DF_HIGH     0x8000
#define NMI_LOW     0x9000
#define NMI_HIGH    0xb000
#define MC_LOW      0xc000
#define MC_HIGH     0xe000
#define TSS_PAGE    0x10000
#define IO_WINDOW   0x11000 /* two pages: the I/O bitmap of the current domain */

#define USER_LIMIT \
	0x00007ffffffff000 /* the last page of the lower half stays empty: sysret never gets a bad address */
