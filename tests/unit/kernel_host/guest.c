// SPDX-License-Identifier: Apache-2.0
/* A vendor without a processor: host_guest says what a stay in the guest ends with. */
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "tests/unit/kernel_host/world.h"

uint32_t (*host_guest)(struct vcpu *v);
struct host_guest_log host_guest_log;

static bool present(void)
{
	return true;
}

static bool cpu_init(struct cpu *cpu)
{
	(void)cpu;
	return true;
}

static void init(struct vcpu *v)
{
	v->state->caps = VCPU_CAP_SVM;
}

static bool load(struct vcpu *v)
{
	host_guest_log.loaded = v->stale ? VCPU_G_ALL : v->state->dirty;
	v->state->dirty = 0;
	v->stale = false;
	return v->state->xcr0 != 2;
}

static uint32_t run(struct vcpu *v)
{
	return host_guest(v);
}

static void store(struct vcpu *v, uint32_t groups)
{
	(void)v;
	host_guest_log.stored = groups;
}

const struct vm_ops svm_ops = {
	.name = "host",
	.format = &ptab_host,
	.present = present,
	.cpu_init = cpu_init,
	.vcpu_init = init,
	.load = load,
	.run = run,
	.store = store,
};
