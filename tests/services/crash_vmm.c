// SPDX-License-Identifier: Apache-2.0
/*
 * Linked into the crash variant of vmm, before its machine_run(): the thread of vCPU 1 dies of an invalid instruction at a certain time after
 * power-on, while vCPU 0 and its guest are at work. A VM with one vCPU, or one that starts later, is as always.
 */
#include "abi/calls.h"
#include "lib/component.h"
#include "services/vmm/machine.h"
#include "services/vmm/threads.h"

enum { VICTIM = 1 };

/* tests/system/labimage.py finds the mark in the image and sets the time. */
static const volatile struct {
	char mark[16];
	uint64_t after_ms;
} when = { "crash not before", 0 };

enum machine_end __real_machine_run(struct machine *m, unsigned vcpu);
enum machine_end __wrap_machine_run(struct machine *m, unsigned vcpu);

static void sleep_until(uint64_t tsc)
{
	uint64_t count;
	enum status s = S_OK;

	while (s == S_OK && __builtin_ia32_rdtsc() < tsc)
		s = sys_ctrl_sm(thread_wake(VICTIM), SM_DOWN_ZERO, tsc, &count);
}

enum machine_end __wrap_machine_run(struct machine *m, unsigned vcpu)
{
	uint64_t tsc = when.after_ms * start_info()->tsc_khz;

	if (vcpu == VICTIM && __builtin_ia32_rdtsc() < tsc) {
		sleep_until(tsc);
		__builtin_trap();
	}
	return __real_machine_run(m, vcpu);
}
