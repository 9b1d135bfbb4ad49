// SPDX-License-Identifier: Apache-2.0
/* Event trace. */
#pragma once
#include "abi/stats.h"

extern struct trace_ring *trace_ring;

void trace(enum trace_event event, uint32_t a, uint64_t b);
