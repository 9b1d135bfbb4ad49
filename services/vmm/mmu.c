// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/mmu.h"

enum { PRESENT = 1, LARGE = 1 << 7 };

#define CR0_PE   (UINT64_C(1) << 0)
#define CR0_PG   (UINT64_C(1) << 31)
#define CR4_PSE  (UINT64_C(1) << 4)
#define CR4_PAE  (UINT64_C(1) << 5)
#define CR4_LA57 (UINT64_C(1) << 12)
#define EFER_LMA (UINT64_C(1) << 10)
#define RF_VM    (UINT64_C(1) << 17)
#define ADDRESS  UINT64_C(0x000ffffffffff000)

unsigned mmu_code_bits(const struct vcpu_state *s)
{
	uint16_t cs = s->seg[VCPU_CS].attr;

	if (!(s->cr0 & CR0_PE) || (s->rflags & RF_VM))
		return 16;
	if ((s->efer & EFER_LMA) && (cs & VCPU_ATTR_L))
		return 64;
	return (cs & VCPU_ATTR_DB) ? 32 : 16;
}

uint64_t mmu_linear(const struct vcpu_state *s, enum vcpu_seg_index seg, uint64_t offset)
{
	if (mmu_code_bits(s) == 64)
		return seg == VCPU_FS || seg == VCPU_GS ? s->seg[seg].base + offset : offset;
	return (uint32_t)(s->seg[seg].base + offset);
}

static bool read_entry(const struct guest_mem *gm, uint64_t gpa, unsigned size, uint64_t *e)
{
	*e = 0;
	return gm_read(gm, gpa, e, size) && (*e & PRESENT);
}

/* Tables of 8-byte entries, 9 bits a level. */
static bool walk_pae(const struct guest_mem *gm, uint64_t table, unsigned levels, uint64_t linear,
		     uint64_t *gpa)
{
	uint64_t e;

	for (unsigned level = levels; level >= 1; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t in_page = (UINT64_C(1) << shift) - 1;

		if (!read_entry(gm, table + (linear >> shift & 511) * 8, 8, &e))
			return false;
		if (level == 1 || (level <= 3 && (e & LARGE))) {
			*gpa = (e & ADDRESS & ~in_page) | (linear & in_page);
			return true;
		}
		table = e & ADDRESS;
	}
	return false;
}

/* 32-bit PAE: four entries at cr3, then two levels. */
static bool walk_pae32(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		       uint64_t *gpa)
{
	uint64_t e;

	return read_entry(gm, (s->cr3 & 0xffffffe0) + (linear >> 30 & 3) * 8, 8, &e) &&
	       walk_pae(gm, e & ADDRESS, 2, linear, gpa);
}

static bool walk_legacy(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
			uint64_t *gpa)
{
	uint64_t e;

	if (!read_entry(gm, (s->cr3 & 0xfffff000) + (linear >> 22 & 1023) * 4, 4, &e))
		return false;
	if ((e & LARGE) && (s->cr4 & CR4_PSE)) {
		*gpa = (e & 0xffc00000) | (e >> 13 & 0xff) << 32 | (linear & 0x3fffff);
		return true;
	}
	if (!read_entry(gm, (e & 0xfffff000) + (linear >> 12 & 1023) * 4, 4, &e))
		return false;
	*gpa = (e & 0xfffff000) | (linear & 0xfff);
	return true;
}

bool mmu_translate(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		   uint64_t *gpa)
{
	*gpa = linear;
	if (!(s->cr0 & CR0_PG))
		return true;
	if (s->efer & EFER_LMA)
		return walk_pae(gm, s->cr3 & ADDRESS, s->cr4 & CR4_LA57 ? 5 : 4, linear, gpa);
	if (s->cr4 & CR4_PAE)
		return walk_pae32(s, gm, linear, gpa);
	return walk_legacy(s, gm, linear, gpa);
}

size_t mmu_fetch(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		 uint8_t *out, size_t n)
{
	size_t done = 0;
	uint64_t gpa;

	while (done < n) {
		size_t part = 4096 - ((linear + done) & 4095);

		if (part > n - done)
			part = n - done;
		if (!mmu_translate(s, gm, linear + done, &gpa) ||
		    !gm_read(gm, gpa, out + done, part))
			break;
		done += part;
	}
	return done;
}
