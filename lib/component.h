// SPDX-License-Identifier: Apache-2.0
/*
 * Component runtime: what main() of a component may use beside libc.
 *
 * Each component is one program with one thread: `int main(void)` sets itself up, then loops over
 *     component_wait(deadline); handle every channel and device that has something
 * One semaphore (START_SEL_WAKE) stands for everything that may wake it. Returning from main(), abort() or a fault ends the component;
 * root restarts it by its template.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include "lib/start.h"

const struct start_info *start_info(void);
const struct start_dev *start_dev(const char *name); /* NULL if not granted */
const struct start_rom *start_rom(const char *name); /* NULL if not granted */

/* Sleep until woken or until the time `deadline` (nanoseconds since boot as of now_ns(); 0: no deadline). May return early. */
void component_wait(uint64_t deadline_ns);
uint64_t now_ns(void); /* monotonic, since boot */

/* One line to the console through the `uart` component, prefixed with the component's name. Never contains secrets. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* log_line(), then end the component. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Cryptographically strong random bytes (ChaCha/CTR-DRBG seeded from start_info()->seed and RDRAND where present). */
void random_bytes(void *p, size_t n);
/* Clear memory in a way the compiler keeps. */
void wipe(void *p, size_t n);
