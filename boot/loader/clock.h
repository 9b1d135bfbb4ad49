// SPDX-License-Identifier: Apache-2.0
/* Rate of the time-stamp counter. */
#pragma once
#include <stdint.h>

/* kHz: what CPUID leaf 15h states if a measurement against the firmware's Stall() bears it out, else the measurement. */
uint64_t clock_tsc_khz(void);
