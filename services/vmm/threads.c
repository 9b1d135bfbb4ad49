// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/threads.h"
#include <stdatomic.h>
#include "abi/calls.h"
#include "lib/component.h"

_Static_assert((int)SEL_SPACE >= (int)START_SEL_FREE, "free selectors");

#define UTCB_VA UINT64_C(0x610000000000) /* far from everything root maps */

static void (*live)(unsigned vcpu);
static unsigned count;
static _Atomic unsigned living; /* of those but vCPU 0 */

uint32_t thread_wake(unsigned vcpu)
{
	return vcpu == 0 ? START_SEL_WAKE : SEL_WAKE + vcpu;
}

static void up(uint32_t sel)
{
	uint64_t taken;

	if (sys_ctrl_sm(sel, SM_UP, 0, &taken) != S_OK)
		__builtin_trap();
}

static void down(uint32_t sel)
{
	uint64_t taken;

	if (sys_ctrl_sm(sel, SM_DOWN, 0, &taken) != S_OK)
		__builtin_trap();
}

/* First instruction of a thread; the kernel gives it its UTCB. */
static _Noreturn void begin(struct utcb *u)
{
	unsigned vcpu = (unsigned)u->user[0];

	for (;;) {
		down(SEL_GO + vcpu);
		live(vcpu);
		if (atomic_fetch_sub(&living, 1) == 1)
			up(START_SEL_WAKE);
	}
}

static bool make_thread(unsigned vcpu)
{
	const struct start_info *info = start_info();
	uint32_t cpu = (info->cpu + vcpu) % info->cpu_count;
	uint64_t utcb = UTCB_VA + vcpu * UINT64_C(4096), v0, v1;

	if (sys_create_ec(SEL_EC + vcpu, START_SEL_PD, cpu, utcb, info->stack_top[vcpu] - 8,
			  (uint64_t)begin) != S_OK)
		return false;
	((struct utcb *)utcb)->user[0] = vcpu;
	return sys_ctrl_ec(SEL_EC + vcpu, EC_SET_FAULT_PT, START_SEL_FAULT + cpu, 0, &v0, &v1) ==
		       S_OK &&
	       sys_create_sc(SEL_SC + vcpu, START_SEL_PD, SEL_EC + vcpu, info->prio, 0, 0) == S_OK;
}

const char *threads_make(unsigned vcpus, void (*life)(unsigned vcpu))
{
	if (vcpus == 0 || vcpus > start_info()->threads)
		return "root gave it fewer threads than the VM is to have vCPUs";
	live = life;
	count = vcpus;
	if (sys_create_sm(SEL_LOCK, START_SEL_PD, 0) != S_OK)
		return "no semaphore";
	for (unsigned i = 1; i < vcpus; i++)
		if (sys_create_sm(SEL_WAKE + i, START_SEL_PD, 0) != S_OK ||
		    sys_create_sm(SEL_GO + i, START_SEL_PD, 0) != S_OK || !make_thread(i))
			return "no thread for a vCPU";
	return NULL;
}

void threads_run(void)
{
	atomic_store(&living, count - 1);
	for (unsigned i = 1; i < count; i++)
		up(SEL_GO + i);
}

void threads_join(void)
{
	while (atomic_load(&living) != 0)
		down(START_SEL_WAKE);
}
