// SPDX-License-Identifier: Apache-2.0
/*
 * Kernel messages: COM1, output only, until root turns it off; always the log ring root can read.
 * Formats: %s %c %u (unsigned int) %lu %x %lx with an optional width and 0, and %%.
 */
#pragma once
#include "abi/stats.h"
#include <stdbool.h>

extern struct klog_ring *klog;
extern volatile bool panicked; /* all other CPUs stop when they see it */

void console_init(void);
void console_serial(bool on);
void kputc(char c);
__attribute__((format(printf, 1, 2))) void kprintf(const char *fmt, ...);

/* Says what and where, then stops all CPUs. */
__attribute__((format(printf, 1, 2))) _Noreturn void panic(const char *fmt, ...);

#define assert(cond)                                                                           \
	do {                                                                                   \
		if (!(cond))                                                                   \
			panic("%s:%u: not true: %s", __FILE__, (unsigned int)__LINE__, #cond); \
	} while (0)
