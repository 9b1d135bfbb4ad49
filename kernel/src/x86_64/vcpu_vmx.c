// SPDX-License-Identifier: Apache-2.0
/* Hooks of the vendor seam for Intel VT-x. */
#include "kernel/inc/console.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/lock.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/vcpu.h"
#include "kernel/inc/vm.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "kernel/inc/x86_64/guest.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/vmcs.h"
#include "kernel/inc/x86_64/vmx.h"
#include "kernel/inc/x86_64/vmx_insn.h"
#include "kernel/inc/x86_64/vmx_ops.h"

enum {
	MSR_WRITES =
		2 *
		1024, /* offset in the bitmap; each half: 1 KiB for 0 and up, then for c0000000 and up */
	MSR_HIGH = 1024,
	REFUSALS_TOLD = 16, /* per vCPU: a VMM must not drown the log */
	VTPR = 0x80, /* offset in the virtual-APIC page, which has the guest's FPU state behind it */
	CPUID_7_MD_CLEAR = 1 << 10,
	CPUID_7_FLUSH_L1D = 1 << 28,
};

_Static_assert(sizeof(struct vmx_cpu) <= sizeof(((struct cpu *)0)->vm), "vmx_cpu");
_Static_assert(sizeof(struct vmx_vcpu) <= sizeof(((struct vcpu *)0)->vm), "vmx_vcpu");
_Static_assert(VTPR + 4 <= VCPU_FPU_OFFSET, "virtual-APIC page");

static const uint32_t syscall_msrs[VMX_MSRS] = { MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK,
						 MSR_KERNEL_GS_BASE };

static uint8_t msr_bitmap[FRAME_SIZE] __attribute__((aligned(FRAME_SIZE)));
static struct vmx_controls controls;
static uint32_t revision, timer_shift;
static bool flush_l1d;
static uint64_t host_msrs[VMX_MSRS]; /* the same on all CPUs */
bool vmx_clear_buffers;

static struct vmx_cpu *vmx_cpu(struct cpu *cpu)
{
	return (struct vmx_cpu *)cpu->vm;
}

static struct vmx_vcpu *vmx_vcpu(struct vcpu *v)
{
	return (struct vmx_vcpu *)v->vm;
}

_Noreturn void vmx_field_missing(uint64_t field)
{
	panic("vmx: no VMCS field %lx", field);
}

static bool locked_out(uint64_t control)
{
	return control & FEATURE_LOCKED && !(control & FEATURE_VMXON);
}

static const char *choose(void)
{
	struct vmx_offer o = { .basic = rdmsr(MSR_VMX_BASIC) };

	if (!(o.basic & VMX_BASIC_TRUE))
		return "true controls";
	o.pin = rdmsr(MSR_VMX_TRUE_PIN);
	o.proc = rdmsr(MSR_VMX_TRUE_PROC);
	o.exit = rdmsr(MSR_VMX_TRUE_EXIT);
	o.entry = rdmsr(MSR_VMX_TRUE_ENTRY);
	if (!(o.proc >> 32 & PROC_SECONDARY))
		return "secondary controls";
	o.proc2 = rdmsr(MSR_VMX_PROC2);
	if (!(o.proc2 >> 32 & PROC2_EPT))
		return "EPT";
	o.ept_vpid = rdmsr(MSR_VMX_EPT_VPID);
	o.cr4_fixed1 = rdmsr(MSR_VMX_CR4_FIXED1);
	revision = (uint32_t)(o.basic & VMX_BASIC_REVISION);
	timer_shift = rdmsr(MSR_VMX_MISC) & MISC_TIMER_SHIFT;
	ept_leaf_level = o.ept_vpid & EPT_CAP_1G ? 2 : 1;
	return vmx_controls_choose(&controls, &o, read_cr4());
}

static bool vmx_present(void)
{
	const char *lacks;

	if (!(cpuid(1, 0).c & 1u << 5))
		return false;
	if (locked_out(rdmsr(MSR_FEATURE_CONTROL))) {
		kprintf("vmx: the firmware has locked VT-x off; turn it on in the firmware's "
			"set-up\n");
		return false;
	}
	lacks = choose();
	if (lacks)
		kprintf("vmx: this processor lacks %s\n", lacks);
	return !lacks;
}

static void allow_msr(uint32_t msr)
{
	uint32_t n = msr & 0x1fff, at = (msr & 0xc0000000 ? MSR_HIGH : 0) + n / 8;

	msr_bitmap[at] &= (uint8_t) ~(1 << n % 8);
	msr_bitmap[at + MSR_WRITES] &= (uint8_t) ~(1 << n % 8);
}

/* What guests could otherwise read out of the first-level cache (L1TF) or of buffers (MDS). */
static void choose_mitigations(void)
{
	uint32_t offer = cpuid(7, 0).d;
	uint64_t safe = offer & 1u << 29 ? rdmsr(MSR_ARCH_CAPABILITIES) : 0;

	flush_l1d =
		offer & CPUID_7_FLUSH_L1D && !(safe & (ARCH_CAP_RDCL_NO | ARCH_CAP_SKIP_L1D_FLUSH));
	vmx_clear_buffers = offer & CPUID_7_MD_CLEAR && !(safe & ARCH_CAP_MDS_NO);
	kprintf("vmx: at entry: L1D %s, buffers %s; EPT pages up to %s\n",
		flush_l1d ? "flushed" : "left", vmx_clear_buffers ? "cleared" : "left",
		ept_leaf_level == 2 ? "1 GiB" : "2 MiB");
}

/* On the boot CPU, which is first. */
static void init_once(void)
{
	guest_ports_init();
	for (unsigned int i = 0; i < FRAME_SIZE; i++)
		msr_bitmap[i] = 0xff;
	for (unsigned int i = 0; i < GUEST_MSRS; i++)
		allow_msr(guest_msrs[i]);
	for (unsigned int i = 0; i < VMX_MSRS; i++)
		host_msrs[i] = rdmsr(syscall_msrs[i]);
	choose_mitigations();
}

static bool fixed_bits_wrong(void)
{
	uint64_t cr0 = read_cr0(), cr4 = read_cr4();

	return rdmsr(MSR_VMX_CR0_FIXED0) & ~cr0 || cr0 & ~rdmsr(MSR_VMX_CR0_FIXED1) ||
	       rdmsr(MSR_VMX_CR4_FIXED0) & ~cr4 || cr4 & ~rdmsr(MSR_VMX_CR4_FIXED1);
}

static const char *vmx_cpu_init(struct cpu *cpu)
{
	struct vmx_cpu *c = vmx_cpu(cpu);
	uint32_t *region = frame_alloc(NULL);
	uint64_t control = rdmsr(MSR_FEATURE_CONTROL);

	if (!region)
		return "no memory";
	if (locked_out(control))
		return "the firmware has locked VT-x off on this CPU only";
	if (!(control & FEATURE_LOCKED))
		wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_LOCKED | FEATURE_VMXON);
	write_cr4(read_cr4() | CR4_VMXE);
	if (fixed_bits_wrong())
		return "CR0 or CR4 is not as VMXON needs it";
	*region = revision;
	if (!vmxon(ptr_pa(region)))
		return "VMXON fails";
	asid_pool_init(&c->vpids, VPIDS);
	if (cpu->id == 0)
		init_once();
	return NULL;
}

/* What the VMCS says of the host is true of this CPU. */
static void write_host(struct cpu *cpu)
{
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_ES, 0);
	vmwrite(VMCS_HOST_CS, SEG_KCODE);
	vmwrite(VMCS_HOST_SS, SEG_KDATA);
	vmwrite(VMCS_HOST_DS, 0);
	vmwrite(VMCS_HOST_FS, 0);
	vmwrite(VMCS_HOST_GS, 0);
	vmwrite(VMCS_HOST_TR, SEG_TSS);
	vmwrite(VMCS_HOST_GS_BASE, (uint64_t)cpu);
	vmwrite(VMCS_HOST_TR_BASE, (uint64_t)cpu->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, (uint64_t)cpu->gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, idt_base());
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_RIP, (uint64_t)vmx_exit_point);
}

/* Makes v's VMCS current. What another CPU had of it has been cleared. */
static void hold(struct cpu *cpu, struct vcpu *v)
{
	struct vmx_cpu *c = vmx_cpu(cpu);

	if (c->current == v)
		return;
	vmptrld(ptr_pa(v->control));
	c->current = v;
	if (v->held)
		return;
	v->held = true;
	v->cpu = cpu->id;
	vmx_vcpu(v)->launched = false;
	write_host(cpu);
}

static void vmx_release(struct vcpu *v)
{
	struct vmx_cpu *c = vmx_cpu(cpu_self());

	vmclear(ptr_pa(v->control));
	if (c->current == v)
		c->current = NULL;
	v->held = false;
}

/* The thread that runs v may be another one each time. */
static void write_thread(struct vmx_vcpu *x, const struct ec *self)
{
	uint64_t cr3 = read_cr3();

	if (x->host_cr3 != cr3)
		vmwrite(VMCS_HOST_CR3, cr3);
	if (x->host_fs != self->utcb_va)
		vmwrite(VMCS_HOST_FS_BASE, self->utcb_va);
	x->host_cr3 = cr3;
	x->host_fs = self->utcb_va;
}

static void vmx_vcpu_init(struct vcpu *v)
{
	struct vmx_vcpu *x = vmx_vcpu(v);

	v->state->caps = VCPU_CAP_VTX | VCPU_CAP_INSN_LEN;
	*(uint32_t *)v->control = revision;
	vmclear(ptr_pa(v->control));
	x->guest.tpr = (volatile uint32_t *)((char *)v->fpu + VTPR);
	x->eptp = v->space->space.ptab.root | EPTP_WRITE_BACK | EPTP_WALK_4 | EPTP_AD;
	hold(cpu_self(), v);
	vmx_vmcs_init(&x->guest, &controls);
	vmwrite(VMCS_EPTP, x->eptp);
	vmwrite(VMCS_VPID, 0);
	vmwrite(VMCS_MSR_BITMAP, image_pa(msr_bitmap));
	vmwrite(VMCS_IO_BITMAP_A, image_pa(guest_ports));
	vmwrite(VMCS_IO_BITMAP_B, image_pa(guest_ports + FRAME_SIZE));
	vmwrite(VMCS_VIRTUAL_APIC, ptr_pa(v->fpu));
	x->host_cr3 = x->host_fs = UINT64_MAX;
}

static void tell_refusal(struct vcpu *v, const char *why)
{
	struct vmx_vcpu *x = vmx_vcpu(v);

	if (x->refusals++ < REFUSALS_TOLD)
		kprintf("vmx: the state of a vCPU of %s is refused: %s\n", v->obj.acct->name, why);
}

static bool vmx_load(struct vcpu *v, uint32_t dirty)
{
	struct cpu *cpu = cpu_self();
	struct vmx_vcpu *x = vmx_vcpu(v);
	const char *wrong;

	hold(cpu, v);
	write_thread(x, cpu->ec);
	wrong = vmx_state_load(&x->guest, &controls, v->dr, v->state, dirty);
	if (wrong)
		tell_refusal(v, wrong);
	return !wrong;
}

static void vmx_store(struct vcpu *v, uint32_t groups)
{
	vmx_state_store(v->state, &vmx_vcpu(v)->guest, v->dr, groups);
}

static void dr_load(struct vcpu *v)
{
	guest_dr_load(v);
	vmx_intercept_dr(&vmx_vcpu(v)->guest, false);
}

static void dr_save(struct vcpu *v)
{
	struct vmx_guest *g = &vmx_vcpu(v)->guest;

	guest_dr_save(v);
	g->dr7 = vmread(VMCS_GUEST_DR7);
	vmx_intercept_dr(g, true);
}

/* Into the registers what the guest left in them, and back; the kernel needs its own only for threads and system calls. */
static void msrs_load(const struct vmx_guest *g)
{
	for (unsigned int i = 0; i < VMX_MSRS; i++)
		if (g->msr[i] != host_msrs[i])
			wrmsr(syscall_msrs[i], g->msr[i]);
}

static void msrs_save(struct vmx_guest *g)
{
	for (unsigned int i = 0; i < VMX_MSRS; i++) {
		g->msr[i] = rdmsr(syscall_msrs[i]);
		if (g->msr[i] != host_msrs[i])
			wrmsr(syscall_msrs[i], host_msrs[i]);
	}
}

/* Translations of the space's tables do not know the VPID, so a space that changed, or is new here, needs INVEPT as well. */
static void take_vpid(struct cpu *cpu, struct vcpu *v)
{
	struct vmx_vcpu *x = vmx_vcpu(v);
	uint32_t flush = asid_take(&vmx_cpu(cpu)->vpids, &v->tag, cpu->id, v->space->space.tlb_gen);

	if (flush & ASID_FLUSH_ALL)
		invvpid(INVVPID_ALL);
	if (flush & ASID_FLUSH_SPACE)
		invept(INVEPT_SINGLE, x->eptp);
	if (x->vpid != v->tag.asid)
		vmwrite(VMCS_VPID, v->tag.asid);
	x->vpid = v->tag.asid;
}

/* Ends the stay soon after the deadline, or when this CPU's own timer is due: Bochs takes no host interrupt in a guest that was entered
   with IF clear. Rounded up, and early if it is too far away for the timer. */
static void set_timer(const struct cpu *cpu, uint64_t deadline)
{
	uint64_t now = rdtsc(), end = deadline ? deadline : UINT64_MAX, ticks;

	if (cpu->timer_at && cpu->timer_at < end)
		end = cpu->timer_at;
	ticks = end > now ? ((end - now) >> timer_shift) + 1 : 0;
	vmwrite(VMCS_TIMER, ticks < UINT32_MAX ? ticks : UINT32_MAX);
}

/* True: the guest has not run. */
static bool enter(struct cpu *cpu, struct vcpu *v, uint64_t deadline)
{
	struct vmx_vcpu *x = vmx_vcpu(v);
	bool failed;

	take_vpid(cpu, v);
	set_timer(cpu, deadline);
	if (v->dr_live)
		write_dr6(x->guest.dr6);
	if (flush_l1d)
		wrmsr(MSR_FLUSH_CMD, 1);
	unlock_kernel();
	if (read_cr2() != x->guest.cr2)
		write_cr2(x->guest.cr2);
	failed = vmx_enter(v->state->gpr, x->launched, &x->host_rsp);
	x->guest.cr2 = read_cr2();
	lock_kernel();
	if (v->dr_live)
		x->guest.dr6 = read_dr6();
	if (!x->launched && !failed)
		x->launched = !(vmread(VMCS_EXIT_REASON) & REASON_ENTRY_FAILED);
	return failed;
}

static uint32_t refused(struct vcpu *v, bool failed)
{
	tell_refusal(v, vmx_refusal(failed));
	if (failed) {
		v->state->raw[0] = 0;
		v->state->raw[1] = vmread(VMCS_INSN_ERROR);
		v->state->insn_len = 0;
	}
	return VM_EXIT_INVALID;
}

/* Until an exit for the VMM, the deadline, or a host event. */
static uint32_t stay(struct cpu *cpu, struct vcpu *v, uint64_t deadline)
{
	struct vmx_guest *g = &vmx_vcpu(v)->guest;

	for (;;) {
		if (enter(cpu, v, deadline))
			return refused(v, true);
		switch (vmx_exit_decode(g, &controls, v->state)) {
		case VMX_TO_VMM:
			return v->state->exit == VM_EXIT_INVALID ? refused(v, false)
								 : v->state->exit;
		case VMX_YIELD:
			sched_yield();
			return VM_EXIT_NONE;
		case VMX_HOST_EVENT:
			return VM_EXIT_NONE;
		case VMX_TIMER:
			return deadline && rdtsc() >= deadline ? (uint32_t)VM_EXIT_TIMEOUT
							       : (uint32_t)VM_EXIT_NONE;
		case VMX_NMI:
			__asm__ volatile("int $2");
			return VM_EXIT_NONE;
		case VMX_MACHINE_CHECK:
			__asm__ volatile("int $18");
			return VM_EXIT_NONE;
		case VMX_LOAD_DR:
			dr_load(v);
			break;
		case VMX_RESUME:
			break;
		}
	}
}

static uint32_t vmx_run(struct vcpu *v, uint64_t deadline)
{
	struct cpu *cpu = cpu_self();
	struct vmx_guest *g = &vmx_vcpu(v)->guest;
	uint32_t exit;

	if (g->dr7 & DR7_ENABLE)
		dr_load(v);
	guest_fpu_enter(cpu, v);
	msrs_load(g);
	exit = stay(cpu, v, deadline);
	msrs_save(g);
	guest_fpu_leave(cpu, v);
	if (v->dr_live)
		dr_save(v);
	desc_after_exit(cpu);
	return exit;
}

const struct vm_ops vmx_ops = {
	.name = "vmx",
	.format = &ptab_ept,
	.present = vmx_present,
	.cpu_init = vmx_cpu_init,
	.vcpu_init = vmx_vcpu_init,
	.load = vmx_load,
	.run = vmx_run,
	.store = vmx_store,
	.release = vmx_release,
};
