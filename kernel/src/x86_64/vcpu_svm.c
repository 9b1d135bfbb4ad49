// SPDX-License-Identifier: Apache-2.0
/* Hooks of the vendor seam for AMD SVM. */
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/lock.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/guest.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/state_svm.h"
#include "kernel/inc/x86_64/svm.h"

enum {
	MSRPM_BYTES = 2 * FRAME_SIZE,
	MSRPM_C000 = 0x800, /* offset of MSRs c0000000 and up; 2 bits each */
};

_Static_assert(sizeof(struct svm_cpu) <= sizeof(((struct cpu *)0)->vm), "svm_cpu");

/* Set bits exit. */
static uint8_t msrpm[MSRPM_BYTES] __attribute__((aligned(FRAME_SIZE)));
static uint32_t features;

static struct svm_cpu *svm_cpu(struct cpu *cpu)
{
	return (struct svm_cpu *)cpu->vm;
}

static bool svm_present(void)
{
	if (cpuid(0x80000000, 0).a < SVM_CPUID_FEATURES || !(cpuid(0x80000001, 0).c & 4))
		return false;
	features = cpuid(SVM_CPUID_FEATURES, 0).d;
	return features & SVM_CPUID_NP && !(rdmsr(MSR_VM_CR) & VM_CR_SVMDIS);
}

static void maps_init(void)
{
	guest_ports_init();
	for (unsigned i = 0; i < MSRPM_BYTES; i++)
		msrpm[i] = 0xff;
	for (unsigned i = 0; i < GUEST_MSRS; i++) {
		uint32_t n = guest_msrs[i] & 0x1fff;
		uint32_t base = guest_msrs[i] & 0xc0000000 ? MSRPM_C000 : 0;

		msrpm[base + n / 4] &= (uint8_t) ~(3 << (n % 4) * 2);
	}
}

static const char *svm_cpu_init(struct cpu *cpu)
{
	struct svm_cpu *c = svm_cpu(cpu);
	void *save = frame_alloc(NULL), *host = frame_alloc(NULL);

	if (!save || !host)
		return "no memory";
	maps_init();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, ptr_pa(save));
	c->host = ptr_pa(host);
	asid_pool_init(&c->asids, cpuid(SVM_CPUID_FEATURES, 0).b - 1);
	return NULL;
}

static void svm_vcpu_init(struct vcpu *v)
{
	v->state->caps = VCPU_CAP_SVM | VCPU_CAP_INSN_LEN |
			 (features & SVM_HAS_DECODE ? VCPU_CAP_INSN_BYTES : 0);
	svm_vmcb_init(v->control, image_pa(guest_ports), image_pa(msrpm),
		      v->space->space.ptab.root);
}

static bool svm_load(struct vcpu *v, uint32_t dirty)
{
	svm_state_load(v->control, v->dr, v->state, dirty);
	return true;
}

static void svm_store(struct vcpu *v, uint32_t groups)
{
	svm_state_store(v->state, v->control, v->dr, groups);
}

static void dr_load(struct vcpu *v)
{
	guest_dr_load(v);
	svm_intercept_dr(v->control, false);
}

static void dr_save(struct vcpu *v)
{
	guest_dr_save(v);
	svm_intercept_dr(v->control, true);
}

static void enter(struct cpu *cpu, struct vcpu *v, struct vmcb *m)
{
	struct svm_cpu *c = svm_cpu(cpu);
	uint32_t flush = asid_take(&c->asids, &v->tag, cpu->id, v->space->space.tlb_gen);

	svm_intercept_pause(m, sched_contended());
	m->asid = v->tag.asid;
	m->tlb_control = flush & ASID_FLUSH_ALL ? SVM_TLB_FLUSH_ALL : SVM_TLB_KEEP;
	unlock_kernel();
	svm_enter(ptr_pa(m), v->state->gpr, c->host);
	lock_kernel();
}

/* Until an exit for the VMM, or a host event. */
static uint32_t stay(struct cpu *cpu, struct vcpu *v, struct vmcb *m)
{
	for (;;) {
		enter(cpu, v, m);
		switch (svm_exit_decode(m, v->state, features)) {
		case SVM_TO_VMM:
			return v->state->exit;
		case SVM_YIELD:
			sched_yield();
			return VM_EXIT_NONE;
		case SVM_HOST_EVENT:
			return VM_EXIT_NONE;
		case SVM_MACHINE_CHECK:
			__asm__ volatile("int $18");
			return VM_EXIT_NONE;
		case SVM_LOAD_DR:
			dr_load(v);
			break;
		case SVM_RESUME:
			break;
		}
	}
}

static uint32_t svm_run(struct vcpu *v, uint64_t deadline)
{
	struct cpu *cpu = cpu_self();
	struct vmcb *m = v->control;
	uint32_t exit;

	if (deadline)
		timer_guest(cpu, deadline);
	if (m->dr7 & DR7_ENABLE)
		dr_load(v);
	guest_fpu_enter(cpu, v);
	exit = stay(cpu, v, m);
	guest_fpu_leave(cpu, v);
	if (v->dr_live)
		dr_save(v);
	cpu->guest_until = 0;
	return exit;
}

const struct vm_ops svm_ops = {
	.name = "svm",
	.format = &ptab_npt,
	.present = svm_present,
	.cpu_init = svm_cpu_init,
	.vcpu_init = svm_vcpu_init,
	.load = svm_load,
	.run = svm_run,
	.store = svm_store,
};
