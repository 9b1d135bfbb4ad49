// SPDX-License-Identifier: Apache-2.0
/* A place in a program that tests/bench/insns.c reports: an instruction that does nothing, with a number in it. */
#pragma once
#include <stdint.h>

/* nopl disp32(%rax,%rax), Intel SDM volume 2, NOP: four bytes, then the displacement. */
enum { MARK_LEN = 8 };
#define MARK_BASE UINT32_C(0x7ed0b700)
#define MARK_MASK UINT32_C(0xffffff00)

static const uint8_t mark_bytes[4] = { 0x0f, 0x1f, 0x84, 0x00 };

/* n: a constant below 256 */
#define MARK(n)                                                    \
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00\n.long %c0" \
			 :                                         \
			 : "i"(0x7ed0b700 + (n))                   \
			 : "memory")
