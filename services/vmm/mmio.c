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

/* Where an operand lies: `here` bytes at gpa, what is left in the next page. */
struct place {
	uint64_t gpa, next;
	unsigned here;
};

enum { PAGE = 4096 };

static unsigned room(uint64_t linear)
{
	return PAGE - (unsigned)(linear & (PAGE - 1));
}

/* False: an exception was raised, or the instruction has to be met again. */
static bool find(struct vcpu_state *s, const struct mmio_space *space, uint64_t linear,
		 unsigned size, enum mmu_access access, struct place *p)
{
	p->here = room(linear);
	if (!mmu_access(s, space->gm, linear, access, &p->gpa))
		return false;
	return p->here >= size || mmu_access(s, space->gm, linear + p->here, access, &p->next);
}

static uint64_t load_at(const struct mmio_space *space, uint64_t gpa, unsigned size)
{
	uint64_t v = 0;

	if (gm_read(space->gm, gpa, &v, size))
		return v;
	return bus_read(space->bus, gpa, size);
}

static void store_at(const struct mmio_space *space, uint64_t gpa, unsigned size, uint64_t v)
{
	if (!gm_write(space->gm, gpa, &v, size))
		bus_write(space->bus, gpa, size, v & mask(size));
}

static uint64_t byte_of(const struct place *p, unsigned i)
{
	return i < p->here ? p->gpa + i : p->next + (i - p->here);
}

static uint64_t load(const struct mmio_space *space, const struct place *p, unsigned size)
{
	uint64_t v = 0;

	if (p->here >= size)
		return load_at(space, p->gpa, size);
	for (unsigned i = 0; i < size; i++)
		v |= load_at(space, byte_of(p, i), 1) << 8 * i;
	return v;
}

static void store(const struct mmio_space *space, const struct place *p, unsigned size, uint64_t v)
{
	if (p->here >= size) {
		store_at(space, p->gpa, size, v);
		return;
	}
	for (unsigned i = 0; i < size; i++)
		store_at(space, byte_of(p, i), 1, v >> 8 * i & 0xff);
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
		       const struct place *p)
{
	uint64_t memory = load(space, p, i->size);
	uint64_t other = (i->other == OTHER_IMM ? i->imm : get_register(s, i)) & mask(i->size);
	uint64_t r = calculate(s, i->op, i->size, i->reg_left ? other : memory,
			       i->reg_left ? memory : other);

	if (i->op == INSN_CMP || i->op == INSN_TEST)
		return;
	if (i->to_memory)
		store(space, p, i->size, r);
	else
		set_register(s, i, r);
}

static void move(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		 const struct place *p)
{
	if (i->to_memory)
		store(space, p, i->size, i->other == OTHER_IMM ? i->imm : get_register(s, i));
	else
		set_register(s, i, load(space, p, i->size));
}

static void exchange(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		     const struct place *p)
{
	uint64_t old = load(space, p, i->size);

	store(space, p, i->size, get_register(s, i));
	set_register(s, i, old);
}

static void simple(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		   const struct place *p)
{
	switch (i->op) {
	case INSN_MOV:
		move(s, space, i, p);
		break;
	case INSN_MOVZX:
		set_register(s, i, load(space, p, i->size));
		break;
	case INSN_MOVSX:
		set_register(s, i, sign_extend(load(space, p, i->size), i->size));
		break;
	case INSN_XCHG:
		exchange(s, space, i, p);
		break;
	default:
		arithmetic(s, space, i, p);
		break;
	}
}

/* Place of seg:reg; false as find(). */
static bool locate(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		   enum vcpu_seg_index seg, unsigned reg, enum mmu_access access, struct place *p)
{
	uint64_t offset = s->gpr[reg] & mask(i->address_bits / 8u);

	return mmu_segment(s, seg, offset, i->size, access) &&
	       find(s, space, mmu_linear(s, seg, offset), i->size, access, p);
}

static void advance(struct vcpu_state *s, const struct insn *i, unsigned reg)
{
	uint64_t step = (s->rflags & DF) ? 0 - (uint64_t)i->size : i->size;

	set_gpr(s, reg, i->address_bits / 8u, s->gpr[reg] + step);
}

static bool reads_memory(const struct insn *i)
{
	return i->op == INSN_MOVS || i->op == INSN_LODS || i->op == INSN_OUTS;
}

static uint64_t string_source(struct vcpu_state *s, const struct mmio_space *space,
			      const struct insn *i, const struct place *from)
{
	if (i->op == INSN_INS)
		return bus_read(space->ports, s->gpr[VCPU_RDX] & 0xffff, i->size);
	return reads_memory(i) ? load(space, from, i->size) : s->gpr[VCPU_RAX];
}

/* One step; false as find(). All addresses are looked up before anything happens. */
static bool string_step(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i)
{
	struct place from, to;
	uint64_t v;

	if (reads_memory(i) && !locate(s, space, i, i->segment, VCPU_RSI, MMU_READ, &from))
		return false;
	if (i->to_memory && !locate(s, space, i, VCPU_ES, VCPU_RDI, MMU_WRITE, &to))
		return false;
	v = string_source(s, space, i, &from);
	if (reads_memory(i))
		advance(s, i, VCPU_RSI);
	if (i->op == INSN_OUTS)
		bus_write(space->ports, s->gpr[VCPU_RDX] & 0xffff, i->size, v);
	if (i->op == INSN_LODS)
		set_gpr(s, VCPU_RAX, i->size, v);
	if (i->to_memory) {
		store(space, &to, i->size, v);
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

static bool is_port_string(const struct insn *i)
{
	return i->op == INSN_INS || i->op == INSN_OUTS;
}

/* What the CPU told is enough, unless the operand crosses pages, or is written though the CPU only saw a read, or the code was changed meanwhile. */
static bool operand(struct vcpu_state *s, const struct mmio_space *space, const struct insn *i,
		    uint64_t gpa, bool write, struct place *p)
{
	uint64_t linear = mmu_linear(s, i->segment, insn_offset(i, s->gpr, s->rip));

	*p = (struct place){ .gpa = gpa, .here = room(linear) };
	if (p->here >= i->size && (write || !i->to_memory) && ((gpa ^ linear) & (PAGE - 1)) == 0)
		return true;
	return find(s, space, linear, i->size, i->to_memory ? MMU_WRITE : MMU_READ, p);
}

static enum mmio_result decode(const struct vcpu_state *s, const struct mmio_space *space,
			       struct insn *i)
{
	uint8_t bytes[INSN_MAX];
	size_t n = mmu_fetch(s, space->gm, mmu_linear(s, VCPU_CS, s->rip), bytes, sizeof(bytes));

	if (n == 0)
		return MMIO_NO_CODE;
	return insn_decode(bytes, n, mmu_code_bits(s), i) == 0 ? MMIO_DONE : MMIO_UNDECODED;
}

enum mmio_result mmio_emulate(struct vcpu_state *s, const struct mmio_space *space, uint64_t gpa,
			      bool write)
{
	struct insn i;
	struct place p;
	enum mmio_result r = decode(s, space, &i);

	if (r != MMIO_DONE)
		return r;
	if (is_port_string(&i))
		return MMIO_UNDECODED;
	if (is_string(&i)) {
		if (string(s, space, &i))
			vcpu_skip(s, i.len);
	} else if (operand(s, space, &i, gpa, write, &p)) {
		simple(s, space, &i, &p);
		vcpu_skip(s, i.len);
	}
	return MMIO_DONE;
}

enum mmio_result mmio_string_port(struct vcpu_state *s, const struct mmio_space *space)
{
	struct insn i;
	enum mmio_result r = decode(s, space, &i);

	if (r != MMIO_DONE)
		return r;
	if (!is_port_string(&i))
		return MMIO_UNDECODED;
	if (string(s, space, &i))
		vcpu_skip(s, i.len);
	return MMIO_DONE;
}
