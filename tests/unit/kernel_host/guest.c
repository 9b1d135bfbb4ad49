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

static const char *cpu_init(struct cpu *cpu)
{
	(void)cpu;
	return NULL;
}

static void init(struct vcpu *v)
{
	v->state->caps = VCPU_CAP_SVM;
}

static bool load(struct vcpu *v, uint32_t groups)
{
	host_guest_log.loaded = groups;
	return v->state->xcr0 != 2;
}

static uint32_t run(struct vcpu *v, uint64_t deadline)
{
	(void)deadline;
	return host_guest(v);
}

static void store(struct vcpu *v, uint32_t groups)
{
	(void)v;
	host_guest_log.stored = groups;
}

static void release(struct vcpu *v)
{
	v->held = false;
}

void vcpu_release(struct vcpu *v)
{
	vm_ops->release(v);
}

static const struct vm_ops ops = {
	.name = "host",
	.format = &ptab_host,
	.present = present,
	.cpu_init = cpu_init,
	.vcpu_init = init,
	.load = load,
	.run = run,
	.store = store,
	.release = release,
};

const struct vm_ops *const vm_vendors[] = { &ops, NULL };
