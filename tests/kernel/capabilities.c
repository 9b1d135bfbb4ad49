// SPDX-License-Identifier: Apache-2.0
/* Derivation, delegation, revocation. */
#include "tests/kernel/ktest.h"

/* Counts while it can read the page at KT_SHARED + 1 page. */
static void reader(void)
{
	volatile uint64_t *page = (volatile uint64_t *)(KT_SHARED + PAGE_SIZE);

	for (;;) {
		kt_shared()[0] += page[0];
		kt_shared()[1]++;
	}
}

static void test_revoke_mapping(uint32_t cpu)
{
	struct domain d;
	sel_t mo, copy = lab_sel();
	uint64_t *page = lab_alloc(PAGE_SIZE, &mo), seen_before;

	*page = 1;
	domain_make(&d, KT_FRAMES);
	lab_must(sys_derive(copy, mo, 0, PAGE_SIZE, RIGHT_R | RIGHT_DELEGATE), "derive");
	lab_must(sys_delegate(copy, d.pd, KT_SEL_FREE, RIGHT_ALL), "delegate");
	lab_must(sys_map(copy, d.pd, KT_SHARED + PAGE_SIZE, 0, PAGE_SIZE, RIGHT_R), "map");
	domain_run(&d, cpu, KT_LOW, reader);
	UNTIL(d.shared[1] > 0);
	lab_check(d.shared[1] > 0, "a domain reads a page it was given");
	lab_must(sys_revoke(mo, REVOKE_CHILDREN), "revoke");
	seen_before = d.shared[1];
	sleep_ms(20);
	lab_check(d.shared[1] <= seen_before + 1, "when revoke returns it cannot any more");
	UNTIL(state_of(d.ec) == EC_STATE_FAULTED);
	lab_equal(state_of(d.ec), EC_STATE_FAULTED, "its next read is a fault");
	lab_equal(sys_derive(lab_sel(), copy, 0, PAGE_SIZE, RIGHT_R), S_BAD_CAP,
		  "the derived capability is gone");
	lab_equal(sys_derive(lab_sel(), mo, 0, PAGE_SIZE, RIGHT_R), S_OK, "the revoked one stays");
	domain_end(&d);
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

static void test_rights_shrink(void)
{
	sel_t mo = lab_memory(4 * PAGE_SIZE, PAGE_SIZE), a = lab_sel(), b = lab_sel(),
	      c = lab_sel();

	lab_must(sys_derive(a, mo, PAGE_SIZE, 2 * PAGE_SIZE, RIGHT_RW | RIGHT_DELEGATE), "derive");
	lab_must(sys_derive(b, a, 0, PAGE_SIZE, RIGHT_ALL), "derive with more");
	lab_equal(sys_map(b, lab_root->pd, lab_va(1), 0, PAGE_SIZE, RIGHT_X), S_RIGHTS,
		  "a derived capability has no more rights");
	lab_equal(sys_derive(c, a, PAGE_SIZE, 2 * PAGE_SIZE, RIGHT_R), S_BAD_PARAM,
		  "nor more memory");
	lab_equal(sys_derive(b, a, 0, PAGE_SIZE, RIGHT_R), S_BUSY, "a full slot stays");
	lab_equal(sys_derive(SEL_NULL, a, 0, PAGE_SIZE, RIGHT_R), S_BAD_PARAM,
		  "slot 0 stays empty");
	lab_equal(sys_derive(SEL_MAX, a, 0, PAGE_SIZE, RIGHT_R), S_BAD_PARAM, "selectors end");
	lab_must(sys_revoke(a, REVOKE_SELF), "revoke");
	lab_equal(sys_revoke(b, REVOKE_SELF), S_BAD_CAP, "with it goes what was derived from it");
	lab_must(sys_derive(a, mo, 0, PAGE_SIZE, RIGHT_R), "derive again");
	lab_equal(sys_delegate(a, lab_root->pd, b, RIGHT_R), S_RIGHTS,
		  "without DELEGATE it does not travel");
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

/* Siblings survive, whole subtrees go, in any order. */
static void test_tree(void)
{
	sel_t mo = lab_memory(PAGE_SIZE, PAGE_SIZE), s[12];

	for (unsigned i = 0; i < 12; i++)
		s[i] = lab_sel();
	for (unsigned i = 0; i < 12; i++)
		lab_must(sys_delegate(i < 3 ? mo : s[(i - 3) / 3], lab_root->pd, s[i], RIGHT_ALL),
			 "delegate");
	lab_must(sys_revoke(s[1], REVOKE_SELF), "revoke the middle one");
	for (unsigned i = 0; i < 12; i++) {
		bool gone = i == 1 || (i >= 6 && i < 9);
		enum status want = gone ? S_BAD_CAP : S_OK;

		if (i != 1 && !gone)
			lab_equal(sys_derive(lab_sel(), s[i], 0, PAGE_SIZE, RIGHT_R), want,
				  "one beside it lives");
		else
			lab_equal(sys_revoke(s[i], REVOKE_CHILDREN), want, "one below it is gone");
	}
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

static void test_depth(void)
{
	sel_t first = lab_memory(PAGE_SIZE, PAGE_SIZE), last = first;
	enum status s = S_OK;
	unsigned depth = 0;

	while (s == S_OK && depth < 200) {
		sel_t next = lab_sel();

		s = sys_derive(next, last, 0, PAGE_SIZE, RIGHT_ALL);
		last = next;
		depth++;
	}
	lab_equal(s, S_BAD_PARAM, "derivation has an end");
	lab_must(sys_revoke(first, REVOKE_SELF), "revoke");
}

/* Thousands of copies: revoking is interrupted and goes on by itself. */
static void test_many_copies(void)
{
	struct domain d;
	sel_t mo = lab_memory(PAGE_SIZE, PAGE_SIZE);
	uint64_t quota = root_quota();

	domain_make(&d, 256);
	for (sel_t i = 0; i < 4000; i++)
		lab_must(sys_delegate(mo, d.pd, KT_SEL_FREE + i, RIGHT_ALL), "delegate");
	lab_equal(sys_revoke(mo, REVOKE_CHILDREN), S_OK, "4000 copies are revoked");
	lab_equal(sys_delegate(mo, d.pd, KT_SEL_FREE + 3999, RIGHT_ALL), S_OK,
		  "their slots are empty again");
	for (sel_t i = 0; i < 3999; i++)
		lab_must(sys_delegate(mo, d.pd, KT_SEL_FREE + i, RIGHT_ALL), "delegate");
	domain_end(&d);
	lab_equal(root_quota(), quota, "a domain full of them gives everything back");
	lab_must(sys_revoke(mo, REVOKE_SELF), "revoke");
}

static void test_wrong_types(void)
{
	uint64_t v;

	lab_equal(sys_map(lab_root->ec, lab_root->pd, 0x1000, 0, 0x1000, RIGHT_R), S_BAD_CAP,
		  "a thread is not mapped");
	lab_equal(sys_unmap(lab_root->ec, 0x1000, 0x1000), S_BAD_CAP, "nor unmapped from");
	lab_equal(sys_ctrl_sm(lab_root->pd, SM_UP, 0, &v), S_BAD_CAP, "a domain is no semaphore");
	lab_equal(sys_ctrl_sm(60000, SM_UP, 0, &v), S_BAD_CAP, "nor is a selector out of range");
	lab_equal(sys_derive(lab_sel(), lab_root->pd, 0, 1, RIGHT_ALL), S_BAD_CAP,
		  "a domain has no parts");
	lab_equal(sys_revoke(lab_root->pd, REVOKE_OBJECT), S_RIGHTS, "root cannot be destroyed");
	lab_equal(sys_revoke(lab_root->mo_log, REVOKE_OBJECT), S_RIGHTS, "memory is no object");
	lab_equal(sys_ctrl_hw(lab_root->hw, 999, 0, 0, &v, &v), S_BAD_PARAM,
		  "an unknown hardware operation");
}

void test_capabilities(void)
{
	test_revoke_mapping(0);
	if (lab_root->cpu_count > 1)
		test_revoke_mapping(1);
	test_rights_shrink();
	test_tree();
	test_depth();
	test_many_copies();
	test_wrong_types();
}
