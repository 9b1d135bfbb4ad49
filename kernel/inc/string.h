// SPDX-License-Identifier: Apache-2.0
/* As in C17, 7.24; the compiler also calls them by itself. */
#pragma once
#include <stddef.h>
#include <stdint.h>

void *memset(void *to, int value, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);
int strcmp(const char *a, const char *b);
