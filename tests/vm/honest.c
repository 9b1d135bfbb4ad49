// SPDX-License-Identifier: Apache-2.0
/*
 * The guest beside those that misbehave: it computes checksums over memory that only it may change, is woken by its own timer, and prints a
 * line each second. What it has to say in the end: were all sums right, and how long was it away at most.
 */
#include "tests/vm/guest64.h"

enum {
	BYTES = 4 << 20,
	PIT = 0x40,
	PIC = 0x20,
	VECTOR_TIMER = 0x20,
	RFLAGS_IF = 1 << 9,
	HZ = 100,
	LINT0_EXTINT = 0x700,
	APIC_ON = 0x1ff,
};

#define APIC UINT64_C(0xfee00000)

static volatile uint64_t ticks, last, longest, back;

static void on_timer(struct guest_frame *f)
{
	uint64_t now = guest_tsc();

	if (f->vector != VECTOR_TIMER)
		return;
	if (!(f->rflags & RFLAGS_IF))
		guest_bad("an interrupt came while they were off", "vector, rip", f->vector,
			  f->rip);
	if (now < last)
		back = last - now > back ? last - now : back;
	else if (last && now - last > longest)
		longest = now - last;
	last = now;
	ticks++;
	out8(PIC, 0x20);
}

static void start_timer(void)
{
	static const uint8_t init[] = { 0x11, VECTOR_TIMER, 4, 1 };

	guest_irq = on_timer;
	*(volatile uint32_t *)(APIC + 0xf0) = APIC_ON;
	*(volatile uint32_t *)(APIC + 0x350) = LINT0_EXTINT;
	out8(PIC, init[0]);
	for (unsigned i = 1; i < 4; i++)
		out8(PIC + 1, init[i]);
	out8(PIC + 1, 0xfe);
	out8(PIT + 3, 0x34);
	out8(PIT, (uint8_t)(1193182 / HZ));
	out8(PIT, (1193182 / HZ) >> 8);
	__asm__ volatile("sti");
}

static uint64_t checksum(const uint64_t *p, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum = (sum << 7 | sum >> 57) ^ p[i];
	return sum;
}

static void say(const char *what, uint64_t beat, uint64_t khz)
{
	guest_text(what);
	guest_number(beat);
	guest_text(" ticks ");
	guest_number(ticks);
	guest_text(" longest-ms ");
	guest_number(longest / khz);
	guest_text(" back-ticks ");
	guest_number(back);
	guest_print();
}

uint32_t guest_main(const char *words)
{
	uint64_t *p = (uint64_t *)GUEST_MEMORY, n = BYTES / 8, want, beats = 0, next, wrong = 0;
	uint32_t r[4];

	(void)words;
	cpuid(0x40000010, 0, r);
	for (uint64_t i = 0; i < n; i++)
		p[i] = i * UINT64_C(0x9e3779b97f4a7c15);
	want = checksum(p, n);
	start_timer();
	next = guest_tsc();
	for (;;) {
		wrong += checksum(p, n) != want;
		if (wrong)
			guest_bad("a checksum is wrong", "beat, sum", beats, checksum(p, n));
		next += (uint64_t)r[0] * 1000;
		while (guest_tsc() < next)
			__asm__ volatile("hlt");
		say("honest beat ", ++beats, r[0]);
	}
}
