// SPDX-License-Identifier: Apache-2.0
/*
 * What the parts of the runtime need from the platform below: lib/target (Redoubt's kernel) or lib/host (a Linux process).
 */
#pragma once
#include <stdint.h>
#include "lib/start.h"

/* Ups the semaphore that selector `sel` names; a peer that died is no error. */
void runtime_up(uint32_t sel);
/* Sleeps on START_SEL_WAKE until its count is > 0 (which is taken whole) or now_ns() >= deadline_ns (0: none). */
void runtime_sleep(uint64_t deadline_ns);
/* Ends the component with `code`: 0 finished, anything else failed. */
_Noreturn void runtime_exit(int code);
/* A line that has no log channel to go to. */
void runtime_print(const char *line, uint32_t len);

/* Called by the platform before main(). */
void runtime_begin(const struct start_info *info);
