// SPDX-License-Identifier: Apache-2.0
/* Hooks of the vendor seam for AMD SVM. */
#include "kernel/inc/cpu.h"
#include "kernel/inc/lock.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/state_svm.h"
#include "kernel/inc/x86_64/svm.h"

enum {
	IOPM_BYTES = 3 * FRAME_SIZE,
	MSRPM_BYTES = 2 * FRAME_SIZE,
	MSRPM_C000 = 0x800, /* offset of MSRs c0000000 and up; 2 bits each */
	DR7_ENABLE = 0xff,
};

_Static_assert(sizeof(struct svm_cpu) <= sizeof(((struct cpu *)0)->vm), "svm_cpu");

/* Set bits exit: all ports, and all MSRs but those VMLOAD and VMSAVE switch. */
static uint8_t iopm[IOPM_BYTES] __attribute__((aligned(FRAME_SIZE)));
static uint8_t msrpm[MSRPM_BYTES] __attribute__((aligned(FRAME_SIZE)));
static uint32_t features;

static const uint32_t passed_msrs[] = {
	0x174,    0x175,     0x176, /* SYSENTER */
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
};

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
	for (unsigned i = 0; i < IOPM_BYTES; i++)
		iopm[i] = 0xff;
	for (unsigned i = 0; i < MSRPM_BYTES; i++)
		msrpm[i] = 0xff;
	for (unsigned i = 0; i < sizeof(passed_msrs) / sizeof(passed_msrs[0]); i++) {
		uint32_t n = passed_msrs[i] & 0x1fff;
		uint32_t base = passed_msrs[i] & 0xc0000000 ? MSRPM_C000 : 0;

		msrpm[base + n / 4] &= (uint8_t) ~(3 << (n % 4) * 2);
	}
}

static bool svm_cpu_init(struct cpu *cpu)
{
	struct svm_cpu *c = svm_cpu(cpu);
	void *save = frame_alloc(NULL), *host = frame_alloc(NULL);

	if (!save || !host)
		return false;
	maps_init();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, ptr_pa(save));
	c->host = ptr_pa(host);
	asid_pool_init(&c->asids, cpuid(SVM_CPUID_FEATURES, 0).b - 1);
	return true;
}

static void svm_vcpu_init(struct vcpu *v)
{
	v->state->caps = VCPU_CAP_SVM | VCPU_CAP_INSN_LEN |
			 (features & SVM_HAS_DECODE ? VCPU_CAP_INSN_BYTES : 0);
	svm_vmcb_init(v->control, image_pa(iopm), image_pa(msrpm), v->space->space.ptab.root);
}

static bool svm_load(struct vcpu *v)
{
	uint32_t dirty = v->stale ? VCPU_G_ALL : v->state->dirty & VCPU_G_ALL;
	uint64_t xcr0 = v->state->xcr0;

	v->state->dirty = 0;
	if (dirty & VCPU_G_XCR && fpu_mask) {
		if (!vcpu_xcr0_valid(xcr0, fpu_mask))
			return false;
		v->xcr0 = xcr0;
	}
	svm_state_load(v->control, v->dr, v->state, dirty);
	v->stale = false;
	return true;
}

static void svm_store(struct vcpu *v, uint32_t groups)
{
	svm_state_store(v->state, v->control, v->dr, groups);
	if (groups & VCPU_G_XCR)
		v->state->xcr0 = v->xcr0;
}

static void dr_load(struct vcpu *v)
{
	write_dr0(v->dr[0]);
	write_dr1(v->dr[1]);
	write_dr2(v->dr[2]);
	write_dr3(v->dr[3]);
	v->dr_live = true;
	svm_intercept_dr(v->control, false);
}

static void dr_save(struct vcpu *v)
{
	v->dr[0] = read_dr0();
	v->dr[1] = read_dr1();
	v->dr[2] = read_dr2();
	v->dr[3] = read_dr3();
	v->dr_live = false;
	svm_intercept_dr(v->control, true);
}

static void enter(struct cpu *cpu, struct vcpu *v, struct vmcb *m)
{
	struct svm_cpu *c = svm_cpu(cpu);
	bool flush = asid_take(&c->asids, &v->tag, cpu->id, v->space->space.tlb_gen);

	m->asid = v->tag.asid;
	m->tlb_control = flush ? SVM_TLB_FLUSH_ALL : SVM_TLB_KEEP;
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

/* QEMU has no intercept of XSETBV, so the guest may have changed it. */
static void fpu_leave(struct vcpu *v)
{
	uint64_t xcr0 = fpu_mask ? fpu_xcr0() : 0;

	fpu_save_guest(v->fpu, xcr0);
	if (xcr0 != v->xcr0 && vcpu_xcr0_valid(xcr0 & fpu_mask, fpu_mask))
		v->xcr0 = xcr0 & fpu_mask;
}

static uint32_t svm_run(struct vcpu *v)
{
	struct cpu *cpu = cpu_self();
	struct vmcb *m = v->control;
	uint32_t exit;

	if (m->dr7 & DR7_ENABLE)
		dr_load(v);
	fpu_flush(cpu);
	fpu_load_guest(v->fpu, v->xcr0);
	exit = stay(cpu, v, m);
	fpu_leave(v);
	fpu_switch(cpu, cpu->ec);
	if (v->dr_live)
		dr_save(v);
	return exit <= VM_EXIT_LAST ? exit : VM_EXIT_UNHANDLED;
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
