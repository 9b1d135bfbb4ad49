// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/insn.h"

enum { NONE = VCPU_GPRS, REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1 };

struct reader {
	const uint8_t *bytes;
	size_t n, at;
	unsigned bits, op_bits;
	uint8_t rex;
	int8_t segment; /* override, or -1 */
	_Bool rep, lock, bad;
};

static uint8_t take(struct reader *r)
{
	if (r->at >= r->n) {
		r->bad = 1;
		return 0;
	}
	return r->bytes[r->at++];
}

/* Little-endian, sign-extended. */
static int64_t take_signed(struct reader *r, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)take(r) << 8 * i;
	return (int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size);
}

static _Bool prefix(struct reader *r, struct insn *i, uint8_t b)
{
	static const uint8_t segment[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

	for (unsigned s = 0; s < sizeof(segment); s++) {
		if (b != segment[s])
			continue;
		if (r->bits != 64 || s >= VCPU_FS) /* the others mean nothing in 64 bits */
			r->segment = (int8_t)s;
		return 1;
	}
	if (b == 0x66)
		r->op_bits = r->bits == 16 ? 32 : 16;
	else if (b == 0x67)
		i->address_bits = r->bits == 32 ? 16 : 32;
	else if (b == 0xf2 || b == 0xf3)
		r->rep = 1;
	else if (b == 0xf0)
		r->lock = 1;
	else
		return 0;
	return 1;
}

static uint8_t take_prefixes(struct reader *r, struct insn *i)
{
	uint8_t b;

	for (;;) {
		b = take(r);
		if (r->bits == 64 && (b & 0xf0) == 0x40) {
			r->rex = b & 15;
			r->rex |= 0x40;
			b = take(r);
			if (prefix(r, i, b)) {
				r->rex = 0; /* only directly before the opcode it counts */
				continue;
			}
			if ((b & 0xf0) == 0x40) {
				r->at--;
				continue;
			}
			return b;
		}
		if (r->bad || !prefix(r, i, b))
			return b;
	}
}

static void set_register(struct reader *r, struct insn *i, unsigned reg, unsigned size)
{
	i->reg_size = (uint8_t)size;
	i->high = size == 1 && r->rex == 0 && reg >= 4 && reg < 8;
	i->reg = (uint8_t)(i->high ? reg - 4 : reg);
	i->other = OTHER_REG;
}

static void take_sib(struct reader *r, struct insn *i, unsigned mod)
{
	uint8_t sib = take(r);
	unsigned index = (sib >> 3 & 7) | ((r->rex & REX_X) ? 8 : 0), base = sib & 7;

	i->scale = (uint8_t)(1 << (sib >> 6));
	i->index = (uint8_t)(index == 4 ? NONE : index);
	if (base == 5 && mod == 0)
		i->disp = take_signed(r, 4);
	else
		i->base = (uint8_t)(base | ((r->rex & REX_B) ? 8 : 0));
}

static void default_segment(struct insn *i)
{
	if (i->base == VCPU_RSP || i->base == VCPU_RBP)
		i->segment = VCPU_SS;
}

static void take_memory32(struct reader *r, struct insn *i, unsigned mod, unsigned rm)
{
	if (rm == 4) {
		take_sib(r, i, mod);
	} else if (rm == 5 && mod == 0) {
		i->disp = take_signed(r, 4);
		i->rip_relative = r->bits == 64;
	} else {
		i->base = (uint8_t)(rm | ((r->rex & REX_B) ? 8 : 0));
	}
	if (mod == 1)
		i->disp = take_signed(r, 1);
	if (mod == 2)
		i->disp = take_signed(r, 4);
}

static void take_memory16(struct reader *r, struct insn *i, unsigned mod, unsigned rm)
{
	static const uint8_t base[] = { VCPU_RBX, VCPU_RBX, VCPU_RBP, VCPU_RBP,
					VCPU_RSI, VCPU_RDI, VCPU_RBP, VCPU_RBX };
	static const uint8_t index[] = { VCPU_RSI, VCPU_RDI, VCPU_RSI, VCPU_RDI };

	if (mod == 0 && rm == 6) {
		i->disp = take_signed(r, 2);
		return;
	}
	i->base = base[rm];
	i->index = rm < 4 ? index[rm] : (uint8_t)NONE;
	if (mod != 0)
		i->disp = take_signed(r, mod);
}

/* ModRM with a memory operand; the value of its reg field (REX.R included). */
static unsigned take_modrm(struct reader *r, struct insn *i)
{
	uint8_t modrm = take(r);
	unsigned mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3) {
		r->bad = 1;
		return 0;
	}
	if (i->address_bits == 16)
		take_memory16(r, i, mod, rm);
	else
		take_memory32(r, i, mod, rm);
	default_segment(i);
	return (modrm >> 3 & 7) | ((r->rex & REX_R) ? 8u : 0);
}

static unsigned operand_size(const struct reader *r)
{
	if (r->rex & REX_W)
		return 8;
	return r->op_bits / 8;
}

/* Opcodes in pairs: the even one works on bytes. */
static unsigned pair_size(const struct reader *r, uint8_t opcode)
{
	return opcode & 1 ? operand_size(r) : 1;
}

static void with_register(struct reader *r, struct insn *i, enum insn_op op, uint8_t opcode,
			  _Bool to_memory)
{
	unsigned size = pair_size(r, opcode);

	i->op = op;
	i->size = (uint8_t)size;
	i->to_memory = to_memory;
	set_register(r, i, take_modrm(r, i), size);
}

static void with_immediate(struct reader *r, struct insn *i, unsigned size, unsigned imm_size)
{
	i->size = i->reg_size = (uint8_t)size;
	i->other = OTHER_IMM;
	i->imm = (uint64_t)take_signed(r, imm_size > 4 ? 4 : imm_size);
}

static _Bool arithmetic(unsigned code, struct insn *i)
{
	static const uint8_t op[8] = { INSN_ADD, INSN_OR,  0xff,     0xff,
				       INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP };

	if (op[code & 7] == 0xff)
		return 0;
	i->op = (enum insn_op)op[code & 7];
	return 1;
}

/* 80, 81, 83: arithmetic with an immediate. */
static void group1(struct reader *r, struct insn *i, uint8_t opcode)
{
	unsigned size = pair_size(r, opcode);

	if (!arithmetic(take_modrm(r, i), i))
		r->bad = 1;
	i->to_memory = i->op != INSN_CMP;
	with_immediate(r, i, size, opcode == 0x81 ? size : 1);
}

static void string(struct reader *r, struct insn *i, enum insn_op op, uint8_t opcode)
{
	_Bool port = op == INSN_INS || op == INSN_OUTS, to = op == INSN_STOS || op == INSN_INS;
	unsigned size = pair_size(r, opcode);

	i->op = op;
	i->size = i->reg_size = (uint8_t)(port && size == 8 ? 4 : size);
	i->rep = r->rep;
	i->base = to ? VCPU_RDI : VCPU_RSI;
	i->segment = to ? VCPU_ES : VCPU_DS;
	i->to_memory = to || op == INSN_MOVS;
}

/* a0-a3: the accumulator and an absolute address. */
static void absolute(struct reader *r, struct insn *i, uint8_t opcode)
{
	unsigned size = pair_size(r, opcode);

	i->op = INSN_MOV;
	i->size = (uint8_t)size;
	i->to_memory = opcode & 2;
	i->disp = take_signed(r, i->address_bits / 8u);
	if (i->address_bits < 64)
		i->disp &= (int64_t)((UINT64_C(1) << i->address_bits) - 1);
	set_register(r, i, VCPU_RAX, size);
	i->high = 0;
}

/* 0f b6, b7, be, bf. */
static void extend(struct reader *r, struct insn *i, uint8_t opcode)
{
	i->op = opcode & 8 ? INSN_MOVSX : INSN_MOVZX;
	i->size = opcode & 1 ? 2 : 1;
	set_register(r, i, take_modrm(r, i), operand_size(r));
}

static void two_byte(struct reader *r, struct insn *i)
{
	uint8_t opcode = take(r);

	if (opcode == 0xb6 || opcode == 0xb7 || opcode == 0xbe || opcode == 0xbf)
		extend(r, i, opcode);
	else
		r->bad = 1;
}

static void test_group(struct reader *r, struct insn *i, uint8_t opcode)
{
	unsigned size = pair_size(r, opcode);

	i->op = INSN_TEST;
	if ((take_modrm(r, i) & 7) > 1)
		r->bad = 1;
	with_immediate(r, i, size, size);
}

static void move_immediate(struct reader *r, struct insn *i, uint8_t opcode)
{
	unsigned size = pair_size(r, opcode);

	i->op = INSN_MOV;
	i->to_memory = 1;
	if ((take_modrm(r, i) & 7) != 0)
		r->bad = 1;
	with_immediate(r, i, size, size);
}

static void movsxd(struct reader *r, struct insn *i)
{
	i->op = INSN_MOVSX;
	i->size = 4;
	r->bad |= r->bits != 64;
	set_register(r, i, take_modrm(r, i), operand_size(r));
}

static void one_byte(struct reader *r, struct insn *i, uint8_t opcode)
{
	switch (opcode) {
	case 0x0f:
		two_byte(r, i);
		break;
	case 0x6c:
	case 0x6d:
		string(r, i, INSN_INS, opcode);
		break;
	case 0x6e:
	case 0x6f:
		string(r, i, INSN_OUTS, opcode);
		break;
	case 0x63:
		movsxd(r, i);
		break;
	case 0x80:
	case 0x81:
	case 0x83:
		group1(r, i, opcode);
		break;
	case 0x84:
	case 0x85:
		with_register(r, i, INSN_TEST, opcode, 0);
		break;
	case 0x86:
	case 0x87:
		with_register(r, i, INSN_XCHG, opcode, 1);
		break;
	case 0x88:
	case 0x89:
		with_register(r, i, INSN_MOV, opcode, 1);
		break;
	case 0x8a:
	case 0x8b:
		with_register(r, i, INSN_MOV, opcode, 0);
		break;
	case 0xa0:
	case 0xa1:
	case 0xa2:
	case 0xa3:
		absolute(r, i, opcode);
		break;
	case 0xa4:
	case 0xa5:
		string(r, i, INSN_MOVS, opcode);
		break;
	case 0xaa:
	case 0xab:
		string(r, i, INSN_STOS, opcode);
		break;
	case 0xac:
	case 0xad:
		string(r, i, INSN_LODS, opcode);
		break;
	case 0xc6:
	case 0xc7:
		move_immediate(r, i, opcode);
		break;
	case 0xf6:
	case 0xf7:
		test_group(r, i, opcode);
		break;
	default: /* 00-3b: arithmetic, memory in either direction */
		if (opcode >= 0x40 || (opcode & 7) > 3 || !arithmetic(opcode >> 3, i)) {
			r->bad = 1;
			break;
		}
		i->reg_left = opcode & 2;
		with_register(r, i, i->op, opcode, !i->reg_left && i->op != INSN_CMP);
		break;
	}
}

/* Device memory has one observer, so nothing has to be locked; but it must be allowed. */
static _Bool lockable(const struct insn *i)
{
	return i->to_memory && ((i->op >= INSN_ADD && i->op <= INSN_XOR) || i->op == INSN_XCHG);
}

static _Bool fixed_segment(const struct insn *i)
{
	return i->op == INSN_STOS || i->op == INSN_INS;
}

int insn_decode(const uint8_t *bytes, size_t n, unsigned bits, struct insn *out)
{
	struct reader r = { .bytes = bytes,
			    .n = n < INSN_MAX ? n : INSN_MAX,
			    .bits = bits,
			    .op_bits = bits == 16 ? 16 : 32,
			    .segment = -1 };
	uint8_t opcode;

	*out = (struct insn){ .address_bits = (uint8_t)bits,
			      .segment = VCPU_DS,
			      .base = NONE,
			      .index = NONE,
			      .scale = 1 };
	opcode = take_prefixes(&r, out);
	one_byte(&r, out, opcode);
	if (r.bad || (r.lock && !lockable(out)))
		return -1;
	if (r.segment >= 0 && !fixed_segment(out))
		out->segment = (uint8_t)r.segment;
	out->len = (uint8_t)r.at;
	return 0;
}

uint64_t insn_offset(const struct insn *i, const uint64_t gpr[VCPU_GPRS], uint64_t rip)
{
	uint64_t a = (uint64_t)i->disp;

	if (i->base != NONE)
		a += gpr[i->base];
	if (i->index != NONE)
		a += gpr[i->index] * i->scale;
	if (i->rip_relative)
		a += rip + i->len;
	if (i->address_bits < 64)
		a &= (UINT64_C(1) << i->address_bits) - 1;
	return a;
}
