// SPDX-License-Identifier: Apache-2.0
/*
 * 8254 timer at 40h with the port at 61h (speaker gate). State: three channels. Channel 0 drives IRQ 0.
 * Counts binary only; modes 1 and 5 act as one-shots triggered by the gate. Missed ticks of channel 0 are lost, not queued.
 * Source: Intel 82C54 data sheet.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/state.h"

#define PIT_HZ  1193182u
#define PIT_IRQ 0u

struct pit_channel {
	uint64_t start;  /* tick at which the present count was loaded */
	uint16_t reload; /* 0 stands for 65536 */
	uint16_t latch;
	uint8_t mode, access; /* access: 1 low, 2 high, 3 both */
	uint8_t write_low, status;
	bool gate, have_latch, have_status, read_high, write_high, loaded;
};

struct pit {
	uint64_t khz; /* of the TSC */
	struct pit_channel ch[3];
	uint64_t edge; /* tick of channel 0's next rising edge */
	bool speaker;
};

void pit_init(struct pit *p, uint64_t tsc_khz);
uint8_t pit_read(struct pit *p, uint16_t port, uint64_t now);
void pit_write(struct pit *p, uint16_t port, uint8_t value, uint64_t now);
/* When pit_expire() has something to do. */
uint64_t pit_deadline(const struct pit *p);
/* Was there a rising edge of IRQ 0 up to now? */
bool pit_expire(struct pit *p, uint64_t now);
void pit_state(struct state *s, struct pit *p);
