// SPDX-License-Identifier: Apache-2.0
/*
 * IOAPIC with 24 inputs at FEC00000h. State: redirection table and input lines. Inputs 0..15 are the ISA interrupts,
 * except that IRQ 0 comes in at input 2 (told in the MADT).
 * Missing: remote boot messages, SMI. Source: Intel 82093AA data sheet; EOI register as in version 20h.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/lapic.h"
#include "services/vmm/state.h"

#define IOAPIC_BASE 0xfec00000ull
#define IOAPIC_SIZE 0x1000u
#define IOAPIC_PINS 24u

struct ioapic {
	uint32_t select;
	uint32_t id;
	uint32_t lines;
	uint64_t entry[IOAPIC_PINS];
	uint32_t due; /* inputs whose message has not been taken by ioapic_next() */
};

void ioapic_init(struct ioapic *io);
uint32_t ioapic_read(struct ioapic *io, uint32_t offset);
void ioapic_write(struct ioapic *io, uint32_t offset, uint32_t value);
void ioapic_line(struct ioapic *io, unsigned pin, bool level);
/* A local APIC ended `vector`, which was level-triggered. */
void ioapic_eoi(struct ioapic *io, uint8_t vector);
/* Take the next message to deliver; false: none. */
bool ioapic_next(struct ioapic *io, struct apic_msg *m);
void ioapic_state(struct state *s, struct ioapic *io);
