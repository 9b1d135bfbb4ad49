// SPDX-License-Identifier: Apache-2.0
/* The way out: memory, page tables, leaving the firmware, the jump. */
#pragma once
#include "boot/bootinfo.h"
#include "boot/loader/firmware.h"

/* Everything that is allocated while the firmware still can. */
struct handover {
	struct bootinfo *info;
	uint64_t kernel_base; /* physical, where the segments were copied to */
	uint64_t kernel_size;
	uint64_t entry;
	uint64_t root;  /* page-table root */
	uint64_t stack; /* top of a small stack for the jump */
};

/* Copies the measured kernel's segments into place and allocates pool, AP page, stack and page tables. */
void handover_prepare(struct handover *h, struct bootinfo *info, uint64_t kpool_size);

/* Leaves boot services, stops DMA, completes log and memory map, and enters the kernel. */
_Noreturn void handover_leave(struct handover *h, EFI_HANDLE image);
