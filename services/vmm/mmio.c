// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/mmio.h"
#include "services/vmm/insn.h"
#include "services/vmm/mmu.h"

enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, DF = 0x400, OF = 0x800 };
enum { ARITHMETIC = CF | PF | AF | ZF | SF | OF };

static uint64_t mask(unsigned size)
{
	return size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

static uint64_t sign_extend(uint64_t v, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(v << shift) >> shift);
}

static uint64_t load(const struct mmio_space *space, uint64_t gpa, unsigned size)
{
	uint64_t v = 0;

	if (gm_read(space->gm, gpa, &v, size))
		return v;
	return bus_read(space->bus, gpa, size);
}

static void store(const struct mmio_space *space, uint64_t gpa, unsigned size, uint64_t v)
{
	if (!gm_write(space->gm, gpa, &v, size))
		bus_write(space->bus, gpa, size, v & mask(size));
}

static uint64_t get_register(const struct vcpu_state *s, const struct insn *i)
{
	return (s->gpr[i->reg] >> (i->high ? 8 : 0)) & mask(i->reg_size);
}

/* As the CPU does: 32 bits clear the upper half, 8 and 16 leave the rest. */
static void set_gpr(struct vcpu_state *s, unsigned reg, unsigned size, uint64_t v)
{
	if (size == 4)
		s->gpr[reg] = (uint32_t)v;
	else
		s->gpr[reg] = (s->gpr[reg] & ~mask(size)) | (v & mask(size));
}

static void set_register(struct vcpu_state *s, const struct insn *i, uint64_t v)
{
	if (i->high)
		s->gpr[i->reg] = (s->gpr[i->reg] & ~UINT64_C(0xff00)) | (v & 0xff) << 8;
	else
		set_gpr(s, i->reg, i->reg_size, v);
}

static void set_flags(struct vcpu_state *s, unsigned size, uint64_t result, uint64_t extra)
{
	uint64_t f = s->rflags & ~(uint64_t)ARITHMETIC, r = result & mask(size);

	f |= extra;
	f |= r == 0 ? ZF : 0;
	f |= r >> (8 * size - 1) ? SF : 0;
	f |= __builtin_parity((unsigned)(r & 0xff)) ? 0 : PF;
	s->rflags = f;
}

static uint64_t add(struct vcpu_state *s, unsigned size, uint64_t a, uint64_t b)
{
	uint64_t r = (a + b) & mask(size), top = UINT64_C(1) << (8 * size - 1);

	set_flags(s, size, r,
		  (r < a ? CF : 0) | ((a ^ r) & (b ^ r) & top ? OF : 0) | ((a ^ b ^ r) & AF));
	return r;
}

static uint64_t subtract(struct vcpu_state *s, unsigned size, uint64_t a, uint64_t b)
{
	uint64_t r = (a - b) & mask(size), top = UINT64_C(1) << (8 * size - 1);

	set_flags(s, size, r,
		  (a < b ? CF : 0) | ((a ^ b) & (a ^ r) & top ? OF : 0) | ((a ^ b ^ r) & AF));
	return r;
}

static uint64_t logic(struct vcpu_state *s, unsigned size, uint64_t r)
{
	set_flags(s, size, r, 0);
	return r;
}

static uint64_t calculate(struct vcpu_state *s, enum insn_op op, unsigned size, uint64_t a,
			  uint64_t b)
{
	switch (op) {
	case INSN_ADD:
		return add(s, size, a, b);
	case INSN_SUB:
	case INSN_CMP:
		return subtract(s, size, a, b);
	case INSN_OR:
		return logic(s, size, a | b);
	case INSN_XOR:
		return logic(s, size, a ^ b);
	default: /* and, test */
		return logic(s, size, a & b);
	}
}

static void arithmetic(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		       uint64_t gpa)
{
	uint64_t memory = load(space, gpa, i->size);
	uint64_t other = (i->other == OTHER_IMM ? i->imm : get_register(s, i)) & mask(i->size);
	uint64_t r = calculate(s, i->op, i->size, i->reg_left ? other : memory,
			       i->reg_left ? memory : other);

	if (i->op == INSN_CMP || i->op == INSN_TEST)
		return;
	if (i->to_memory)
		store(space, gpa, i->size, r);
	else
		set_register(s, i, r);
}

static void move(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		 uint64_t gpa)
{
	if (i->to_memory)
		store(space, gpa, i->size, i->other == OTHER_IMM ? i->imm : get_register(s, i));
	else
		set_register(s, i, load(space, gpa, i->size));
}

static void exchange(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		     uint64_t gpa)
{
	uint64_t old = load(space, gpa, i->size);

	store(space, gpa, i->size, get_register(s, i));
	set_register(s, i, old);
}

static void simple(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		   uint64_t gpa)
{
	switch (i->op) {
	case INSN_MOV:
		move(s, space, i, gpa);
		break;
	case INSN_MOVZX:
		set_register(s, i, load(space, gpa, i->size));
		break;
	case INSN_MOVSX:
		set_register(s, i, sign_extend(load(space, gpa, i->size), i->size));
		break;
	case INSN_XCHG:
		exchange(s, space, i, gpa);
		break;
	default:
		arithmetic(s, space, i, gpa);
		break;
	}
}

/* Guest-physical address of seg:reg; false: not mapped. */
static bool locate(const struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		   enum vcpu_seg_index seg, unsigned reg, uint64_t *gpa)
{
	unsigned bytes = i->address_bits / 8u;

	return mmu_translate(s, space->gm, mmu_linear(s, seg, s->gpr[reg] & mask(bytes)), gpa);
}

static void advance(struct vcpu_state *s, const struct insn *i, unsigned reg)
{
	uint64_t step = (s->rflags & DF) ? 0 - (uint64_t)i->size : i->size;

	set_gpr(s, reg, i->address_bits / 8u, s->gpr[reg] + step);
}

/* One step of stos, lods or movs; false: an address is not mapped (the instruction will fault by itself). */
static bool string_step(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i)
{
	uint64_t from = 0, to = 0, v = s->gpr[VCPU_RAX];

	if (i->op != INSN_STOS && !locate(s, space, i, i->segment, VCPU_RSI, &from))
		return false;
	if (i->op != INSN_LODS && !locate(s, space, i, VCPU_ES, VCPU_RDI, &to))
		return false;
	if (i->op != INSN_STOS) {
		v = load(space, from, i->size);
		advance(s, i, VCPU_RSI);
	}
	if (i->op == INSN_LODS) {
		set_gpr(s, VCPU_RAX, i->size, v);
	} else {
		store(space, to, i->size, v);
		advance(s, i, VCPU_RDI);
	}
	return true;
}

/* true: the instruction is over. */
static bool string(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i)
{
	unsigned bytes = i->address_bits / 8u;

	if (!i->rep)
		return string_step(s, space, i);
	for (unsigned n = 0; n < MMIO_BATCH && (s->gpr[VCPU_RCX] & mask(bytes)) != 0; n++) {
		if (!string_step(s, space, i))
			return false;
		set_gpr(s, VCPU_RCX, bytes, s->gpr[VCPU_RCX] - 1);
	}
	return (s->gpr[VCPU_RCX] & mask(bytes)) == 0;
}

static bool is_string(const struct insn *i)
{
	return i->op == INSN_STOS || i->op == INSN_MOVS || i->op == INSN_LODS;
}

enum mmio_result mmio_emulate(struct vcpu_state *s, const struct mmio_space *space, uint64_t gpa)
{
	uint8_t bytes[INSN_MAX];
	struct insn i;
	size_t n = mmu_fetch(s, space->gm, mmu_linear(s, VCPU_CS, s->rip), bytes, sizeof(bytes));

	if (n == 0)
		return MMIO_NO_CODE;
	if (insn_decode(bytes, n, mmu_code_bits(s), &i) != 0)
		return MMIO_UNDECODED;
	if (is_string(&i)) {
		if (string(s, space, &i))
			vcpu_skip(s, i.len);
		return MMIO_DONE;
	}
	simple(s, space, &i, gpa);
	vcpu_skip(s, i.len);
	return MMIO_DONE;
}
