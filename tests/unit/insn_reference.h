// SPDX-License-Identifier: Apache-2.0
/* The decoder of services/vmm/insn.c held against Zydis, the reference disassembler of Debian's libzydis-dev. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* NULL: refused by the decoder, or decoded as the reference does. Else the field that differs. *accepted counts. */
const char *insn_differs(const uint8_t *bytes, size_t n, unsigned bits, uint64_t *accepted);
