// SPDX-License-Identifier: Apache-2.0
/*
 * Two cascaded 8259A at 20h and A0h with their edge/level registers at 4D0h. State: both chips and the input lines.
 * Missing: buffered mode, special fully nested mode, rotation (a rotate command acts as the plain end of interrupt).
 * Source: Intel 8259A data sheet, 290-550 (ELCR).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/state.h"

struct pic_chip {
	uint8_t irr, isr, imr, lines, elcr; /* elcr: 1 = level */
	uint8_t icw2, icw4;
	uint8_t init; /* initialisation words still to come: 0, or the number of the next (2..4) */
	bool icw4_needed, read_isr, auto_eoi, poll, special_mask;
};

struct pic {
	struct pic_chip chip[2]; /* master, slave (at line 2 of the master) */
};

void pic_init(struct pic *p);
uint8_t pic_read(struct pic *p, uint16_t port);
void pic_write(struct pic *p, uint16_t port, uint8_t value);
void pic_line(struct pic *p, unsigned irq, bool level);
/* The INTR output. */
bool pic_pending(const struct pic *p);
/* Interrupt acknowledge: the vector; a spurious one if nothing is pending. */
uint8_t pic_ack(struct pic *p);
void pic_state(struct state *s, struct pic *p);
