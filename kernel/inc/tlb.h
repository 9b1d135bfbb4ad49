// SPDX-License-Identifier: Apache-2.0
/* What one CPU asks of another and waits for: TLB shoot-down, letting go of a vCPU's control block. */
#pragma once
#include <stdint.h>

struct space;

enum cpu_request {
	REQUEST_FLUSH = 1 << 0,
	REQUEST_RELEASE = 1 << 1, /* cpu->releases */
};

/* When this returns no CPU uses a translation that was taken out of the space's tables before. */
void tlb_shoot(struct space *s);

/* This CPU's part of all requests. */
void tlb_answer(void);

extern uint64_t tlb_sent;
