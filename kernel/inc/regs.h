// SPDX-License-Identifier: Apache-2.0
/* Registers of a thread outside the kernel, in the order the entry code stores them (kernel/src/x86_64/entry.S). */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct ec;

struct regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, r11, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct regs) == 176,
	       "the end is 16-byte aligned: the CPU pushes interrupt frames there");
_Static_assert(offsetof(struct regs, rip) == 136, "interrupt frame");
