// SPDX-License-Identifier: Apache-2.0
/* Local APIC: timer, messages between CPUs. Intel SDM volume 3, chapter 11. */
#include "kernel/inc/boot.h"
#include "kernel/inc/console.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/layout.h"
#include "kernel/inc/x86_64/msr.h"

/* Register numbers as in x2APIC mode; times 16: offset in xAPIC mode. */
enum {
	APIC_ID = 0x02,
	APIC_TPR = 0x08,
	APIC_EOI = 0x0b,
	APIC_SVR = 0x0f,
	APIC_ICR = 0x30,
	APIC_ICR_HIGH = 0x31,
	APIC_LVT_TIMER = 0x32,
	APIC_LVT_LINT0 = 0x35,
	APIC_LVT_LINT1 = 0x36,
	APIC_LVT_ERROR = 0x37,
	APIC_TIMER_INITIAL = 0x38,
	APIC_TIMER_CURRENT = 0x39,
	APIC_TIMER_DIVIDE = 0x3e,

	APIC_ENABLE = 1 << 8,
	LVT_MASKED = 1 << 16,
	LVT_DEADLINE = 2 << 17,
	ICR_BUSY = 1 << 12,
	ICR_INIT = 0x4500,
	ICR_STARTUP = 0x4600,
	DIVIDE_BY_1 = 0xb,

	BASE_X2APIC = 1 << 10,
	BASE_ENABLE = 1 << 11,
	CALIBRATE_MS = 10,
	CALIBRATE_TRIES = 10,
	PIC_MASTER_MASK = 0x21,
	PIC_SLAVE_MASK = 0xa1,
};

uint64_t tsc_khz;
static uint64_t apic_khz; /* timer ticks */
static bool x2apic, deadline_mode;

static uint32_t read(uint32_t reg)
{
	if (x2apic)
		return (uint32_t)rdmsr(MSR_X2APIC + reg);
	return *(volatile uint32_t *)(LAPIC_VA + (uint64_t)reg * 16);
}

static void write(uint32_t reg, uint32_t v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + reg, v);
	else
		*(volatile uint32_t *)(LAPIC_VA + (uint64_t)reg * 16) = v;
}

static void message(uint32_t apic_id, uint32_t command)
{
	if (x2apic) {
		wrmsr(MSR_X2APIC + APIC_ICR, (uint64_t)apic_id << 32 | command);
		return;
	}
	while (read(APIC_ICR) & ICR_BUSY)
		cpu_relax();
	write(APIC_ICR_HIGH, apic_id << 24);
	write(APIC_ICR, command);
}

uint64_t lapic_base(void)
{
	return rdmsr(MSR_APIC_BASE) & PTAB_ADDR;
}

void lapic_init(void)
{
	x2apic = cpuid(1, 0).c & 1u << 21;
	deadline_mode = cpuid(1, 0).c & 1u << 24;
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | BASE_ENABLE | (x2apic ? BASE_X2APIC : 0));
	outb(PIC_MASTER_MASK, 0xff);
	outb(PIC_SLAVE_MASK, 0xff);
	write(APIC_SVR, APIC_ENABLE | VECTOR_SPURIOUS);
	write(APIC_TPR, 0);
	write(APIC_LVT_LINT0, LVT_MASKED);
	write(APIC_LVT_LINT1, LVT_MASKED);
	write(APIC_LVT_ERROR, LVT_MASKED);
	write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	write(APIC_LVT_TIMER, VECTOR_TIMER | (deadline_mode ? LVT_DEADLINE : 0));
}

void lapic_eoi(void)
{
	write(APIC_EOI, 0);
}

void lapic_ipi(uint32_t apic_id, uint8_t vector)
{
	message(apic_id, 0x4000u | vector);
}

static void wait_us(uint64_t us)
{
	uint64_t end = rdtsc() + us * tsc_khz / 1000;

	while (rdtsc() < end)
		cpu_relax();
}

void lapic_start_cpu(uint32_t apic_id, uint64_t page)
{
	message(apic_id, ICR_INIT);
	wait_us(10000);
	message(apic_id, ICR_STARTUP | (uint32_t)(page >> 12));
	wait_us(200);
	message(apic_id, ICR_STARTUP | (uint32_t)(page >> 12));
}

struct moment {
	uint64_t tsc;
	uint32_t timer;
};

/* Both clocks at nearly the same time: something may stop this CPU between two reads, so the closest of several pairs counts. */
static struct moment look(void)
{
	struct moment best = { 0, 0 };
	uint64_t closest = UINT64_MAX;

	for (unsigned int i = 0; i < CALIBRATE_TRIES; i++) {
		uint64_t before = rdtsc();
		uint32_t timer = read(APIC_TIMER_CURRENT);
		uint64_t gap = rdtsc() - before;

		if (gap >= closest)
			continue;
		closest = gap;
		best = (struct moment){ before + gap / 2, timer };
	}
	return best;
}

void lapic_calibrate(void)
{
	struct moment start, end;

	tsc_khz = bootinfo.tsc_khz;
	if (deadline_mode)
		return;
	write(APIC_LVT_TIMER, VECTOR_TIMER | LVT_MASKED);
	write(APIC_TIMER_INITIAL, UINT32_MAX);
	start = look();
	wait_us(CALIBRATE_MS * 1000);
	end = look();
	apic_khz = (start.timer - end.timer) * tsc_khz / (end.tsc - start.tsc);
	write(APIC_TIMER_INITIAL, 0);
	write(APIC_LVT_TIMER, VECTOR_TIMER);
	kprintf("timer: local APIC at %lu kHz\n", apic_khz);
}

/* A timer that is set early fires early, finds nothing due, and is set again; so rounding does no harm. */
void lapic_timer(uint64_t deadline)
{
	uint64_t now, ticks;

	if (deadline_mode) {
		wrmsr(MSR_TSC_DEADLINE, deadline);
		return;
	}
	if (!deadline) {
		write(APIC_TIMER_INITIAL, 0);
		return;
	}
	now = rdtsc();
	ticks = deadline > now ? deadline - now : 0;
	ticks = ticks / tsc_khz < 1000 ? ticks * apic_khz / tsc_khz + 1 : 1000 * apic_khz;
	write(APIC_TIMER_INITIAL, ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks);
}
