// SPDX-License-Identifier: Apache-2.0
/*
 * Local APIC of one vCPU: xAPIC page at FEE00000h or x2APIC MSRs, timer one-shot, periodic and TSC-deadline.
 * State: the architectural registers. The timer counts at LAPIC_HZ before its divider.
 * Missing: error and thermal interrupts, SMI, directed EOI. Source: Intel SDM volume 3, chapter 11; x2APIC section 11.12.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/state.h"

#define LAPIC_BASE      0xfee00000ull
#define LAPIC_SIZE      0x1000u
#define LAPIC_HZ        25000000u /* as leaf 15h of CPUID tells */
#define LAPIC_NO_VECTOR (-1)

enum lapic_msr {
	MSR_APIC_BASE = 0x1b,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC_FIRST = 0x800,
	MSR_X2APIC_LAST = 0x8ff,
};

/* Register numbers: offset in the xAPIC page / 16, and MSR - 800h. */
enum lapic_reg {
	LAPIC_ID = 0x02,
	LAPIC_VERSION = 0x03,
	LAPIC_TPR = 0x08,
	LAPIC_PPR = 0x0a,
	LAPIC_EOI = 0x0b,
	LAPIC_LDR = 0x0d,
	LAPIC_DFR = 0x0e,
	LAPIC_SVR = 0x0f,
	LAPIC_ISR = 0x10,
	LAPIC_TMR = 0x18,
	LAPIC_IRR = 0x20,
	LAPIC_ESR = 0x28,
	LAPIC_ICR = 0x30,
	LAPIC_ICR_HIGH = 0x31,
	LAPIC_LVT_TIMER = 0x32,
	LAPIC_LVT_LINT0 = 0x35,
	LAPIC_LVT_LAST = 0x37,
	LAPIC_TIMER_INITIAL = 0x38,
	LAPIC_TIMER_CURRENT = 0x39,
	LAPIC_TIMER_DIVIDE = 0x3e,
	LAPIC_SELF_IPI = 0x3f,
	LAPIC_REGS = 0x40,
};

enum lapic_delivery {
	DELIVER_FIXED = 0,
	DELIVER_LOWEST = 1,
	DELIVER_NMI = 4,
	DELIVER_INIT = 5,
	DELIVER_STARTUP = 6,
	DELIVER_EXTINT = 7,
};

/* An interrupt message on its way to one or more local APICs. */
struct apic_msg {
	uint32_t dest;
	uint8_t vector;
	uint8_t delivery; /* enum lapic_delivery */
	bool logical, level;
};

struct lapic {
	uint64_t khz; /* of the TSC */
	uint32_t id;
	uint64_t base; /* IA32_APIC_BASE */
	uint32_t reg[LAPIC_REGS];
	uint32_t icr_high;
	uint64_t timer_start;  /* tick at which the initial count was written */
	uint64_t deadline;     /* tick of the next timer interrupt, or TICKS_NEVER */
	uint64_t tsc_deadline; /* the MSR: guest TSC, 0 = off */
	bool nmi;              /* an NMI waits */
	/* What a register access asks of others; the machine takes and clears it. */
	bool eoi_sent; /* a level interrupt ended: tell the IOAPIC */
	uint8_t eoi_vector;
	bool ipi_sent;
	struct apic_msg ipi;
	uint8_t ipi_shorthand; /* 0 none, 1 self, 2 all, 3 all but self */
};

void lapic_init(struct lapic *l, uint32_t id, uint64_t tsc_khz);
/* By INIT: all but its number, mode and address. */
void lapic_reset(struct lapic *l);
bool lapic_enabled(const struct lapic *l);
bool lapic_x2apic(const struct lapic *l);

/* 32-bit registers, as the MMIO page shows them. */
uint32_t lapic_read(struct lapic *l, unsigned reg, uint64_t now);
void lapic_write(struct lapic *l, unsigned reg, uint32_t value, uint64_t now);
/* MSRs of enum lapic_msr; false: #GP. tsc_adjust: guest TSC - ticks. */
bool lapic_read_msr(struct lapic *l, uint32_t msr, uint64_t *value, uint64_t now);
bool lapic_write_msr(struct lapic *l, uint32_t msr, uint64_t value, uint64_t now,
		     uint64_t tsc_adjust);

/* Is the message for this APIC? */
bool lapic_matches(const struct lapic *l, const struct apic_msg *m);
/* FIXED or LOWEST: put the vector into IRR. */
void lapic_raise(struct lapic *l, uint8_t vector, bool level);
/* The vector that would be delivered now, or LAPIC_NO_VECTOR. */
int lapic_pending(const struct lapic *l);
/* What it is busy with: bits 7-4 the class that interrupts have to exceed. */
uint32_t lapic_priority(const struct lapic *l);
/* Move a pending vector from IRR to ISR. */
void lapic_accept(struct lapic *l, uint8_t vector);
/* Does LINT0 let interrupts of the 8259 through? */
bool lapic_takes_extint(const struct lapic *l);

uint64_t lapic_deadline(const struct lapic *l);
void lapic_expire(struct lapic *l, uint64_t now);
void lapic_state(struct state *s, struct lapic *l);
