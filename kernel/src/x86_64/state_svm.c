// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/x86_64/state_svm.h"

enum {
	CR0_PE = 1 << 0,
	RFLAGS_FIXED = 1 << 1,
	RFLAGS_TF = 1 << 8,
	RFLAGS_IF = 1 << 9,
	RFLAGS_VM = 1 << 17,
	EFER_SVME = 1 << 12,
	PAUSE_LOOPS = 3000, /* of a spin loop whose rounds are no further apart than */
	PAUSE_CYCLES = 128,
	EVENT_MASK = VCPU_EVENT_VECTOR | VCPU_EVENT_TYPE | VCPU_EVENT_ERROR,
};

void svm_vmcb_init(struct vmcb *v, uint64_t iopm, uint64_t msrpm, uint64_t np_cr3)
{
	/* #DB and #AC can otherwise be delivered for ever without an interrupt in between */
	v->intercept_exception = 1 << SVM_EXC_DB | 1 << SVM_EXC_AC | 1 << SVM_EXC_MC;
	v->intercept1 = SVM_I1_INTR | SVM_I1_NMI | SVM_I1_INIT | SVM_I1_VINTR | SVM_I1_RDPMC |
			SVM_I1_CPUID | SVM_I1_INVD | SVM_I1_HLT | SVM_I1_INVLPGA | SVM_I1_IO |
			SVM_I1_MSR | SVM_I1_TASK | SVM_I1_SHUTDOWN;
	v->intercept2 = SVM_I2_VMRUN | SVM_I2_VMMCALL | SVM_I2_VMLOAD | SVM_I2_VMSAVE |
			SVM_I2_STGI | SVM_I2_CLGI | SVM_I2_SKINIT | SVM_I2_RDTSCP | SVM_I2_WBINVD |
			SVM_I2_MONITOR | SVM_I2_MWAIT | SVM_I2_MWAIT_ARMED | SVM_I2_XSETBV |
			SVM_I2_RDPRU;
	v->intercept3 = SVM_I3_INVLPGB | SVM_I3_INVLPGB_ILLEGAL | SVM_I3_MCOMMIT | SVM_I3_TLBSYNC;
	v->iopm = iopm;
	v->msrpm = msrpm;
	v->np_enable = SVM_NP_ENABLE;
	v->np_cr3 = np_cr3;
	v->vintr = SVM_V_INTR_MASKING;
	v->efer = EFER_SVME;
	v->pause_count = PAUSE_LOOPS;
	v->pause_threshold = PAUSE_CYCLES;
	svm_intercept_dr(v, true);
}

void svm_intercept_dr(struct vmcb *v, bool on)
{
	v->intercept_dr_read = v->intercept_dr_write = on ? 0xffff : 0;
}

/* PAUSE is skipped when it exits, which must not swallow the trap of a single step. */
void svm_intercept_pause(struct vmcb *v, bool on)
{
	v->intercept1 &= ~(uint32_t)SVM_I1_PAUSE;
	if (on && !(v->rflags & RFLAGS_TF))
		v->intercept1 |= SVM_I1_PAUSE;
}

static void load_seg(struct vmcb_seg *to, const struct vcpu_seg *from)
{
	to->sel = from->sel;
	to->attr = from->attr & VCPU_ATTR_ALL;
	to->limit = from->limit;
	to->base = from->base;
}

static void store_seg(struct vcpu_seg *to, const struct vmcb_seg *from)
{
	to->sel = from->sel;
	to->attr = from->attr;
	to->limit = from->limit;
	to->base = from->base;
}

static void load_cr(struct vmcb *v, const struct vcpu_state *s)
{
	v->cr0 = s->cr0;
	v->cr2 = s->cr2;
	v->cr3 = s->cr3;
	v->cr4 = s->cr4;
	v->vintr = (v->vintr & ~(uint64_t)SVM_V_TPR) | (s->cr8 & 0xf);
}

static void load_segs(struct vmcb *v, const struct vcpu_state *s)
{
	for (unsigned i = 0; i < 6; i++)
		load_seg(&v->seg[i], &s->seg[i]);
}

static void load_tables(struct vmcb *v, const struct vcpu_state *s)
{
	load_seg(&v->ldtr, &s->seg[VCPU_LDTR]);
	load_seg(&v->tr, &s->seg[VCPU_TR]);
	load_seg(&v->gdtr, &s->gdtr);
	load_seg(&v->idtr, &s->idtr);
}

static void load_dr(struct vmcb *v, uint64_t dr[4], const struct vcpu_state *s)
{
	for (unsigned i = 0; i < 4; i++)
		dr[i] = s->dr[i];
	v->dr6 = s->dr6;
	v->dr7 = s->dr7;
}

static void load_syscall(struct vmcb *v, const struct vcpu_state *s)
{
	v->star = s->star;
	v->lstar = s->lstar;
	v->cstar = s->cstar;
	v->sfmask = s->sfmask;
	v->kernel_gs_base = s->kernel_gs_base;
}

static void load_sysenter(struct vmcb *v, const struct vcpu_state *s)
{
	v->sysenter_cs = s->sysenter_cs;
	v->sysenter_esp = s->sysenter_esp;
	v->sysenter_eip = s->sysenter_eip;
}

static uint8_t cpl(const struct vmcb *v)
{
	if (!(v->cr0 & CR0_PE))
		return 0;
	if (v->rflags & RFLAGS_VM)
		return 3;
	return (v->seg[VCPU_SS].attr & VCPU_ATTR_DPL) >> VCPU_ATTR_DPL_SHIFT;
}

static void load_groups(struct vmcb *v, uint64_t dr[4], const struct vcpu_state *s, uint32_t dirty)
{
	if (dirty & VCPU_G_CR)
		load_cr(v, s);
	if (dirty & VCPU_G_SEG)
		load_segs(v, s);
	if (dirty & VCPU_G_TABLE)
		load_tables(v, s);
	if (dirty & VCPU_G_DR)
		load_dr(v, dr, s);
	if (dirty & VCPU_G_SYSCALL)
		load_syscall(v, s);
	if (dirty & VCPU_G_SYSENTER)
		load_sysenter(v, s);
	if (dirty & VCPU_G_EFER) {
		v->efer = s->efer | EFER_SVME;
		v->pat = s->pat;
	}
	if (dirty & VCPU_G_TSC)
		v->tsc_offset = s->tsc_offset;
	if (dirty & (VCPU_G_CR | VCPU_G_SEG))
		v->cpl = cpl(v);
}

/* The processor does not hold further NMIs back by itself: iret exits as long as the guest is in the handler of one. */
static void set_in_nmi(struct vmcb *v, bool in)
{
	v->intercept1 = in ? v->intercept1 | SVM_I1_IRET : v->intercept1 & ~(uint32_t)SVM_I1_IRET;
}

static bool interruptible(const struct vmcb *v)
{
	return v->rflags & RFLAGS_IF && !v->shadow;
}

/* 15.21.4: the guest takes it as its first act, and V_IRQ goes then. QEMU would remember an interrupt of EVENTINJ beyond its delivery
   and may deliver it once more, into the handler that runs with interrupts off. */
static void virtual_interrupt(struct vmcb *v, uint32_t vector)
{
	v->intercept1 &= ~(uint32_t)SVM_I1_VINTR;
	v->vintr |= SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_PRIO | (uint64_t)vector << SVM_V_VECTOR_SHIFT;
}

static void load_event(struct vmcb *v, struct vcpu_state *s)
{
	uint32_t info = s->event.info, type = info & VCPU_EVENT_TYPE;

	v->event = 0;
	if (!(info & VCPU_EVENT_VALID))
		return;
	s->event.info = 0;
	if (type == VCPU_EVENT_INTR && interruptible(v))
		return virtual_interrupt(v, info & VCPU_EVENT_VECTOR);
	if (type == VCPU_EVENT_NMI)
		set_in_nmi(v, true);
	v->event = (uint64_t)s->event.error << 32 | (info & (EVENT_MASK | VCPU_EVENT_VALID));
}

/* An exit as soon as the guest can take an interrupt; behind one that it is to take now, at the first entry after. */
static void load_window(struct vmcb *v, uint32_t window)
{
	if (window && !(v->vintr & SVM_V_IRQ))
		v->vintr |= SVM_V_IRQ | SVM_V_IGN_TPR | SVM_V_PRIO;
}

void svm_state_load(struct vmcb *v, uint64_t dr[4], struct vcpu_state *s, uint32_t dirty)
{
	v->rax = s->gpr[VCPU_RAX];
	v->rsp = s->gpr[VCPU_RSP];
	v->rip = s->rip;
	v->rflags = s->rflags | RFLAGS_FIXED;
	if (dirty & VCPU_G_ALL)
		load_groups(v, dr, s, dirty);
	set_in_nmi(v, s->shadow & VCPU_SHADOW_NMI);
	v->intercept1 |= SVM_I1_VINTR;
	v->shadow = s->shadow & VCPU_SHADOW_STI ? SVM_SHADOW : 0;
	/* QEMU clears the mask bit with a refused entry, and then host interrupts would wait for the guest's IF */
	v->vintr = (v->vintr & SVM_V_TPR) | SVM_V_INTR_MASKING;
	load_event(v, s);
	load_window(v, s->window);
}

static void store_cr(struct vcpu_state *s, const struct vmcb *v)
{
	s->cr0 = v->cr0;
	s->cr2 = v->cr2;
	s->cr3 = v->cr3;
	s->cr4 = v->cr4;
	s->cr8 = v->vintr & 0xf;
}

static void store_segs(struct vcpu_state *s, const struct vmcb *v)
{
	for (unsigned i = 0; i < 6; i++)
		store_seg(&s->seg[i], &v->seg[i]);
	s->seg[VCPU_SS].attr =
		(uint16_t)((s->seg[VCPU_SS].attr & ~VCPU_ATTR_DPL) | v->cpl << VCPU_ATTR_DPL_SHIFT);
}

static void store_tables(struct vcpu_state *s, const struct vmcb *v)
{
	store_seg(&s->seg[VCPU_LDTR], &v->ldtr);
	store_seg(&s->seg[VCPU_TR], &v->tr);
	store_seg(&s->gdtr, &v->gdtr);
	store_seg(&s->idtr, &v->idtr);
}

static void store_dr(struct vcpu_state *s, const struct vmcb *v, const uint64_t dr[4])
{
	for (unsigned i = 0; i < 4; i++)
		s->dr[i] = dr[i];
	s->dr6 = v->dr6;
	s->dr7 = v->dr7;
}

static void store_syscall(struct vcpu_state *s, const struct vmcb *v)
{
	s->star = v->star;
	s->lstar = v->lstar;
	s->cstar = v->cstar;
	s->sfmask = v->sfmask;
	s->kernel_gs_base = v->kernel_gs_base;
}

static void store_sysenter(struct vcpu_state *s, const struct vmcb *v)
{
	s->sysenter_cs = v->sysenter_cs;
	s->sysenter_esp = v->sysenter_esp;
	s->sysenter_eip = v->sysenter_eip;
}

static void store_groups(struct vcpu_state *s, const struct vmcb *v, const uint64_t dr[4],
			 uint32_t groups)
{
	if (groups & VCPU_G_CR)
		store_cr(s, v);
	if (groups & VCPU_G_SEG)
		store_segs(s, v);
	if (groups & VCPU_G_TABLE)
		store_tables(s, v);
	if (groups & VCPU_G_DR)
		store_dr(s, v, dr);
	if (groups & VCPU_G_SYSCALL)
		store_syscall(s, v);
	if (groups & VCPU_G_SYSENTER)
		store_sysenter(s, v);
	if (groups & VCPU_G_EFER) {
		s->efer = v->efer & ~(uint64_t)EFER_SVME;
		s->pat = v->pat;
	}
	if (groups & VCPU_G_TSC)
		s->tsc_offset = v->tsc_offset;
}

void svm_state_store(struct vcpu_state *s, const struct vmcb *v, const uint64_t dr[4],
		     uint32_t groups)
{
	s->gpr[VCPU_RAX] = v->rax;
	s->gpr[VCPU_RSP] = v->rsp;
	s->rip = v->rip;
	s->rflags = v->rflags;
	s->shadow = (v->shadow & SVM_SHADOW ? VCPU_SHADOW_STI : 0u) |
		    (v->intercept1 & SVM_I1_IRET ? VCPU_SHADOW_NMI : 0u);
	if (groups)
		store_groups(s, v, dr, groups);
}
