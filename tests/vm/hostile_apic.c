// SPDX-License-Identifier: Apache-2.0
/* Misuse of the interrupt controllers: every register, reserved bits, forbidden modes; storms of IPIs, NMIs and timers, under which the guest's own code goes on. */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile.h"

enum {
	APIC_BASE = 0x1b,
	X2APIC = 0x800,
	VECTOR_STORM = 0x41,
	SVR = 0xf0,
	EOI = 0xb0,
	ICR = 0x300,
	ICR_HIGH = 0x310,
	LVT_TIMER = 0x320,
	TIMER_INITIAL = 0x380,
	TIMER_DIVIDE = 0x3e0,
	MASKED = 0x10000,
	PERIODIC = 0x20000,
	TO_SELF = 0x40000,
	NMI = 0x400,
	STORM = 2000,
	NMIS = 6,
	UART_PIN = 4,
};

#define APIC   ((volatile uint8_t *)UINT64_C(0xfee00000))
#define IOAPIC ((volatile uint8_t *)UINT64_C(0xfec00000))

static volatile unsigned taken, depth, deepest, limit;
static volatile bool level; /* the interrupt is the UART's, by level */

static uint32_t apic_read(unsigned at)
{
	return *(volatile uint32_t *)(APIC + at);
}

static void apic_write(unsigned at, uint32_t v)
{
	*(volatile uint32_t *)(APIC + at) = v;
}

static uint32_t ioapic_read(unsigned reg)
{
	*(volatile uint32_t *)IOAPIC = reg;
	return *(volatile uint32_t *)(IOAPIC + 0x10);
}

static void ioapic_write(unsigned reg, uint32_t v)
{
	*(volatile uint32_t *)IOAPIC = reg;
	*(volatile uint32_t *)(IOAPIC + 0x10) = v;
}

static uint64_t khz(void)
{
	uint32_t r[4];

	cpuid(0x40000010, 0, r);
	return r[0];
}

static void quiet(void)
{
	static const unsigned lvt[] = { 0x320, 0x330, 0x340, 0x350, 0x360, 0x370 };

	for (unsigned i = 0; i < 6; i++)
		apic_write(lvt[i], MASKED);
	apic_write(TIMER_INITIAL, 0);
	apic_write(0x80, 0);
	apic_write(SVR, 0x1ff);
	for (unsigned pin = 0; pin < 24; pin++)
		ioapic_write(0x10 + 2 * pin, MASKED);
	taken = depth = deepest = limit = 0;
}

/* --- registers --- */

static void test_registers(void)
{
	uint64_t sum = 0;

	for (unsigned at = 0; at < 0x1000; at += 4) {
		sum += apic_read(at);
		sum += *(volatile uint8_t *)(APIC + at + 1);
		sum += *(volatile uint16_t *)(APIC + at + 2);
		*(volatile uint8_t *)(APIC + at) = 0xff;
		*(volatile uint16_t *)(APIC + at) = 0xffff;
		if (at != ICR)
			apic_write(at, UINT32_MAX);
		*(volatile uint64_t *)(APIC + (at & ~7u)) =
			at == ICR || at == ICR + 4 ? 0 : UINT64_MAX;
	}
	quiet();
	guest_check(sum != 0 && apic_read(0x30) >> 16 >= 4,
		    "every register of the local APIC was written, in all sizes");
	guest_begin();
	for (unsigned reg = 0; reg < 0x100; reg++) {
		ioapic_write(reg, UINT32_MAX & ~0x700u);
		if (reg >= 0x10 && reg < 0x40 && !(reg & 1) && (ioapic_read(reg) & ~0x1afffu))
			guest_bad("reserved bits of the IOAPIC stay 0", "register, value", reg,
				  ioapic_read(reg));
	}
	for (unsigned at = 0; at < 0x1000; at += 4)
		*(volatile uint32_t *)(IOAPIC + at) = at;
	quiet();
	guest_end("every register of the IOAPIC was written");
}

/* --- x2APIC --- */

__asm__("apic_msr: wrmsr\n	int $0x80\napic_rdmsr: rdmsr\n	int $0x80\n");
extern const uint8_t apic_msr[], apic_rdmsr[];

static bool put(uint32_t msr, uint64_t v)
{
	struct guest_run r = guest_ready(apic_msr, false);

	r.gpr[RCX] = msr;
	r.gpr[RAX] = (uint32_t)v;
	r.gpr[RDX] = v >> 32;
	guest_run(&r);
	return r.vector == VECTOR_END;
}

static bool readable(unsigned reg)
{
	struct guest_run r = guest_ready(apic_rdmsr, false);

	r.gpr[RCX] = X2APIC + reg;
	guest_run(&r);
	return r.vector == VECTOR_END;
}

/* SDM volume 3, table 10-6: what may be read and the bits that may be written (0: none). */
static const struct x2apic {
	uint8_t first, last;
	bool read;
	uint64_t write;
} x2apic[] = {
	{ 0x02, 0x03, true, 0 },          { 0x08, 0x08, true, 0xff },
	{ 0x0a, 0x0a, true, 0 },          { 0x0d, 0x0d, true, 0 },
	{ 0x0f, 0x0f, true, 0x3ff },      { 0x10, 0x28, true, 0 },
	{ 0x32, 0x32, true, 0x710ff },    { 0x33, 0x34, true, 0x1f7ff },
	{ 0x35, 0x36, true, 0x1f7ff },    { 0x37, 0x37, true, 0x1f7ff },
	{ 0x38, 0x38, true, UINT32_MAX }, { 0x39, 0x39, true, 0 },
	{ 0x3e, 0x3e, true, 0xb },
};

static const struct x2apic *row(unsigned reg)
{
	for (unsigned i = 0; i < sizeof(x2apic) / sizeof(x2apic[0]); i++)
		if (reg >= x2apic[i].first && reg <= x2apic[i].last)
			return &x2apic[i];
	return 0;
}

static void test_x2apic_register(unsigned reg)
{
	const struct x2apic *x = row(reg);

	if (readable(reg) != (x && x->read))
		guest_bad("an x2APIC register is readable or not", "register, -", reg, 0);
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t v = UINT64_C(1) << bit;
		/* ESR and EOI take 0 only */
		bool may = x && (x->write & v);

		if (put(X2APIC + reg, v) && !may)
			guest_bad("a reserved bit of x2APIC is refused", "register, bit", reg, bit);
	}
}

static void test_x2apic(void)
{
	guest_begin();
	put(APIC_BASE, 0xfee00d00);
	for (unsigned reg = 0; reg < 0x100; reg++)
		if (reg != 0x30 && reg != 0x3f)
			test_x2apic_register(reg);
	for (unsigned bit = 0; bit < 32; bit++)
		if (!(0xccfffu >> bit & 1) && put(X2APIC + 0x30, UINT64_C(1) << bit | 3 << 18))
			guest_bad("a reserved bit of the ICR is refused", "bit, -", bit, 0);
	if (put(X2APIC + 0x3f, 0x100) || put(X2APIC + 0x3f, UINT64_C(1) << 32))
		guest_bad("the self-IPI register takes a vector", "-", 0, 0);
	if (put(APIC_BASE, 0xfee00900))
		guest_bad("from x2APIC back to xAPIC", "-", 0, 0);
	if (!put(APIC_BASE, 0xfee00100) || put(APIC_BASE, 0xfee00d00) ||
	    !put(APIC_BASE, 0xfee00900))
		guest_bad("off, not straight to x2APIC, on", "-", 0, 0);
	quiet();
	guest_end("every register of x2APIC, every reserved bit, every change of mode");
}

/* --- storms --- */

static void on_interrupt(struct guest_frame *f)
{
	uint32_t r[4];

	taken++;
	if (++depth > deepest)
		deepest = depth;
	if (f->vector == VECTOR_NMI) {
		if (taken < limit)
			apic_write(ICR, NMI);
		for (unsigned i = 0; i < 20; i++)
			cpuid(0, 0, r);
	} else {
		if (level && taken >= STORM)
			out8(0x3f9, 0);
		apic_write(EOI, 0);
		if (taken < limit)
			apic_write(ICR, TO_SELF | VECTOR_STORM);
	}
	depth--;
}

static void test_ipi_storm(void)
{
	quiet();
	limit = STORM;
	apic_write(ICR, TO_SELF | VECTOR_STORM);
	__asm__ volatile("sti; nop; nop; cli");
	for (unsigned n = 0; n < 100000 && taken < STORM; n++)
		__asm__ volatile("sti; nop; nop; cli");
	guest_equal(taken, STORM, "a storm of interrupts to itself: each arrives");
	guest_equal(deepest, 1, "one at a time");
}

static void test_nmi_storm(void)
{
	uint32_t r[4];

	quiet();
	limit = NMIS;
	apic_write(ICR_HIGH, 0);
	apic_write(ICR, NMI);
	for (unsigned n = 0; n < 1000 && taken < NMIS; n++)
		cpuid(0, 0, r);
	guest_equal(taken, NMIS, "a storm of NMIs: each arrives");
	guest_equal(deepest, 1, "none in the handler of another");
}

/* Interrupts on for ms; a guest whose own code no longer comes on never leaves this. */
static void run_for(uint64_t ms)
{
	uint64_t end = guest_tsc() + khz() * ms;

	__asm__ volatile("sti");
	while (guest_tsc() < end)
		;
	__asm__ volatile("cli");
}

static void test_timer_storm(void)
{
	quiet();
	apic_write(TIMER_DIVIDE, 0xb);
	apic_write(LVT_TIMER, PERIODIC | VECTOR_STORM);
	apic_write(TIMER_INITIAL, 1);
	run_for(100);
	guest_check(taken > 2,
		    "under the APIC timer at its shortest period the guest's code goes on");
	quiet();
	apic_write(0x350, 0x700); /* LINT0: the PICs */
	for (unsigned i = 0; i < 2; i++) {
		uint16_t pic = i ? 0xa0 : 0x20;

		out8(pic, 0x11);
		out8(pic + 1, i ? 0x78 : 0x70);
		out8(pic + 1, i ? 2 : 4);
		out8(pic + 1, 3); /* ends by itself */
		out8(pic + 1, i ? 0xff : 0xfe);
	}
	out8(0x43, 0x34);
	out8(0x40, 2);
	out8(0x40, 0);
	run_for(100);
	guest_check(taken > 2, "and under the PIT at its shortest period");
	out8(0x21, 0xff);
}

/* The UART's line stays high, so the interrupt comes again at once, before any other code: the handler ends it after STORM rounds. */
static void test_level_storm(void)
{
	quiet();
	ioapic_write(0x11 + 2 * UART_PIN, 0);
	ioapic_write(0x10 + 2 * UART_PIN, 0x8000 | VECTOR_STORM);
	out8(0x3f9, 2);
	out8(0x3fc, 8);
	level = true;
	for (unsigned n = 0; n < 100000 && taken < STORM; n++)
		__asm__ volatile("sti; nop; nop; nop; cli");
	level = false;
	out8(0x3f9, 0);
	guest_check(taken >= STORM && deepest == 1,
		    "a level that stays interrupts again and again, one at a time");
	quiet();
}

/* All delivery modes but INIT, illegal vectors, every destination mode, by an edge of the UART's line. */
static void test_delivery(void)
{
	quiet();
	limit = 0;
	for (unsigned mode = 0; mode < 8; mode++)
		for (unsigned vector = 0; vector < 0x42; vector += 0x21) {
			if (mode == 5)
				continue;
			ioapic_write(0x11 + 2 * UART_PIN, mode & 1 ? 0xff000000 : 0);
			ioapic_write(0x10 + 2 * UART_PIN,
				     mode << 8 | (mode & 2 ? 0x800 : 0) | vector);
			out8(0x3f9, 2);
			out8(0x3f9, 0);
			apic_write(ICR, TO_SELF | mode << 8 | vector);
		}
	quiet();
	__asm__ volatile("sti; nop; nop; nop; cli");
	guest_check(deepest <= 1, "messages of every kind, with vectors that are not legal");
	quiet();
}

void hostile_apic(void)
{
	guest_irq = on_interrupt;
	quiet();
	test_registers();
	test_x2apic();
	test_ipi_storm();
	test_nmi_storm();
	test_timer_storm();
	test_level_storm();
	test_delivery();
	guest_irq = 0;
}
