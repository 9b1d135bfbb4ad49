// SPDX-License-Identifier: Apache-2.0
/* TLB shoot-down. When these return no CPU uses a translation that was taken out of the space's tables before. */
#pragma once
#include <stdint.h>

struct space;

void tlb_shoot(struct space *s);

/* This CPU's part of it. */
void tlb_answer(void);

extern uint64_t tlb_sent;
