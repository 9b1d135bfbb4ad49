// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/lapic.h"
#include "services/vmm/ticks.h"
#include <string.h>

enum {
	BASE_BSP = 1 << 8,
	BASE_X2APIC = 1 << 10,
	BASE_ENABLE = 1 << 11,
	SVR_ENABLE = 1 << 8,
	LVT_MASK = 1 << 16,
	LVT_BITS = 0x1f7ff,
	TIMER_MODE_SHIFT = 17,
	DFR_CLUSTER = 0,
	VERSION = 0x50014, /* integrated, six LVT entries */
};

enum timer_mode { ONE_SHOT = 0, PERIODIC = 1, TSC_DEADLINE = 2 };

void lapic_reset(struct lapic *l)
{
	memset(l->reg, 0, sizeof(l->reg));
	l->reg[LAPIC_DFR] = UINT32_MAX;
	l->reg[LAPIC_SVR] = 0xff;
	for (unsigned r = LAPIC_LVT_TIMER; r <= LAPIC_LVT_LAST; r++)
		l->reg[r] = LVT_MASK;
	l->deadline = TICKS_NEVER;
	l->tsc_deadline = 0;
	l->nmi = false;
}

void lapic_init(struct lapic *l, uint32_t id, uint64_t tsc_khz)
{
	*l = (struct lapic){ .khz = tsc_khz, .id = id };
	l->base = LAPIC_BASE | BASE_ENABLE | (id == 0 ? BASE_BSP : 0);
	lapic_reset(l);
}

bool lapic_enabled(const struct lapic *l)
{
	return (l->base & BASE_ENABLE) && (l->reg[LAPIC_SVR] & SVR_ENABLE);
}

bool lapic_x2apic(const struct lapic *l)
{
	return l->base & BASE_X2APIC;
}

static int highest(const uint32_t *set)
{
	uint32_t any = 0;

	/* mostly there is none, and this is a few vector instructions */
	for (int i = 0; i < 8; i++)
		any |= set[i];
	for (int i = 7; any != 0 && i >= 0; i--)
		if (set[i] != 0)
			return i * 32 + 31 - __builtin_clz(set[i]);
	return LAPIC_NO_VECTOR;
}

static void set_bit(uint32_t *set, unsigned vector)
{
	set[vector / 32] |= UINT32_C(1) << vector % 32;
}

static void clear_bit(uint32_t *set, unsigned vector)
{
	set[vector / 32] &= ~(UINT32_C(1) << vector % 32);
}

uint32_t lapic_priority(const struct lapic *l)
{
	int isr = highest(&l->reg[LAPIC_ISR]);
	uint32_t in_service = isr < 0 ? 0 : (uint32_t)isr & 0xf0, tpr = l->reg[LAPIC_TPR];

	return (tpr & 0xf0) >= in_service ? tpr : in_service;
}

int lapic_pending(const struct lapic *l)
{
	int vector = highest(&l->reg[LAPIC_IRR]);

	if (vector < 0 || ((uint32_t)vector & 0xf0) <= (lapic_priority(l) & 0xf0))
		return LAPIC_NO_VECTOR;
	return lapic_enabled(l) ? vector : LAPIC_NO_VECTOR;
}

void lapic_raise(struct lapic *l, uint8_t vector, bool level)
{
	if (vector < 16 || !lapic_enabled(l))
		return;
	set_bit(&l->reg[LAPIC_IRR], vector);
	if (level)
		set_bit(&l->reg[LAPIC_TMR], vector);
	else
		clear_bit(&l->reg[LAPIC_TMR], vector);
}

void lapic_accept(struct lapic *l, uint8_t vector)
{
	clear_bit(&l->reg[LAPIC_IRR], vector);
	set_bit(&l->reg[LAPIC_ISR], vector);
}

static void end_of_interrupt(struct lapic *l)
{
	int vector = highest(&l->reg[LAPIC_ISR]);
	unsigned v = (unsigned)vector;

	if (vector < 0)
		return;
	clear_bit(&l->reg[LAPIC_ISR], v);
	if (!(l->reg[LAPIC_TMR + v / 32] & UINT32_C(1) << v % 32))
		return;
	l->eoi_sent = true;
	l->eoi_vector = (uint8_t)v;
}

bool lapic_takes_extint(const struct lapic *l)
{
	uint32_t lint0 = l->reg[LAPIC_LVT_LINT0];

	if (!(l->base & BASE_ENABLE))
		return true;
	return !(lint0 & LVT_MASK) && ((lint0 >> 8) & 7) == DELIVER_EXTINT;
}

static uint32_t x2apic_ldr(uint32_t id)
{
	return (id >> 4) << 16 | UINT32_C(1) << (id & 15);
}

static bool logical_match(const struct lapic *l, uint32_t dest)
{
	uint32_t ldr = x2apic_ldr(l->id);

	if (lapic_x2apic(l))
		return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff) != 0;
	if (l->reg[LAPIC_DFR] >> 28 == DFR_CLUSTER)
		return dest >> 4 == l->reg[LAPIC_LDR] >> 28 &&
		       (dest & l->reg[LAPIC_LDR] >> 24 & 15) != 0;
	return (dest & l->reg[LAPIC_LDR] >> 24) != 0;
}

bool lapic_matches(const struct lapic *l, const struct apic_msg *m)
{
	if (m->dest == UINT32_MAX || (!lapic_x2apic(l) && m->dest == 0xff))
		return true;
	return m->logical ? logical_match(l, m->dest) : m->dest == l->id;
}

/* --- timer --- */

static enum timer_mode timer_mode(const struct lapic *l)
{
	return (enum timer_mode)((l->reg[LAPIC_LVT_TIMER] >> TIMER_MODE_SHIFT) & 3);
}

static uint32_t divider(const struct lapic *l)
{
	uint32_t v = l->reg[LAPIC_TIMER_DIVIDE];
	uint32_t code = (v & 3) | ((v >> 1) & 4);

	return code == 7 ? 1 : UINT32_C(2) << code;
}

/* Ticks that the whole initial count takes. */
static uint64_t timer_period(const struct lapic *l)
{
	uint64_t counts = (uint64_t)l->reg[LAPIC_TIMER_INITIAL] * divider(l);
	uint64_t ticks = ticks_from(counts, LAPIC_HZ, l->khz);

	return ticks != 0 ? ticks : 1;
}

static void start_timer(struct lapic *l, uint64_t now)
{
	l->timer_start = now;
	l->deadline = l->reg[LAPIC_TIMER_INITIAL] != 0 && timer_mode(l) != TSC_DEADLINE
			      ? now + timer_period(l)
			      : TICKS_NEVER;
}

static uint32_t current_count(const struct lapic *l, uint64_t now)
{
	uint64_t left;

	if (timer_mode(l) == TSC_DEADLINE || l->deadline == TICKS_NEVER || now >= l->deadline)
		return 0;
	left = ticks_to(l->deadline - now, LAPIC_HZ, l->khz) / divider(l);
	return left < l->reg[LAPIC_TIMER_INITIAL] ? (uint32_t)left : l->reg[LAPIC_TIMER_INITIAL];
}

static void write_lvt_timer(struct lapic *l, uint32_t value)
{
	enum timer_mode before = timer_mode(l);

	l->reg[LAPIC_LVT_TIMER] = value & 0x710ff;
	if (before == timer_mode(l) || (before != TSC_DEADLINE && timer_mode(l) != TSC_DEADLINE))
		return;
	l->deadline = TICKS_NEVER;
	l->tsc_deadline = 0;
}

uint64_t lapic_deadline(const struct lapic *l)
{
	return l->deadline;
}

static void next_period(struct lapic *l, uint64_t now)
{
	uint64_t period = timer_period(l);
	/* a guest that asks for more than it can take gets 200 us, not a machine that does nothing else */
	uint64_t least = ticks_least(l->khz);

	if (period < least)
		period = least;
	l->deadline += period;
	if (l->deadline <= now)
		l->deadline = now + period - (now - l->deadline) % period;
}

void lapic_expire(struct lapic *l, uint64_t now)
{
	uint32_t lvt = l->reg[LAPIC_LVT_TIMER];

	if (now < l->deadline)
		return;
	if (timer_mode(l) == PERIODIC) {
		next_period(l, now);
	} else {
		l->deadline = TICKS_NEVER;
		l->tsc_deadline = 0;
	}
	if (!(lvt & LVT_MASK))
		lapic_raise(l, (uint8_t)lvt, false);
}

/* --- registers --- */

uint32_t lapic_read(struct lapic *l, unsigned reg, uint64_t now)
{
	switch (reg) {
	case LAPIC_ID:
		return lapic_x2apic(l) ? l->id : l->id << 24;
	case LAPIC_VERSION:
		return VERSION;
	case LAPIC_PPR:
		return lapic_priority(l);
	case LAPIC_LDR:
		return lapic_x2apic(l) ? x2apic_ldr(l->id) : l->reg[LAPIC_LDR];
	case LAPIC_ICR_HIGH:
		return l->icr_high;
	case LAPIC_TIMER_CURRENT:
		return current_count(l, now);
	default:
		return reg < LAPIC_REGS ? l->reg[reg] : 0;
	}
}

static void write_icr(struct lapic *l, uint32_t value, uint32_t dest)
{
	l->reg[LAPIC_ICR] = value & 0xccfff;
	l->ipi = (struct apic_msg){ .dest = dest,
				    .vector = (uint8_t)value,
				    .delivery = (value >> 8) & 7,
				    .logical = value & 0x800 };
	l->ipi_shorthand = (value >> 18) & 3;
	/* INIT level de-assert means nothing to this APIC version */
	l->ipi_sent = !(l->ipi.delivery == DELIVER_INIT && (value & 0xc000) == 0x8000);
}

static void write_svr(struct lapic *l, uint32_t value)
{
	l->reg[LAPIC_SVR] = value & 0x1ff;
	if (value & SVR_ENABLE)
		return;
	for (unsigned r = LAPIC_LVT_TIMER; r <= LAPIC_LVT_LAST; r++)
		l->reg[r] |= LVT_MASK;
}

void lapic_write(struct lapic *l, unsigned reg, uint32_t value, uint64_t now)
{
	switch (reg) {
	case LAPIC_TPR:
		l->reg[reg] = value & 0xff;
		break;
	case LAPIC_EOI:
		end_of_interrupt(l);
		break;
	case LAPIC_LDR:
		l->reg[reg] = value & 0xff000000;
		break;
	case LAPIC_DFR:
		l->reg[reg] = value | 0x0fffffff;
		break;
	case LAPIC_SVR:
		write_svr(l, value);
		break;
	case LAPIC_ESR:
		l->reg[reg] = 0;
		break;
	case LAPIC_ICR:
		write_icr(l, value, l->icr_high >> 24);
		break;
	case LAPIC_ICR_HIGH:
		l->icr_high = value & 0xff000000;
		break;
	case LAPIC_LVT_TIMER:
		write_lvt_timer(l, value);
		break;
	case LAPIC_TIMER_INITIAL:
		l->reg[reg] = value;
		start_timer(l, now);
		break;
	case LAPIC_TIMER_DIVIDE:
		l->reg[reg] = value & 0xb;
		break;
	default:
		if (reg > LAPIC_LVT_TIMER && reg <= LAPIC_LVT_LAST)
			l->reg[reg] = value & LVT_BITS;
		break;
	}
}

/* --- MSRs --- */

static bool write_base(struct lapic *l, uint64_t value)
{
	bool enable = value & BASE_ENABLE, x2apic = value & BASE_X2APIC;

	if ((value & ~0xfffull) != LAPIC_BASE || (value & 0x2ff) != 0 || (x2apic && !enable))
		return false;
	if (lapic_x2apic(l) && enable && !x2apic)
		return false;
	if (!(l->base & BASE_ENABLE) && x2apic) /* by way of xAPIC only */
		return false;
	if (!enable)
		lapic_reset(l);
	l->base = (l->base & BASE_BSP) | (value & ~(uint64_t)BASE_BSP);
	return true;
}

static void write_deadline(struct lapic *l, uint64_t value, uint64_t adjust)
{
	if (timer_mode(l) != TSC_DEADLINE)
		return;
	l->tsc_deadline = value;
	l->deadline = value != 0 ? value - adjust : TICKS_NEVER;
}

static bool x2apic_readable(unsigned reg)
{
	if (reg >= LAPIC_REGS)
		return false;
	return !(reg == LAPIC_EOI || reg == LAPIC_DFR || reg == LAPIC_ICR_HIGH ||
		 reg == LAPIC_SELF_IPI || reg < LAPIC_ID || (reg > 0x28 && reg <= 0x2f) ||
		 (reg > LAPIC_TIMER_CURRENT && reg < LAPIC_TIMER_DIVIDE) ||
		 (reg > LAPIC_VERSION && reg < LAPIC_TPR) || reg == 9 || reg == 0xc);
}

bool lapic_read_msr(struct lapic *l, uint32_t msr, uint64_t *value, uint64_t now)
{
	unsigned reg = msr - MSR_X2APIC_FIRST;

	if (msr == MSR_APIC_BASE) {
		*value = l->base;
		return true;
	}
	if (msr == MSR_TSC_DEADLINE) {
		*value = l->tsc_deadline;
		return true;
	}
	if (!lapic_x2apic(l) || !x2apic_readable(reg))
		return false;
	*value = lapic_read(l, reg, now);
	if (reg == LAPIC_ICR)
		*value |= (uint64_t)l->ipi.dest << 32;
	return true;
}

/* Bits of x2APIC registers that may be set; SDM volume 3, table 10-6 and the registers' figures. */
static uint64_t x2apic_writable(unsigned reg)
{
	switch (reg) {
	case LAPIC_TPR:
	case LAPIC_SELF_IPI:
		return 0xff;
	case LAPIC_SVR:
		return 0x3ff;
	case LAPIC_ICR:
		return UINT64_MAX << 32 | 0xccfff;
	case LAPIC_LVT_TIMER:
		return 0x710ff;
	case LAPIC_TIMER_INITIAL:
		return UINT32_MAX;
	case LAPIC_TIMER_DIVIDE:
		return 0xb;
	default: /* EOI and ESR take 0 only */
		return reg > LAPIC_LVT_TIMER && reg <= LAPIC_LVT_LAST ? LVT_BITS : 0;
	}
}

static bool x2apic_takes_writes(unsigned reg)
{
	return reg == LAPIC_EOI || reg == LAPIC_ESR || x2apic_writable(reg) != 0;
}

static bool write_x2apic(struct lapic *l, unsigned reg, uint64_t value, uint64_t now)
{
	if (!x2apic_takes_writes(reg) || (value & ~x2apic_writable(reg)) != 0)
		return false;
	if (reg == LAPIC_ICR)
		write_icr(l, (uint32_t)value, (uint32_t)(value >> 32));
	else if (reg == LAPIC_SELF_IPI)
		lapic_raise(l, (uint8_t)value, false);
	else
		lapic_write(l, reg, (uint32_t)value, now);
	return true;
}

bool lapic_write_msr(struct lapic *l, uint32_t msr, uint64_t value, uint64_t now,
		     uint64_t tsc_adjust)
{
	if (msr == MSR_APIC_BASE)
		return write_base(l, value);
	if (msr == MSR_TSC_DEADLINE) {
		write_deadline(l, value, tsc_adjust);
		return true;
	}
	if (!lapic_x2apic(l) || msr > MSR_X2APIC_LAST)
		return false;
	return write_x2apic(l, msr - MSR_X2APIC_FIRST, value, now);
}

void lapic_state(struct state *s, struct lapic *l)
{
	state_section(s, 0x43495041, 1); /* "APIC" */
	state_u32(s, &l->id);
	state_u64(s, &l->base);
	for (unsigned i = 0; i < LAPIC_REGS; i++)
		state_u32(s, &l->reg[i]);
	state_u32(s, &l->icr_high);
	state_u64(s, &l->timer_start);
	state_u64(s, &l->deadline);
	state_u64(s, &l->tsc_deadline);
	state_bool(s, &l->nmi);
	state_u32(s, &l->ipi.dest);
}
