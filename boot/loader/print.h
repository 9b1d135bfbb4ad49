// SPDX-License-Identifier: Apache-2.0
/*
 * Messages to the person at the machine: on every screen the firmware drives, and on the first serial
 * port (115200 8N1). Output only. After screen_off() (boot services gone) the serial port remains.
 */
#pragma once
#include <stdint.h>

void print_start(void);
void screen_off(void);

/* printf with %s (char *), %u (uint64_t), %x (uint64_t) and nothing else. */
void say(const char *format, ...);

/* Says why the machine is not booted and what to do, then stops it for good. */
_Noreturn void refuse(const char *what, const char *where, const char *advice);
