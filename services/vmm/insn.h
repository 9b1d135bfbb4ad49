// SPDX-License-Identifier: Apache-2.0
/*
 * Decoder of the instructions that kernels use on device memory: mov in all forms, movzx, movsx, movsxd, stos, movs, lods, ins, outs,
 * add, or, and, sub, xor, cmp, test, xchg. Everything else is refused. Pure; source: AMD64 APM volume 3.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "abi/vcpu.h"

#define INSN_MAX 15u

enum insn_op {
	INSN_MOV,
	INSN_MOVZX,
	INSN_MOVSX,
	INSN_STOS,
	INSN_MOVS,
	INSN_LODS,
	INSN_INS,
	INSN_OUTS,
	INSN_ADD,
	INSN_OR,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST,
	INSN_XCHG,
};

/* What stands opposite the memory operand. */
enum insn_other { OTHER_NONE, OTHER_REG, OTHER_IMM };

struct insn {
	enum insn_op op;
	enum insn_other other;
	uint8_t len;          /* of the whole instruction */
	uint8_t size;         /* bytes of the memory operand: 1, 2, 4, 8 */
	uint8_t reg_size;     /* bytes of the register operand (differs for movzx, movsx) */
	uint8_t reg;          /* enum vcpu_gpr */
	uint8_t address_bits; /* 16, 32, 64 */
	_Bool high;           /* the register is ah, ch, dh or bh */
	_Bool rep;
	_Bool to_memory; /* the result goes to memory */
	_Bool reg_left;  /* the register is the left operand of sub, cmp and the like */
	uint8_t segment; /* enum vcpu_seg_index of the memory operand (of the source for movs) */
	/* memory operand: seg:(base + index * scale + disp); base and index VCPU_GPRS: none */
	uint8_t base, index, scale;
	_Bool rip_relative; /* disp counts from the end of the instruction */
	int64_t disp;
	uint64_t imm; /* sign-extended to 64 bits */
};

/* bits: 16, 32 or 64. 0, or -1: not one of ours, or cut short. */
int insn_decode(const uint8_t *bytes, size_t n, unsigned bits, struct insn *out)
	__attribute__((warn_unused_result));
/* Offset of the memory operand in its segment. rip: of the instruction. */
uint64_t insn_offset(const struct insn *i, const uint64_t gpr[VCPU_GPRS], uint64_t rip);
