// SPDX-License-Identifier: Apache-2.0
/* vcpu_run: when it returns, what it moves, and what may go away under a guest. */
#include "kernel/inc/sm.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "tests/unit/kernel_host/world.h"

const char *test_name = "kernel_vcpu";

enum {
	SPACE = ROOT_FREE,
	VCPU = ROOT_FREE + 1,
	SM = ROOT_FREE + 2,
	PD = ROOT_FREE + 3,
	OTHER = ROOT_FREE + 4,
	STATE_VA = 0x6000000,
};

static unsigned stays;

static void must(uint32_t status)
{
	if (status != S_OK)
		check(false, "setting the scene");
}

static struct vcpu *the_vcpu(void)
{
	return (struct vcpu *)world_slot(world.root, VCPU)->obj;
}

static uint32_t exits_at_once(struct vcpu *v)
{
	(void)v;
	stays++;
	return VM_EXIT_CPUID;
}

static void scene(void)
{
	world_make();
	vm_choose();
	must(CALL3(CREATE_SPACE, SPACE, ROOT_PD, SPACE_GUEST));
	must(CALL4(CREATE_VCPU, VCPU, ROOT_PD, SPACE, STATE_VA));
	must(CALL3(CREATE_SM, SM, ROOT_PD, 0));
	host_guest = exits_at_once;
	stays = 0;
}

static void test_new(void)
{
	const struct vcpu_state *s;

	scene();
	s = the_vcpu()->state;
	check(s->version == VCPU_STATE_VERSION && s->caps == VCPU_CAP_SVM &&
		      s->dirty == VCPU_G_ALL && s->rip == 0,
	      "the page of a new vCPU");
	check(CALL4(CREATE_VCPU, OTHER, ROOT_PD, SPACE, STATE_VA) == S_BUSY &&
		      CALL4(CREATE_VCPU, OTHER, ROOT_PD, SPACE, STATE_VA + 1) == S_BAD_PARAM &&
		      CALL4(CREATE_VCPU, OTHER, SPACE, SPACE, STATE_VA + 4096) == S_BAD_CAP &&
		      CALL4(CREATE_VCPU, VCPU, ROOT_PD, SPACE, STATE_VA + 4096) == S_BUSY &&
		      world_check() == NULL,
	      "a bad address, type or slot leaves nothing behind");
}

static void test_exit(void)
{
	struct vcpu_state *s;

	scene();
	s = the_vcpu()->state;
	s->exit_mtd[VM_EXIT_CPUID] = VCPU_G_CR | 0xffff0000;
	check(CALL3(VCPU_RUN, VCPU, 0, 0) == S_OK && world.v0 == VM_EXIT_CPUID &&
		      s->exit == VM_EXIT_CPUID && stays == 1 && s->runs == 1,
	      "an exit for the VMM ends the call");
	check(host_guest_log.loaded == VCPU_G_ALL && host_guest_log.stored == VCPU_G_CR &&
		      s->valid == VCPU_G_CR,
	      "all groups load at first, those asked for are stored, unknown bits dropped");
	check(host_cpu->stats->vm_exits[VM_EXIT_CPUID] == 1, "the exit is counted");
	must(CALL3(VCPU_RUN, VCPU, 0, 0));
	check(host_guest_log.loaded == 0, "nothing dirty, nothing loaded");
}

static uint32_t after_three(struct vcpu *v)
{
	(void)v;
	return ++stays < 4 ? VM_EXIT_NONE : VM_EXIT_HLT;
}

static void test_host_event(void)
{
	scene();
	host_guest = after_three;
	check(CALL3(VCPU_RUN, VCPU, 0, 0) == S_OK && world.v0 == VM_EXIT_HLT && stays == 4,
	      "host events interrupt the call, which goes on");
}

static uint32_t wakes_itself(struct vcpu *v)
{
	struct sm *sm = (struct sm *)world_slot(world.root, SM)->obj;

	(void)v;
	stays++;
	sm_up(sm);
	return VM_EXIT_NONE;
}

static void test_wake(void)
{
	scene();
	host_guest = wakes_itself;
	check(CALL3(VCPU_RUN, VCPU, SM, 0) == S_OK && world.v0 == VM_EXIT_WAKE && stays == 1,
	      "a count that comes during a stay ends the call after it");
	check(CALL3(VCPU_RUN, VCPU, SM, 0) == S_OK && world.v0 == VM_EXIT_WAKE && stays == 1,
	      "a count that is there keeps the guest out");
	check(CALL3(CTRL_SM, SM, SM_DOWN_ZERO, 0) == S_OK && world.v0 == 1, "no count is taken");
	check(CALL3(VCPU_RUN, VCPU, VCPU, 0) == S_BAD_CAP && CALL3(VCPU_RUN, SM, 0, 0) == S_BAD_CAP,
	      "types are checked");
}

static uint32_t never_exits(struct vcpu *v)
{
	(void)v;
	stays++;
	host_tsc += 100;
	return VM_EXIT_NONE;
}

static void test_deadline(void)
{
	scene();
	host_guest = never_exits;
	check(CALL3(VCPU_RUN, VCPU, 0, 1) == S_OK && world.v0 == VM_EXIT_TIMEOUT && stays == 0,
	      "a deadline in the past keeps the guest out");
	check(CALL3(VCPU_RUN, VCPU, 0, host_tsc + 1000) == S_OK && world.v0 == VM_EXIT_TIMEOUT &&
		      stays > 5 && stays < 12 && !world.ec->timer.queued,
	      "a deadline ends the call, and its timer is off");
}

static uint32_t refused(struct vcpu *v)
{
	(void)v;
	return VM_EXIT_INVALID;
}

static void test_invalid(void)
{
	struct vcpu_state *s;

	scene();
	s = the_vcpu()->state;
	s->exit_mtd[VM_EXIT_INVALID] = VCPU_G_ALL;
	s->xcr0 = 2;
	check(CALL3(VCPU_RUN, VCPU, 0, 0) == S_OK && world.v0 == VM_EXIT_INVALID && stays == 0,
	      "a state the kernel refuses does not enter");
	s->xcr0 = 1;
	host_guest = refused;
	host_guest_log.stored = 0;
	check(CALL3(VCPU_RUN, VCPU, 0, 0) == S_OK && world.v0 == VM_EXIT_INVALID &&
		      host_guest_log.stored == 0 && s->valid == 0,
	      "nothing is stored after the processor refused");
	host_guest = exits_at_once;
	must(CALL3(VCPU_RUN, VCPU, 0, 0));
	check(host_guest_log.loaded == VCPU_G_ALL, "and everything is loaded then");
}

static uint32_t loses_semaphore(struct vcpu *v)
{
	(void)v;
	stays++;
	obj_kill(world_slot(world.root, SM)->obj);
	while (reap(100))
		;
	return VM_EXIT_NONE;
}

static void test_semaphore_dies(void)
{
	scene();
	host_guest = loses_semaphore;
	check(CALL3(VCPU_RUN, VCPU, SM, 0) == S_BAD_CAP && stays == 1 && host_cpu->guest_sm == NULL,
	      "the semaphore dies during a stay: the call says so");
	check(!the_vcpu()->running && world_check() == NULL, "and the vCPU is free");
}

static uint32_t loses_itself(struct vcpu *v)
{
	obj_kill(&v->obj);
	for (unsigned i = 0; i < 100; i++)
		reap(100);
	stays += v->running && reap_pending(); /* it waits for the stay to be over */
	return VM_EXIT_NONE;
}

static void test_vcpu_dies(void)
{
	scene();
	host_guest = loses_itself;
	check(CALL3(VCPU_RUN, VCPU, 0, 0) == S_BAD_CAP && stays == 1,
	      "the vCPU dies during a stay: it is there until the stay is over");
	while (reap(100))
		;
	check(!world_slot(world.root, VCPU) && world_check() == NULL, "then its frames come back");
	must(CALL4(CREATE_VCPU, VCPU, ROOT_PD, SPACE, STATE_VA));
	check(CALL2(REVOKE, SPACE, REVOKE_OBJECT) == S_OK && !world_slot(world.root, VCPU),
	      "a space takes its vCPUs with it");
	check(world_check() == NULL, "to the last frame");
}

static void test_domain_dies(void)
{
	uint64_t quota;

	scene();
	quota = world.root->account.quota;
	must(CALL4(CREATE_PD, PD, ROOT_PD, 100, 0));
	must(CALL4(CREATE_VCPU, OTHER, PD, SPACE, STATE_VA));
	must(CALL3(VCPU_RUN, OTHER, 0, 0));
	must(CALL2(REVOKE, PD, REVOKE_SELF));
	check(!world_slot(world.root, OTHER) && world.root->account.quota == quota &&
		      world_check() == NULL,
	      "a domain takes its vCPUs with it, the space stays");
	must(CALL3(VCPU_RUN, VCPU, 0, 0));
	check(stays == 2, "and other vCPUs in it run");
}

static void test_xcr0(void)
{
	check(vcpu_xcr0_valid(1, 7) && vcpu_xcr0_valid(3, 7) && vcpu_xcr0_valid(7, 7) &&
		      vcpu_xcr0_valid(0xe7, 0xe7),
	      "good values of XCR0");
	check(!vcpu_xcr0_valid(0, 7) && !vcpu_xcr0_valid(2, 7) && !vcpu_xcr0_valid(5, 7) &&
		      !vcpu_xcr0_valid(7, 3) && !vcpu_xcr0_valid(0x27, 0xe7) &&
		      !vcpu_xcr0_valid(0xe3, 0xe7) && !vcpu_xcr0_valid(0x207, ~UINT64_C(0)),
	      "bad values of XCR0");
}

int main(void)
{
	test_new();
	test_exit();
	test_host_event();
	test_wake();
	test_deadline();
	test_invalid();
	test_semaphore_dies();
	test_vcpu_dies();
	test_domain_dies();
	test_xcr0();
	return failures();
}
