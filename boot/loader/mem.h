// SPDX-License-Identifier: Apache-2.0
/* The memory functions that freestanding C compilers call by themselves (C17 7.24). */
#pragma once
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
