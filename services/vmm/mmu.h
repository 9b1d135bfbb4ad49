// SPDX-License-Identifier: Apache-2.0
/*
 * Linear addresses of the guest: segmentation and the walk of its page tables, for the few instructions the VMM
 * looks at. Rights are not checked (the CPU did before it exited), accessed and dirty bits are not set.
 * Needs the groups CR, SEG and EFER of the state. Source: AMD64 APM volume 2, chapters 4 and 5.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/vcpu.h"
#include "services/vmm/guest_mem.h"

#define MMU_GROUPS (VCPU_G_CR | VCPU_G_SEG | VCPU_G_EFER)

/* Default operand size of the code being run, in bits: 16, 32 or 64. */
unsigned mmu_code_bits(const struct vcpu_state *s);
/* Linear address of seg:offset; wraps as the mode asks. */
uint64_t mmu_linear(const struct vcpu_state *s, enum vcpu_seg_index seg, uint64_t offset);
/* Guest-physical address of a linear one; false: not mapped. */
bool mmu_translate(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		   uint64_t *gpa);
/* Copy n bytes from linear memory, over page borders; the count that could be read. */
size_t mmu_fetch(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		 uint8_t *out, size_t n);
