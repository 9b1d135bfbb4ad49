// SPDX-License-Identifier: Apache-2.0
/* A machine with several vCPUs: who gets which interrupt message, how vCPUs start and stop, who is kicked. */
#include <stdlib.h>
#include <string.h>
#include "services/vmm/save.h"
#include "tests/unit/vmm_harness.h"

#define OK(cond, what) check_that("vmm_smp", cond, what)

enum { VCPUS = 8, VECTOR = 0x51, ICR = 0x830, SELF = 1 << 18, ALL = 2 << 18, OTHERS = 3 << 18 };

static struct harness h;

static struct lapic *lapic(unsigned vcpu)
{
	return &h.m.cpu[vcpu].lapic;
}

/* All vCPUs run with their APICs on; all but vCPU 0 are in the guest. */
static void start(bool x2apic)
{
	harness_start_smp(&h, VCPUS);
	for (unsigned i = 0; i < VCPUS; i++) {
		h.m.cpu[i].activity = CPU_RUNS;
		h.m.cpu[i].away = i != 0;
		lapic_write(lapic(i), LAPIC_SVR, 0x1ff, 0);
		lapic_write(lapic(i), LAPIC_LDR, UINT32_C(1) << (24 + i), 0);
		if (x2apic)
			(void)lapic_write_msr(lapic(i), MSR_APIC_BASE, lapic(i)->base | 0xc00, 0,
					      0);
	}
}

static void come_back(void)
{
	h.kicked = 0;
	for (unsigned i = 0; i < VCPUS; i++)
		h.m.cpu[i].kicked = false;
}

/* vCPU `from` writes its interrupt command register. */
static void send(unsigned from, uint32_t dest, uint32_t low)
{
	h.m.current = &h.m.cpu[from];
	if (lapic_x2apic(lapic(from)))
		(void)lapic_write_msr(lapic(from), ICR, (uint64_t)dest << 32 | low, 0, 0);
	else
		lapic_write(lapic(from), LAPIC_ICR_HIGH, dest << 24, 0);
	if (!lapic_x2apic(lapic(from)))
		lapic_write(lapic(from), LAPIC_ICR, low, 0);
	machine_settle_lapic(&h.m, h.m.current);
}

/* Who has the vector pending; all forget it. */
static uint32_t takers(void)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < VCPUS; i++) {
		if (lapic_pending(lapic(i)) != VECTOR)
			continue;
		set |= UINT32_C(1) << i;
		lapic_accept(lapic(i), VECTOR);
		lapic_write(lapic(i), LAPIC_EOI, 0, 0);
	}
	return set;
}

static uint32_t sent(unsigned from, uint32_t dest, uint32_t low)
{
	send(from, dest, low);
	return takers();
}

static void test_physical(bool x2apic)
{
	bool right = true;

	start(x2apic);
	for (unsigned from = 0; from < VCPUS; from++)
		for (unsigned to = 0; to < VCPUS; to++)
			right &= sent(from, to, VECTOR) == UINT32_C(1) << to;
	OK(right, x2apic ? "x2APIC: each reaches each, and nobody else"
			 : "xAPIC: each reaches each, and nobody else");
	OK(sent(3, 77, VECTOR) == 0, "a number that is not there is nobody");
	OK(sent(3, x2apic ? UINT32_MAX : 0xff, VECTOR) == 0xff, "broadcast is all");
}

static void test_shorthands(void)
{
	start(true);
	OK(sent(5, 0, VECTOR | SELF) == 1 << 5, "self");
	OK(sent(5, 0, VECTOR | ALL) == 0xff, "all");
	OK(sent(5, 0, VECTOR | OTHERS) == (0xff & ~(1 << 5)), "all but self");
	send(5, 0, DELIVER_NMI << 8 | OTHERS);
	OK(!lapic(5)->nmi && lapic(0)->nmi && lapic(7)->nmi, "an NMI for all but self");
	send(5, 0, DELIVER_INIT << 8 | ALL | 0x4000);
	OK(!h.m.cpu[5].init && h.m.cpu[4].init, "INIT never reaches its sender by shorthand");
}

static void test_logical(void)
{
	bool right = true;

	start(false);
	for (unsigned set = 0; set < 256; set++)
		right &= sent(2, set, VECTOR | 0x800) == set;
	OK(right, "flat logical destinations, all 256");
	for (unsigned i = 0; i < VCPUS; i++) {
		lapic_write(lapic(i), LAPIC_DFR, 0, 0);
		lapic_write(lapic(i), LAPIC_LDR, (i / 4) << 28 | UINT32_C(1) << (24 + i % 4), 0);
	}
	OK(sent(0, 0x05, VECTOR | 0x800) == 5 && sent(0, 0x1a, VECTOR | 0x800) == 0xa0,
	   "xAPIC clusters");
	start(true);
	right = true;
	for (unsigned set = 0; set < 256; set++)
		right &= sent(2, set, VECTOR | 0x800) == set;
	OK(right, "x2APIC cluster 0, all sets");
	OK(sent(2, 0x10000 | 3, VECTOR | 0x800) == 0, "x2APIC: nobody is in cluster 1");
}

static void test_lowest(void)
{
	uint32_t all = 0;

	start(true);
	for (unsigned i = 0; i < VCPUS; i++) {
		uint32_t one = sent(0, 0xff, VECTOR | DELIVER_LOWEST << 8 | 0x800);

		OK(one != 0 && (one & (one - 1)) == 0, "lowest priority: one of them");
		all |= one;
	}
	OK(all == 0xff, "in turn");
	for (unsigned i = 0; i < VCPUS; i++)
		lapic_write(lapic(i), LAPIC_TPR, i == 6 ? 0x10 : 0x20, 0);
	OK(sent(0, 0xff, VECTOR | DELIVER_LOWEST << 8 | 0x800) == 1 << 6,
	   "the one that does the least");
	lapic_write(lapic(6), LAPIC_SVR, 0xff, 0);
	OK(!(sent(0, 0x60, VECTOR | DELIVER_LOWEST << 8 | 0x800) & 1 << 6), "that is switched on");
}

static void test_kicks(void)
{
	start(true);
	send(0, 3, VECTOR);
	OK(h.kicked == 1 << 3, "a vCPU that is in the guest is called back");
	h.kicked = 0;
	send(0, 3, VECTOR + 1);
	OK(h.kicked == 0, "once, until it has come");
	come_back();
	send(0, 0, VECTOR);
	OK(h.kicked == 0, "never the one that asks");
	h.m.current = &h.m.cpu[4];
	h.m.cpu[4].away = false;
	h.m.cpu[0].away = true;
	port_out(&h, 0x43, 1, 0x34);
	port_out(&h, 0x40, 1, 0);
	port_out(&h, 0x40, 1, 0x10);
	OK(h.kicked == 1 && h.m.cpu[0].timers_moved, "a board timer set elsewhere is vCPU 0's");
	come_back();
	machine_irq(&h.m, 4, true);
	OK(h.kicked == 0, "a masked line wakes nobody");
}

/* The guest's first exit ends the machine, so that each entry can be looked at. */
static bool ends(struct harness *x, uint64_t deadline)
{
	(void)deadline;
	x->m.cpu[x->entered].s->exit = VM_EXIT_SHUTDOWN;
	return true;
}

static void test_start(void)
{
	struct vcpu_state *s = &h.others[1];

	harness_start_smp(&h, VCPUS);
	h.guest = ends;
	for (unsigned i = 0; i < VCPUS; i++)
		lapic_write(lapic(i), LAPIC_SVR, 0x1ff, 0);
	OK(h.m.cpu[0].activity == CPU_RUNS && h.m.cpu[2].activity == CPU_WAITS,
	   "after power-on vCPU 0 runs, the others wait");
	s->gpr[VCPU_RBX] = 5;
	send(0, 2, DELIVER_INIT << 8 | 0x4000);
	send(0, 2, DELIVER_STARTUP << 8 | 0x9a);
	send(0, 2, DELIVER_STARTUP << 8 | 0x9b);
	OK(machine_run(&h.m, 2) == MACHINE_TRIPLE && h.entered == 2, "INIT and start-up start it");
	OK(s->rip == 0 && s->seg[VCPU_CS].base == 0x9b000 && s->seg[VCPU_CS].sel == 0x9b00 &&
		   !(s->cr0 & 1) && s->gpr[VCPU_RBX] == 0 && s->rflags == 2,
	   "in real mode at the page of the message");
	OK(!lapic_enabled(lapic(2)), "with its APIC as after INIT");
	OK(h.m.culprit == 2, "and it is known who ended the machine");
	h.m.end = MACHINE_RUNS;
	send(0, 2, DELIVER_STARTUP << 8 | 0x9c);
	OK(!h.m.cpu[2].startup, "a start-up message means nothing to one that runs");
	h.m.cpu[0].init = true;
	OK(machine_run(&h.m, 0) == MACHINE_RESET, "INIT to vCPU 0 is a reset");
}

/* Every delivery mode, from a device: there is none that starts a vCPU. */
static void test_device_messages(void)
{
	harness_start_smp(&h, 2);
	for (unsigned mode = 0; mode < 8; mode++)
		if (mode != DELIVER_INIT)
			h.m.msi.msi(&h.m.msi, 0xfeeff000, mode << 8 | 0x9a);
	OK(h.m.cpu[1].lapic.nmi && !h.m.cpu[1].startup && h.m.cpu[1].activity == CPU_WAITS,
	   "a device's message cannot start a vCPU that waits for it");
}

/* While this vCPU is in the guest another ends the machine; then this one fails too. */
static bool ends_second(struct harness *x, uint64_t deadline)
{
	(void)deadline;
	x->m.current = &x->m.cpu[1];
	machine_ends(&x->m, MACHINE_OFF);
	x->m.cpu[x->entered].s->exit = VM_EXIT_SHUTDOWN;
	return true;
}

static void test_first_end(void)
{
	harness_start_smp(&h, 2);
	h.guest = ends_second;
	OK(machine_run(&h.m, 0) == MACHINE_OFF && h.m.culprit == 1,
	   "of two ends the first counts, and its vCPU");
	h.m.end = MACHINE_RUNS;
	machine_pause(&h.m);
	machine_ends(&h.m, MACHINE_RESET);
	OK(h.m.end == MACHINE_RESET, "a machine that is to pause can still end");
}

static bool halts(struct harness *x, uint64_t deadline)
{
	(void)deadline;
	x->m.cpu[x->entered].s->exit = VM_EXIT_HLT;
	x->m.cpu[x->entered].s->insn_len = 1;
	return true;
}

static void test_stop(void)
{
	harness_start_smp(&h, 2);
	h.guest = halts;
	h.m.cpu[1].activity = CPU_RUNS;
	h.state.rflags = 0x2;
	h.others[0].rflags = 0x202;
	OK(machine_run(&h.m, 0) == MACHINE_HALTED && h.sleeps == 1,
	   "one that stops for good sleeps: the other still runs");
	OK(h.m.cpu[0].activity == CPU_STOPPED, "and is known to be stopped");
	h.m.end = MACHINE_RUNS;
	h.sleeps = 0;
	h.others[0].rflags = 2;
	OK(machine_run(&h.m, 1) == MACHINE_HALTED && h.sleeps == 0,
	   "when the last stops, it is over");
	harness_start_smp(&h, 2);
	OK(machine_run(&h.m, 1) == MACHINE_HALTED && h.sleeps == 1, "one that waits sleeps");
}

static bool pauses(struct harness *x, uint64_t deadline)
{
	(void)deadline;
	x->m.cpu[x->entered].s->exit = VM_EXIT_CPUID;
	x->m.cpu[x->entered].s->insn_len = 2;
	x->m.cpu[1].away = true;
	machine_pause(&x->m);
	return true;
}

static void test_pause(void)
{
	harness_start_smp(&h, 2);
	h.guest = pauses;
	h.state.rip = 0x1000;
	OK(machine_run(&h.m, 0) == MACHINE_PAUSED && h.state.rip == 0x1002,
	   "a pause lets the exit under way end");
	OK(h.kicked == 2, "and calls the others back");
	h.m.end = MACHINE_OFF;
	machine_pause(&h.m);
	OK(h.m.end == MACHINE_OFF, "what has ended does not pause");
}

static void test_cpuid(void)
{
	struct cpuid_regs r;

	start(true);
	cpuid_read(&h.m.cpu[5].cpuid, 1, 0, 0, 0, &r);
	OK(r.ebx >> 24 == 5 && (r.ebx >> 16 & 0xff) == VCPUS, "leaf 1: number and count");
	cpuid_read(&h.m.cpu[5].cpuid, 0xb, 1, 0, 0, &r);
	OK(r.edx == 5 && r.ebx == VCPUS && r.eax == 3, "leaf Bh: cores");
	cpuid_read(&h.m.cpu[5].cpuid, 4, 0, 0, 0, &r);
	OK(r.eax >> 26 == VCPUS - 1 && (r.eax >> 14 & 0xfff) == 0, "leaf 4: cores, private caches");
	cpuid_read(&h.m.cpu[5].cpuid, 0x80000008, 0, 0, 0, &r);
	OK((r.ecx & 0xff) == VCPUS - 1 && (r.ecx >> 12 & 15) == 3, "leaf 80000008h: cores");
}

/* Two machines with the same bytes saved are the same machine. */
static void test_state(void)
{
	static uint8_t one[MACHINE_STATE_MAX], two[MACHINE_STATE_MAX];
	struct state s;
	size_t n;

	start(true);
	send(0, 3, VECTOR);
	h.m.cpu[6].activity = CPU_HALTED;
	h.m.cpu[7].init = true;
	state_save(&s, one, sizeof(one));
	machine_state(&s, &h.m);
	n = s.at;
	OK(!s.bad, "a machine of eight fits");
	harness_start_smp(&h, VCPUS);
	state_load(&s, one, n);
	machine_state(&s, &h.m);
	OK(!s.bad && lapic_pending(lapic(3)) == VECTOR && h.m.cpu[6].activity == CPU_HALTED &&
		   h.m.cpu[7].init,
	   "and comes back");
	state_save(&s, two, sizeof(two));
	machine_state(&s, &h.m);
	OK(s.at == n && memcmp(one, two, n) == 0, "whole");
	harness_start_smp(&h, 4);
	state_load(&s, one, n);
	machine_state(&s, &h.m);
	OK(s.bad, "but not in a machine of four");
}

/* The kernel's part of a fetch: the state is in the page already. */
static bool fetched(struct harness *x, uint64_t deadline)
{
	x->m.cpu[x->entered].s->exit = VM_EXIT_TIMEOUT;
	return deadline == 1;
}

static void fill_vcpu(struct vcpu_state *s, uint8_t byte)
{
	memset(s->gpr, byte, sizeof(s->gpr));
	memset(s->fpu, byte + 1, sizeof(s->fpu));
	s->cr2 = s->star = s->pat = s->xcr0 = s->dr[3] = byte + 2;
	s->event = (struct vcpu_event){ VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | 14, byte };
	s->shadow = VCPU_SHADOW_STI;
}

static bool same_vcpu(const struct vcpu_state *s, uint8_t byte)
{
	struct vcpu_state *want = calloc(1, sizeof(*want));
	bool same;

	fill_vcpu(want, byte);
	same = memcmp(s->gpr, want->gpr, sizeof(s->gpr)) == 0 &&
	       memcmp(s->fpu, want->fpu, sizeof(s->fpu)) == 0 && s->cr2 == want->cr2 &&
	       s->star == want->star && s->pat == want->pat && s->xcr0 == want->xcr0 &&
	       s->dr[3] == want->dr[3] && s->event.info == want->event.info &&
	       s->event.error == want->event.error && s->shadow == want->shadow;
	free(want);
	return same;
}

/* Refused in the section of this tag; with 0 for its checksum. */
static bool refused(uint8_t *image, size_t n, uint32_t tag)
{
	struct state s;

	if (tag != 0)
		save_seal(image, n);
	return !save_read(&h.m, image, n, &s) && s.tag == tag;
}

static void test_refusals(uint8_t *image, size_t n)
{
	const uint32_t head = 0x4d564452, end = 0x20444e45;

	image[0x5000] ^= 1;
	OK(refused(image, n, 0), "a changed byte is refused");
	image[0x5000] ^= 1;
	image[4]++;
	OK(refused(image, n, 0) && refused(image, n, head), "another version is refused");
	image[4]--;
	image[n - SAVE_SUM - 4]++;
	OK(refused(image, n, end), "at the end too");
	image[n - SAVE_SUM - 4]--;
	save_seal(image, n);
	OK(refused(image, n - 1, 0) && refused(image, 10, 0) && refused(image, n + 1, 0) &&
		   refused(image, n + 1, end),
	   "a part is refused, and more than a whole");
	harness_start_smp(&h, 3);
	OK(refused(image, n, head), "and a machine of another size");
	harness_start_smp(&h, 2);
	h.m.khz++;
	OK(refused(image, n, head), "and one whose TSC runs at another rate");
}

static void test_save(void)
{
	uint8_t *image;
	size_t bound, n;
	struct state s;
	uint64_t then;

	harness_start_smp(&h, 2);
	h.guest = fetched;
	bound = save_bound(&h.m);
	image = calloc(1, bound + 1);
	fill_vcpu(&h.state, 3);
	fill_vcpu(&h.others[0], 70);
	h.m.cpu[1].msrs.tsc_adjust = 1234;
	memset(h.ram, 0x77, HARNESS_RAM);
	h.tsc += 5000;
	then = machine_now(&h.m);
	OK(save_write(&h.m, image, HARNESS_RAM) == 0, "an image that does not fit is none");
	n = save_write(&h.m, image, bound);
	OK(n > HARNESS_RAM && n <= bound, "a machine of two is saved");
	harness_start_smp(&h, 2);
	h.tsc += 999999;
	OK(save_read(&h.m, image, n, &s), "and restored");
	OK(same_vcpu(&h.state, 3) && same_vcpu(&h.others[0], 70), "with its vCPUs' registers");
	OK(h.ram[0] == 0x77 && h.ram[HARNESS_RAM - 1] == 0x77, "and its memory");
	OK(machine_now(&h.m) == then && h.others[0].tsc_offset + h.tsc == then + 1234,
	   "its time goes on where it stopped");
	OK((h.state.dirty & (VCPU_G_ALL | VCPU_G_FPU)) == (VCPU_G_ALL | VCPU_G_FPU),
	   "and the processor is to take all of it");
	test_refusals(image, n);
	free(image);
}

int main(void)
{
	test_physical(false);
	test_physical(true);
	test_shorthands();
	test_logical();
	test_lowest();
	test_kicks();
	test_start();
	test_device_messages();
	test_first_end();
	test_stop();
	test_pause();
	test_cpuid();
	test_state();
	test_save();
	harness_stop(&h);
	return harness_result();
}
