// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/mmu.h"
#include <stdatomic.h>
#include "services/vmm/exception.h"

enum { PRESENT = 1, WRITABLE = 2, USER = 4, ACCESSED = 1 << 5, DIRTY = 1 << 6, LARGE = 1 << 7 };
enum { LEVELS = 5 };
/* Of a segment's type: code; for data: grows down; may be written, for code: read. */
enum { TYPE_CODE = 8, TYPE_DOWN = 4, TYPE_GIVES = 2 };

#define CR0_PE   (UINT64_C(1) << 0)
#define CR0_PG   (UINT64_C(1) << 31)
#define CR4_PSE  (UINT64_C(1) << 4)
#define CR4_PAE  (UINT64_C(1) << 5)
#define CR4_LA57 (UINT64_C(1) << 12)
#define CR4_SMAP (UINT64_C(1) << 21)
#define CR0_WP   (UINT64_C(1) << 16)
#define RF_AC    (UINT64_C(1) << 18)
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

bool mmu_user(const struct vcpu_state *s)
{
	if (!(s->cr0 & CR0_PE))
		return false;
	return (s->rflags & RF_VM) || (s->seg[VCPU_SS].attr & VCPU_ATTR_DPL) == VCPU_ATTR_DPL;
}

uint64_t mmu_linear(const struct vcpu_state *s, enum vcpu_seg_index seg, uint64_t offset)
{
	if (mmu_code_bits(s) == 64)
		return seg == VCPU_FS || seg == VCPU_GS ? s->seg[seg].base + offset : offset;
	return (uint32_t)(s->seg[seg].base + offset);
}

static bool type_allows(uint16_t attr, enum mmu_access access)
{
	bool code = attr & TYPE_CODE, given = attr & TYPE_GIVES;

	if (!(attr & VCPU_ATTR_P))
		return false;
	return access == MMU_WRITE ? !code && given : !code || given;
}

static bool within(const struct vcpu_seg *g, uint64_t offset, unsigned size)
{
	uint64_t last = offset + size - 1;

	if ((g->attr & (TYPE_CODE | TYPE_DOWN)) == TYPE_DOWN)
		return offset > g->limit && last <= (g->attr & VCPU_ATTR_DB ? UINT32_MAX : 0xffff);
	return last <= g->limit;
}

bool mmu_segment(struct vcpu_state *s, enum vcpu_seg_index seg, uint64_t offset, unsigned size,
		 enum mmu_access access)
{
	const struct vcpu_seg *g = &s->seg[seg];
	bool types = (s->cr0 & CR0_PE) && !(s->rflags & RF_VM);

	if (mmu_code_bits(s) == 64 ||
	    ((!types || type_allows(g->attr, access)) && within(g, offset, size)))
		return true;
	exception_raise_error(s, seg == VCPU_SS ? VECTOR_SS : VECTOR_GP, 0);
	return false;
}

/* The entries on the way, the last one being the page's. */
struct walk {
	const struct guest_mem *gm;
	uint64_t at[LEVELS];
	uint32_t low[LEVELS]; /* their lower halves, as read */
	unsigned count;
	uint64_t rights; /* those that all entries give */
};

static bool read_entry(struct walk *w, uint64_t gpa, unsigned size, uint64_t *e)
{
	*e = 0;
	if (!gm_read(w->gm, gpa, e, size) || !(*e & PRESENT))
		return false;
	w->at[w->count] = gpa;
	w->low[w->count++] = (uint32_t)*e;
	w->rights &= *e;
	return true;
}

/* Tables of 8-byte entries, 9 bits a level. */
static bool walk_pae(struct walk *w, uint64_t table, unsigned levels, uint64_t linear,
		     uint64_t *gpa)
{
	uint64_t e;

	for (unsigned level = levels; level >= 1; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		uint64_t in_page = (UINT64_C(1) << shift) - 1;

		if (!read_entry(w, table + (linear >> shift & 511) * 8, 8, &e))
			return false;
		if (level == 1 || (level <= 3 && (e & LARGE))) {
			*gpa = (e & ADDRESS & ~in_page) | (linear & in_page);
			return true;
		}
		table = e & ADDRESS;
	}
	return false;
}

/* 32-bit PAE: four entries at cr3 that give no rights, then two levels. */
static bool walk_pae32(struct walk *w, uint64_t cr3, uint64_t linear, uint64_t *gpa)
{
	uint64_t e;

	if (!read_entry(w, (cr3 & 0xffffffe0) + (linear >> 30 & 3) * 8, 8, &e))
		return false;
	w->count = 0;
	w->rights = UINT64_MAX;
	return walk_pae(w, e & ADDRESS, 2, linear, gpa);
}

static bool walk_legacy(struct walk *w, const struct vcpu_state *s, uint64_t linear, uint64_t *gpa)
{
	uint64_t e;

	if (!read_entry(w, (s->cr3 & 0xfffff000) + (linear >> 22 & 1023) * 4, 4, &e))
		return false;
	if ((e & LARGE) && (s->cr4 & CR4_PSE)) {
		*gpa = (e & 0xffc00000) | (e >> 13 & 0xff) << 32 | (linear & 0x3fffff);
		return true;
	}
	if (!read_entry(w, (e & 0xfffff000) + (linear >> 12 & 1023) * 4, 4, &e))
		return false;
	*gpa = (e & 0xfffff000) | (linear & 0xfff);
	return true;
}

static bool walk_any(struct walk *w, const struct vcpu_state *s, uint64_t linear, uint64_t *gpa)
{
	if (s->efer & EFER_LMA)
		return walk_pae(w, s->cr3 & ADDRESS, s->cr4 & CR4_LA57 ? 5 : 4, linear, gpa);
	if (s->cr4 & CR4_PAE)
		return walk_pae32(w, s->cr3, linear, gpa);
	return walk_legacy(w, s, linear, gpa);
}

static bool allowed(const struct walk *w, const struct vcpu_state *s, enum mmu_access access)
{
	bool user = mmu_user(s);

	if (user && !(w->rights & USER))
		return false;
	if (!user && (w->rights & USER) && (s->cr4 & CR4_SMAP) && !(s->rflags & RF_AC))
		return false;
	return access != MMU_WRITE || (w->rights & WRITABLE) || (!user && !(s->cr0 & CR0_WP));
}

/* False: an entry is not what was read any more. */
static bool mark(const struct walk *w, enum mmu_access access)
{
	for (unsigned i = 0; i < w->count; i++) {
		uint32_t want = ACCESSED | (i + 1 == w->count && access == MMU_WRITE ? DIRTY : 0u);
		uint32_t old = w->low[i];
		_Atomic uint32_t *e = gm_ptr(w->gm, w->at[i], sizeof(*e));

		if ((old & want) != want && !atomic_compare_exchange_strong(e, &old, old | want))
			return false;
	}
	return true;
}

static bool canonical(const struct vcpu_state *s, uint64_t linear)
{
	unsigned unused = s->cr4 & CR4_LA57 ? 7 : 16;

	return !(s->efer & EFER_LMA) || (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}

/* What came of a translation. */
enum outcome { FOUND, NOT_PRESENT, NO_RIGHT, NOT_CANONICAL, CHANGED };

static enum outcome translate(const struct vcpu_state *s, const struct guest_mem *gm,
			      uint64_t linear, enum mmu_access access, uint64_t *gpa)
{
	struct walk w = { .gm = gm, .rights = UINT64_MAX };

	*gpa = linear;
	if (!(s->cr0 & CR0_PG))
		return FOUND;
	if (!canonical(s, linear))
		return NOT_CANONICAL;
	if (!walk_any(&w, s, linear, gpa))
		return NOT_PRESENT;
	if (access == MMU_FETCH)
		return FOUND;
	if (!allowed(&w, s, access))
		return NO_RIGHT;
	return mark(&w, access) ? FOUND : CHANGED;
}

bool mmu_translate(const struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		   enum mmu_access access, uint64_t *gpa)
{
	return translate(s, gm, linear, access, gpa) == FOUND;
}

bool mmu_access(struct vcpu_state *s, const struct guest_mem *gm, uint64_t linear,
		enum mmu_access access, uint64_t *gpa)
{
	enum outcome o = translate(s, gm, linear, access, gpa);

	if (o == NOT_CANONICAL)
		exception_raise_error(s, VECTOR_GP, 0);
	if (o == NOT_PRESENT || o == NO_RIGHT)
		exception_page_fault(s, linear,
				     (o == NO_RIGHT ? PRESENT : 0u) |
					     (access == MMU_WRITE ? WRITABLE : 0u) |
					     (mmu_user(s) ? USER : 0u));
	return o == FOUND;
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
		if (!mmu_translate(s, gm, linear + done, MMU_FETCH, &gpa) ||
		    !gm_read(gm, gpa, out + done, part))
			break;
		done += part;
	}
	return done;
}
