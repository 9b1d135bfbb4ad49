// SPDX-License-Identifier: Apache-2.0
/*
 * Linear addresses of the guest: segmentation and the walk of its page tables, for the few instructions the VMM carries out. Rights are
 * checked, accessed and dirty bits are set, as the processor does: a guest's own kernel relies on them against its own programs. Reserved bits of
 * entries and protection keys are not looked at.
 * Needs the groups CR, SEG and EFER of the state. Source: AMD64 APM volume 2, chapters 4 and 5.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/vcpu.h"
#include "services/vmm/guest_mem.h"

#define MMU_GROUPS (VCPU_G_CR | VCPU_G_SEG | VCPU_G_EFER)

/* FETCH is for bytes that the processor has run already: no rights. */
enum mmu_access { MMU_FETCH, MMU_READ, MMU_WRITE };

/* Default operand size of the code being run, in bits: 16, 32 or 64. */
unsigned mmu_code_bits(const struct vcpu_state *s);
/* Is it a program's (ring 3)? */
bool mmu_user(const struct vcpu_state *s);
/* Linear address of seg:offset; wraps as the mode asks. */
uint64_t mmu_linear(const struct vcpu_state *s, enum vcpu_seg_index seg, uint64_t offset);
/* Do limit and type of the segment allow `size` bytes at offset? If not, what the processor would raise is put into the state. AMD64 APM
 * volume 2, 4.12. */
bool mmu_segment(struct vcpu_state *s, enum vcpu_seg_index seg, uint64_t offset, unsigned size,
		 enum mmu_access access);
/* Guest-physical address of a linear one; false: it is not mapped for that. With an entry that another vCPU changes meanwhile: false too. */
bool mmu_translate(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		   enum mmu_access access, uint64_t *gpa);
/* As mmu_translate(); what the processor would raise is put into the state. */
bool mmu_access(struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		enum mmu_access access, uint64_t *gpa);
/* Copy n bytes of code from linear memory, over page borders; the count that could be read. */
size_t mmu_fetch(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		 uint8_t *out, size_t n);
