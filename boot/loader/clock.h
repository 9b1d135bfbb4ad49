// SPDX-License-Identifier: Apache-2.0
/* Rate of the time-stamp counter. */
#pragma once
#include <stdint.h>

/* kHz, from CPUID leaf 15h where it says, else measured against the firmware's Stall(). */
uint64_t clock_tsc_khz(void);
