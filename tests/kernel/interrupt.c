// SPDX-License-Identifier: Apache-2.0
/* Message interrupts as semaphores. */
#include "tests/kernel/edu.h"
#include "tests/kernel/ktest.h"

static void test_on(uint32_t cpu)
{
	sel_t space = edu_attach(), dc = edu.dc, sm = lab_sel();
	uint64_t address, data, a, b;

	lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
	lab_equal(sys_assign(lab_root->dc_all, 0, sm, cpu, &a, &b), S_BAD_PARAM,
		  "only one function is assigned");
	lab_equal(sys_assign(dc, 0, sm, 99, &a, &b), S_BAD_CPU, "to a CPU there is");
	lab_must(sys_assign(dc, 0, sm, cpu, &address, &data), "assign");
	lab_equal(sys_assign(dc, 1, sm, cpu, &a, &b), S_BUSY, "a semaphore has one interrupt");
	edu_message(address, data);
	edu_raise();
	lab_check(wait_sm(sm, 1000), "a device's interrupt is an up");
	edu_raise();
	lab_check(wait_sm(sm, 1000), "each time");
	lab_must(sys_revoke(dc, REVOKE_SELF), "revoke function");
	edu_raise();
	lab_check(!wait_sm(sm, 30), "after the function was revoked nothing comes");
	lab_must(sys_revoke(sm, REVOKE_SELF), "revoke");
	if (space)
		lab_must(sys_revoke(space, REVOKE_SELF), "revoke DMA space");
}

void test_interrupt(void)
{
	if (!edu_begin())
		return;
	test_on(0);
	if (lab_root->cpu_count > 1)
		test_on(1);
}
