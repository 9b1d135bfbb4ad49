// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/insn_reference.h"
#include <Zydis/Zydis.h>
#include <stdbool.h>
#include "services/vmm/insn.h"

struct reference {
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
};

static const struct {
	ZydisMnemonic name;
	enum insn_op op;
} names[] = {
	{ ZYDIS_MNEMONIC_MOV, INSN_MOV },     { ZYDIS_MNEMONIC_MOVZX, INSN_MOVZX },
	{ ZYDIS_MNEMONIC_MOVSX, INSN_MOVSX }, { ZYDIS_MNEMONIC_MOVSXD, INSN_MOVSX },
	{ ZYDIS_MNEMONIC_STOSB, INSN_STOS },  { ZYDIS_MNEMONIC_STOSW, INSN_STOS },
	{ ZYDIS_MNEMONIC_STOSD, INSN_STOS },  { ZYDIS_MNEMONIC_STOSQ, INSN_STOS },
	{ ZYDIS_MNEMONIC_MOVSB, INSN_MOVS },  { ZYDIS_MNEMONIC_MOVSW, INSN_MOVS },
	{ ZYDIS_MNEMONIC_MOVSD, INSN_MOVS },  { ZYDIS_MNEMONIC_MOVSQ, INSN_MOVS },
	{ ZYDIS_MNEMONIC_LODSB, INSN_LODS },  { ZYDIS_MNEMONIC_LODSW, INSN_LODS },
	{ ZYDIS_MNEMONIC_LODSD, INSN_LODS },  { ZYDIS_MNEMONIC_LODSQ, INSN_LODS },
	{ ZYDIS_MNEMONIC_INSB, INSN_INS },    { ZYDIS_MNEMONIC_INSW, INSN_INS },
	{ ZYDIS_MNEMONIC_INSD, INSN_INS },    { ZYDIS_MNEMONIC_OUTSB, INSN_OUTS },
	{ ZYDIS_MNEMONIC_OUTSW, INSN_OUTS },  { ZYDIS_MNEMONIC_OUTSD, INSN_OUTS },
	{ ZYDIS_MNEMONIC_ADD, INSN_ADD },     { ZYDIS_MNEMONIC_OR, INSN_OR },
	{ ZYDIS_MNEMONIC_AND, INSN_AND },     { ZYDIS_MNEMONIC_SUB, INSN_SUB },
	{ ZYDIS_MNEMONIC_XOR, INSN_XOR },     { ZYDIS_MNEMONIC_CMP, INSN_CMP },
	{ ZYDIS_MNEMONIC_TEST, INSN_TEST },   { ZYDIS_MNEMONIC_XCHG, INSN_XCHG },
};

static bool same_name(const struct reference *r, const struct insn *i)
{
	for (unsigned n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		if (names[n].name == r->insn.mnemonic)
			return names[n].op == i->op;
	return false;
}

static bool is_string(const struct insn *i)
{
	return i->op == INSN_STOS || i->op == INSN_MOVS || i->op == INSN_LODS ||
	       i->op == INSN_INS || i->op == INSN_OUTS;
}

/* Movs has two: the source is the one that a prefix can move. */
static const ZydisDecodedOperand *memory(const struct reference *r, const struct insn *i)
{
	const ZydisDecodedOperand *found = NULL;

	for (unsigned n = 0; n < r->insn.operand_count; n++)
		if (r->op[n].type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (found == NULL ||
		     (i->op == INSN_MOVS && !(r->op[n].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))))
			found = &r->op[n];
	return found;
}

/* A register or the end of the code as the decoder writes it. */
static bool same_register(ZydisRegister reg, uint8_t number, unsigned bits)
{
	if (reg == ZYDIS_REGISTER_NONE)
		return number == VCPU_GPRS;
	return number < VCPU_GPRS && ZydisRegisterGetId(reg) == number &&
	       ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) == bits;
}

static bool same_segment(ZydisRegister reg, uint8_t segment, unsigned bits)
{
	if (bits == 64 && segment < VCPU_FS)
		return reg != ZYDIS_REGISTER_FS && reg != ZYDIS_REGISTER_GS;
	return ZydisRegisterGetId(reg) == segment;
}

static uint64_t low(uint64_t v, unsigned bits)
{
	return bits == 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

static const char *memory_differs(const ZydisDecodedOperand *m, const struct insn *i, unsigned bits)
{
	bool rip = m->mem.base == ZYDIS_REGISTER_RIP || m->mem.base == ZYDIS_REGISTER_EIP;

	if (m->size != 8u * i->size)
		return "size";
	if (!same_segment(m->mem.segment, i->segment, bits))
		return "segment";
	if (rip != i->rip_relative ||
	    !same_register(rip ? ZYDIS_REGISTER_NONE : m->mem.base, i->base, i->address_bits))
		return "base";
	if (!same_register(m->mem.index, i->index, i->address_bits) ||
	    (m->mem.index != ZYDIS_REGISTER_NONE && m->mem.scale != i->scale))
		return "index";
	if (low((uint64_t)m->mem.disp.value, i->address_bits) !=
	    low((uint64_t)i->disp, i->address_bits))
		return "displacement";
	return NULL;
}

static bool same_gpr(ZydisRegister reg, const struct insn *i)
{
	bool high = reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
	unsigned number = (unsigned)ZydisRegisterGetId(reg);

	if (reg >= ZYDIS_REGISTER_AL && reg <= ZYDIS_REGISTER_R15B)
		number = reg < ZYDIS_REGISTER_AH ? reg - ZYDIS_REGISTER_AL
			 : high                  ? reg - ZYDIS_REGISTER_AH
						 : reg - ZYDIS_REGISTER_SPL + 4u;
	return high == i->high && number == i->reg &&
	       ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) == 8u * i->reg_size;
}

static const char *other_differs(const struct reference *r, const struct insn *i)
{
	for (unsigned n = 0; n < r->insn.operand_count_visible; n++) {
		const ZydisDecodedOperand *op = &r->op[n];

		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (i->other != OTHER_REG || !same_gpr(op->reg.value, i)))
			return "register";
		if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
		    (i->other != OTHER_IMM ||
		     low(op->imm.value.u, 8u * i->size) != low(i->imm, 8u * i->size)))
			return "immediate";
		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER && i->op >= INSN_ADD &&
		    i->op <= INSN_CMP && (n == 0) != i->reg_left)
			return "order of operands";
	}
	return NULL;
}

static const char *differs(const struct reference *r, const struct insn *i, unsigned bits)
{
	const ZydisDecodedOperand *m = memory(r, i);
	ZydisInstructionAttributes rep =
		ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE;
	const char *why;

	if (r->insn.length != i->len)
		return "length";
	if (!same_name(r, i))
		return "operation";
	if (m == NULL)
		return "no memory operand";
	if (r->insn.address_width != i->address_bits)
		return "address size";
	why = memory_differs(m, i, bits);
	if (why != NULL)
		return why;
	if (is_string(i))
		return !(r->insn.attributes & rep) == !i->rep ? NULL : "repetition";
	if (!(m->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == i->to_memory)
		return "direction";
	return other_differs(r, i);
}

const char *insn_differs(const uint8_t *bytes, size_t n, unsigned bits, uint64_t *accepted)
{
	struct reference r;
	ZydisDecoder d;
	struct insn i;

	if (insn_decode(bytes, n, bits, &i) != 0)
		return NULL;
	++*accepted;
	if (bits == 64)
		ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	else if (bits == 32)
		ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
	else
		ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16);
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, bytes, n, &r.insn, r.op)))
		return "not an instruction";
	return differs(&r, &i, bits);
}
