// SPDX-License-Identifier: Apache-2.0
/* Names of the kernel's functions, made from the linked kernel by kernel/symtab.py. */
#pragma once
#include <stdint.h>

extern const uint32_t symtab_count;
extern const uint32_t symtab_offset[]; /* from text_start, ascending */
extern const uint32_t symtab_name[];   /* into symtab_names */
extern const char symtab_names[];
