// SPDX-License-Identifier: Apache-2.0
/* Accounts and mappings. */
#include "tests/kernel/ktest.h"

enum {
	MIB = 1 << 20,
	LARGE = 2 * MIB,
};

/* Makes semaphores until nothing is left, says how many and why it ended; then works on. */
static void eater(void)
{
	sel_t sel = KT_SEL_FREE;
	enum status s;

	do {
		s = sys_create_sm(sel, KT_SEL_PD, 0);
		sel++;
	} while (s == S_OK);
	kt_shared()[0] = sel - KT_SEL_FREE;
	kt_shared()[1] = s;
	kt_shared()[2] = sys_create_sm(sel - 1, KT_SEL_PD, 0);
	(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &(uint64_t){ 0 });
	kt_shared()[3] = sys_create_sm(sel - 1, KT_SEL_PD, 0);
	kt_stop();
}

static void test_exhaustion(void)
{
	struct domain greedy, other;
	uint64_t quota = root_quota(), q, u;

	domain_make(&greedy, 48);
	domain_make(&other, KT_FRAMES);
	domain_run(&greedy, 0, KT_PRIO, eater);
	UNTIL(greedy.shared[2]);
	lab_equal(greedy.shared[1], S_NO_KMEM,
		  "a domain that eats its kernel memory is told S_NO_KMEM");
	lab_check(greedy.shared[0] > 64, "after it got what it paid for");
	lab_equal(greedy.shared[2], S_NO_KMEM, "again and again");
	lab_equal(sys_create_sm(lab_sel(), other.pd, 0), S_OK, "another domain has its own");
	lab_must(sys_ctrl_kmem(lab_root->pd, greedy.pd, 2, &q, &u), "top up");
	lab_equal(q, 50, "the account is larger");
	greedy.shared[3] = 99;
	lab_must(sys_ctrl_sm(greedy.sm, SM_UP, 0, &q), "up");
	UNTIL(greedy.shared[3] != 99);
	lab_equal(greedy.shared[3], S_OK, "after a top-up the same call works");
	lab_equal(sys_ctrl_kmem(greedy.pd, lab_root->pd, 50, &q, &u), S_BAD_PARAM,
		  "nobody gives the last frames");
	lab_equal(sys_ctrl_kmem(greedy.pd, lab_root->pd, 40, &q, &u), S_NO_KMEM,
		  "nor frames in use");
	domain_end(&greedy);
	domain_end(&other);
	lab_equal(root_quota(), quota, "all of it comes back");
}

static void test_accounting(void)
{
	struct domain d;
	uint64_t quota, used;

	domain_make(&d, KT_FRAMES);
	domain_end(&d);
	quota = root_quota();
	used = root_used();
	for (unsigned i = 0; i < 20; i++) {
		sel_t sm = lab_sel();

		lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
		lab_must(sys_revoke(sm, REVOKE_SELF), "revoke");
	}
	lab_equal(root_quota(), quota, "making and destroying costs no quota");
	lab_check(root_used() <= used + 1, "and no frames but the table's");
}

static void refused(sel_t mo, sel_t pd, uint64_t va, uint64_t offset, uint64_t size, uint64_t flags,
		    enum status want, const char *what)
{
	lab_equal(sys_map(mo, pd, va, offset, size, flags), want, what);
}

static void test_map_checks(void)
{
	sel_t mo, pd = lab_root->pd, ro = lab_sel();
	uint64_t va = lab_va(32);

	lab_alloc(4 * PAGE_SIZE, &mo);
	refused(mo, pd, va, 0, PAGE_SIZE, RIGHT_W | RIGHT_X, S_BAD_PARAM,
		"writable and executable together is refused");
	refused(mo, pd, va, 0, PAGE_SIZE, RIGHT_RW | RIGHT_X, S_BAD_PARAM, "in any form");
	refused(mo, pd, va, 0, 5 * PAGE_SIZE, RIGHT_R, S_BAD_PARAM,
		"more than the object is refused");
	refused(mo, pd, va, 4 * PAGE_SIZE, PAGE_SIZE, RIGHT_R, S_BAD_PARAM, "behind its end too");
	refused(mo, pd, va, ~0ull << 12, PAGE_SIZE, RIGHT_R, S_BAD_PARAM,
		"an offset that wraps too");
	refused(mo, pd, va + 1, 0, PAGE_SIZE, RIGHT_R, S_BAD_PARAM,
		"an address inside a page is refused");
	refused(mo, pd, 0, 0, PAGE_SIZE, RIGHT_R, S_BAD_PARAM, "page 0 is refused");
	refused(mo, pd, 0x7ffffffff000, 0, PAGE_SIZE, RIGHT_R, S_BAD_PARAM,
		"the last page below the hole is refused");
	refused(mo, pd, 0xffff800000000000, 0, PAGE_SIZE, RIGHT_R, S_BAD_PARAM,
		"the kernel's half is refused");
	refused(mo, pd, 0x7fffffffe000, 0, 2 * PAGE_SIZE, RIGHT_R, S_BAD_PARAM,
		"a range into it too");
	refused(mo, pd, va, 0, PAGE_SIZE, 0, S_BAD_PARAM, "no right at all is refused");
	lab_must(sys_derive(ro, mo, 0, PAGE_SIZE, RIGHT_R), "derive");
	refused(ro, pd, va, 0, PAGE_SIZE, RIGHT_RW, S_RIGHTS, "rights it lacks are refused");
	refused(ro, pd, va, 0, PAGE_SIZE, RIGHT_R, S_OK, "what it has is mapped");
	refused(ro, pd, va, 0, PAGE_SIZE, RIGHT_R, S_BUSY, "a second time is refused");
	refused(mo, pd, va - PAGE_SIZE, 0, 3 * PAGE_SIZE, RIGHT_R, S_BUSY, "an overlap is refused");
	refused(mo, pd, va - PAGE_SIZE, 0, PAGE_SIZE, RIGHT_R, S_OK, "and leaves nothing behind");
	lab_equal(sys_unmap(pd, va, PAGE_SIZE), S_OK, "unmap");
	refused(mo, pd, va, 0, 4 * PAGE_SIZE, RIGHT_R, S_OK, "the room is free again");
	lab_equal(sys_unmap(pd, va + PAGE_SIZE, PAGE_SIZE), S_BAD_PARAM,
		  "a part of a mapping is not unmapped");
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
	lab_equal(sys_map(mo, pd, va, 0, PAGE_SIZE, RIGHT_R), S_BAD_CAP, "gone");
}

/* A long mapping in steps, small pages on purpose: physical and virtual addresses differ in bits 12 to 20. */
static void test_long_map(void)
{
	uint64_t va = 0x500000000 + PAGE_SIZE, used = root_used(), size = 32 * MIB;
	sel_t mo = lab_memory(size, LARGE);
	bool good = true;

	lab_equal(sys_map(mo, lab_root->pd, va, 0, size, RIGHT_RW), S_OK, "8192 small pages");
	for (uint64_t at = 0; at < size; at += 64 * PAGE_SIZE)
		*(volatile uint64_t *)(va + at) = at;
	for (uint64_t at = 0; at < size; at += 64 * PAGE_SIZE)
		good &= *(volatile uint64_t *)(va + at) == at;
	lab_check(good, "hold what was written");
	lab_equal(sys_unmap(lab_root->pd, va, size), S_OK, "and go");
	va = 0x600000000;
	lab_equal(sys_map(mo, lab_root->pd, va, 0, size, RIGHT_RW), S_OK,
		  "the same in large pages");
	for (uint64_t at = 0; at < size; at += 64 * PAGE_SIZE)
		good &= *(volatile uint64_t *)(va + at) == at;
	lab_check(good, "shows the same memory");
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
	lab_check(root_used() <= used + 24, "costs tables only");
}

/* The domain pays for its own mappings; when it cannot, what was built goes again. */
static void test_map_no_memory(void)
{
	struct domain d;
	uint64_t q, before, after;
	sel_t mo = lab_memory(64 * MIB, LARGE);

	domain_make(&d, 32);
	lab_must(sys_ctrl_kmem(d.pd, d.pd, 0, &q, &before), "ask");
	lab_equal(sys_map(mo, d.pd, 0x100000000 + PAGE_SIZE, 0, 64 * MIB, RIGHT_R), S_NO_KMEM,
		  "tables beyond the account are refused");
	lab_must(sys_ctrl_kmem(d.pd, d.pd, 0, &q, &after), "ask");
	lab_check(after <= 32, "within the account");
	lab_equal(sys_map(mo, d.pd, 0x100000000 + PAGE_SIZE, 0, PAGE_SIZE, RIGHT_R), S_OK,
		  "and nothing of it stayed mapped");
	domain_end(&d);
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

static void test_device_memory(void)
{
	sel_t part = lab_sel();
	uint64_t ram = lab_root->mem[0].base;

	lab_equal(sys_derive(part, lab_root->mo_dev, ram, PAGE_SIZE, RIGHT_RW), S_BAD_PARAM,
		  "RAM is no device");
	lab_equal(sys_derive(part, lab_root->mo_dev, 0xfee00000, PAGE_SIZE, RIGHT_RW), S_BAD_PARAM,
		  "nor is the local APIC");
	lab_equal(sys_derive(part, lab_root->mo_dev, lab_root->part[0].base & ~0xfffull, PAGE_SIZE,
			     RIGHT_RW),
		  S_BAD_PARAM, "nor a boot part");
	lab_equal(sys_derive(part, lab_root->mo_dev, 0, 1ull << 40, RIGHT_RW), S_BAD_PARAM,
		  "nor anything around them");
	lab_equal(sys_map(lab_root->mo_dev, lab_root->pd, lab_va(1), ram, PAGE_SIZE, RIGHT_RW),
		  S_BAD_PARAM, "and none is mapped through the whole");
	lab_equal(sys_derive(part, lab_root->mo_dev, 0xfed00000, PAGE_SIZE, RIGHT_RW), S_OK,
		  "the HPET is one");
}

static void ports(void)
{
	__asm__ volatile("outb %0, %1" : : "a"((uint8_t)0), "Nd"((uint16_t)0x80));
	kt_shared()[0]++;
	(void)!sys_ctrl_sm(KT_SEL_SM, SM_DOWN, 0, &(uint64_t){ 0 });
	__asm__ volatile("outb %0, %1" : : "a"((uint8_t)0), "Nd"((uint16_t)0x80));
	kt_shared()[0]++;
	kt_stop();
}

static void test_ports(void)
{
	struct domain d;
	sel_t pio = lab_sel();
	uint64_t v;

	domain_make(&d, KT_FRAMES);
	lab_must(sys_derive(pio, lab_root->pio_all, 0x80, 1, RIGHT_ALL), "derive port");
	lab_equal(sys_map(pio, d.pd, 0, 0, 1, RIGHT_RW), S_OK, "one port is granted");
	lab_equal(sys_map(pio, d.pd, 0, 0, 2, RIGHT_RW), S_BAD_PARAM, "not two");
	domain_run(&d, 0, KT_PRIO, ports);
	UNTIL(d.shared[0] == 1);
	lab_equal(d.shared[0], 1, "and can be used");
	lab_must(sys_revoke(pio, REVOKE_SELF), "revoke port");
	lab_must(sys_ctrl_sm(d.sm, SM_UP, 0, &v), "up");
	UNTIL(state_of(d.ec) == EC_STATE_FAULTED);
	lab_equal(d.shared[0], 1, "after it was revoked it cannot");
	lab_equal(state_of(d.ec), EC_STATE_FAULTED, "the try is a fault");
	domain_end(&d);
}

void test_memory(void)
{
	test_exhaustion();
	test_accounting();
	test_map_checks();
	test_long_map();
	test_map_no_memory();
	test_device_memory();
	test_ports();
}
