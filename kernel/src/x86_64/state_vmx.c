// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/x86_64/state_vmx.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/vmcs.h"
#include "kernel/inc/x86_64/vmx_insn.h"

enum {
	EVENT_MASK = VCPU_EVENT_VECTOR | VCPU_EVENT_TYPE | VCPU_EVENT_ERROR,
	PENDING_BS = 1 << 14,
	PAUSE_GAP = 128,     /* TSC ticks between rounds of a spin loop at most */
	PAUSE_WINDOW = 4096, /* for so long it may spin */
	VTPR_SHIFT = 4,
	GUEST_SEGS = 6, /* es cs ss ds fs gs */
	ATTR_ACCESSED = 1 << 0,
	ATTR_BUSY = 1 << 1,
	DR7_FIXED = 0x400,
};

/* Bits of CR0 a guest only believes it sets: NE is fixed, CD and NW would slow down the host too. */
#define CR0_SHADOWED ((uint64_t)(CR0_NE | CR0_NW) | CR0_CD)

void vmx_vmcs_init(struct vmx_guest *g, const struct vmx_controls *c)
{
	g->proc = c->proc | PROC_MOV_DR;
	vmwrite(VMCS_PIN, c->pin);
	vmwrite(VMCS_PROC, g->proc);
	vmwrite(VMCS_PROC2, c->proc2);
	vmwrite(VMCS_EXIT, c->exit);
	vmwrite(VMCS_ENTRY, c->entry);
	if (c->proc2 & PROC2_PAUSE_LOOP) {
		vmwrite(VMCS_PLE_GAP, PAUSE_GAP);
		vmwrite(VMCS_PLE_WINDOW, PAUSE_WINDOW);
	}
	if (c->proc2 & PROC2_ENCLS)
		vmwrite(VMCS_ENCLS_BITMAP, UINT64_MAX);
	/* #DB and #AC can otherwise be delivered for ever without an interrupt in between */
	vmwrite(VMCS_EXCEPTIONS, 1 << VECTOR_DB | 1 << VECTOR_AC | 1 << VECTOR_MC);
	vmwrite(VMCS_PF_MASK, 0);
	vmwrite(VMCS_PF_MATCH, 0);
	vmwrite(VMCS_CR3_TARGETS, 0);
	vmwrite(VMCS_EXIT_MSR_STORES, 0);
	vmwrite(VMCS_EXIT_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmwrite(VMCS_TPR_THRESHOLD, 0);
	vmwrite(VMCS_CR0_MASK, CR0_SHADOWED);
	vmwrite(VMCS_CR4_MASK, ~c->cr4_guest | CR4_MCE);
	vmwrite(VMCS_LINK, UINT64_MAX);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, 0);
	vmwrite(VMCS_GUEST_BLOCKING, 0);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
}

static void set_proc(struct vmx_guest *g, uint32_t bits, bool on)
{
	uint32_t proc = on ? g->proc | bits : g->proc & ~bits;

	if (proc != g->proc)
		vmwrite(VMCS_PROC, proc);
	g->proc = proc;
}

void vmx_intercept_dr(struct vmx_guest *g, bool on)
{
	set_proc(g, PROC_MOV_DR, on);
}

/* A loaded segment has its accessed bit, a loaded task its busy bit: SVM does not ask for them, VT-x does. */
static uint32_t access_of(uint16_t attr, unsigned int i)
{
	uint32_t a = attr & VCPU_ATTR_ALL;

	if (!(a & VCPU_ATTR_P))
		return ACCESS_UNUSABLE;
	if (a & VCPU_ATTR_S)
		a |= ATTR_ACCESSED;
	if (i == VCPU_TR)
		a |= ATTR_BUSY;
	return (a & 0xff) | (a & 0xf00) << ACCESS_HIGH_SHIFT;
}

static uint16_t attr_of(uint64_t access)
{
	uint64_t a = (access & 0xff) | (access >> ACCESS_HIGH_SHIFT & 0xf00);

	return (uint16_t)(access & ACCESS_UNUSABLE ? a & ~(uint64_t)VCPU_ATTR_P : a);
}

static void load_seg(unsigned int i, const struct vcpu_seg *from)
{
	vmwrite(VMCS_GUEST_SEL + 2 * i, from->sel);
	vmwrite(VMCS_GUEST_LIMIT + 2 * i, from->limit);
	vmwrite(VMCS_GUEST_ACCESS + 2 * i, access_of(from->attr, i));
	vmwrite(VMCS_GUEST_BASE + 2 * i, from->base);
}

static void store_seg(struct vcpu_seg *to, unsigned int i)
{
	to->sel = (uint16_t)vmread(VMCS_GUEST_SEL + 2 * i);
	to->limit = (uint32_t)vmread(VMCS_GUEST_LIMIT + 2 * i);
	to->attr = attr_of(vmread(VMCS_GUEST_ACCESS + 2 * i));
	to->base = vmread(VMCS_GUEST_BASE + 2 * i);
}

/* Is the page-directory-pointer table in the processor? */
static bool pae_paging(void)
{
	return vmread(VMCS_GUEST_CR0) & CR0_PG && vmread(VMCS_GUEST_CR4) & CR4_PAE &&
	       !(vmread(VMCS_ENTRY) & ENTRY_LONG_MODE);
}

static const char *load_cr(struct vmx_guest *g, const struct vmx_controls *c,
			   const struct vcpu_state *s)
{
	uint64_t cr0 = s->cr0, cr4 = s->cr4;

	if (cr0 & CR0_NW && !(cr0 & CR0_CD))
		return "CR0: NW without CD";
	if (cr4 & ~c->cr4_guest)
		return "CR4: a bit that no guest is offered";
	vmwrite(VMCS_GUEST_CR0, (cr0 & ~CR0_SHADOWED) | CR0_NE);
	vmwrite(VMCS_CR0_SHADOW, cr0);
	vmwrite(VMCS_GUEST_CR4, (cr4 & ~(uint64_t)CR4_MCE) | c->cr4_host);
	vmwrite(VMCS_CR4_SHADOW, cr4);
	vmwrite(VMCS_GUEST_CR3, s->cr3);
	g->cr2 = s->cr2;
	*g->tpr = (uint32_t)(s->cr8 & 0xf) << VTPR_SHIFT;
	return NULL;
}

static void load_dr(struct vmx_guest *g, uint64_t dr[4], const struct vcpu_state *s)
{
	for (unsigned int i = 0; i < 4; i++)
		dr[i] = s->dr[i];
	g->dr6 = s->dr6 & 0xffffffff;
	g->dr7 = s->dr7;
	vmwrite(VMCS_GUEST_DR7, g->dr7 | DR7_FIXED);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
}

static void load_tables(const struct vcpu_state *s)
{
	load_seg(VCPU_LDTR, &s->seg[VCPU_LDTR]);
	load_seg(VCPU_TR, &s->seg[VCPU_TR]);
	vmwrite(VMCS_GUEST_GDTR_BASE, s->gdtr.base);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, s->gdtr.limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, s->idtr.base);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, s->idtr.limit);
}

static bool canonical(uint64_t a)
{
	return (uint64_t)((int64_t)(a << 16) >> 16) == a;
}

/* The kernel itself writes these to the MSRs: what raises an exception there must not get that far. */
static const char *load_syscall(struct vmx_guest *g, const struct vcpu_state *s)
{
	const uint64_t msr[VMX_MSRS] = { s->star, s->lstar, s->cstar, s->sfmask & 0xffffffff,
					 s->kernel_gs_base };

	if (!canonical(msr[1]) || !canonical(msr[2]) || !canonical(msr[4]))
		return "LSTAR, CSTAR or kernel GS base: not canonical";
	for (unsigned int i = 0; i < VMX_MSRS; i++)
		g->msr[i] = msr[i];
	return NULL;
}

static void load_efer(const struct vmx_controls *c, const struct vcpu_state *s)
{
	uint64_t efer = s->efer;

	vmwrite(VMCS_GUEST_EFER, efer);
	vmwrite(VMCS_ENTRY, c->entry | (efer & EFER_LMA ? ENTRY_LONG_MODE : 0));
	vmwrite(VMCS_GUEST_PAT, s->pat);
}

static const char *load_groups(struct vmx_guest *g, const struct vmx_controls *c, uint64_t dr[4],
			       const struct vcpu_state *s, uint32_t dirty)
{
	const char *wrong = dirty & VCPU_G_CR ? load_cr(g, c, s) : NULL;

	if (dirty & VCPU_G_SEG)
		for (unsigned int i = 0; i < GUEST_SEGS; i++)
			load_seg(i, &s->seg[i]);
	if (dirty & VCPU_G_TABLE)
		load_tables(s);
	if (dirty & VCPU_G_DR)
		load_dr(g, dr, s);
	if (dirty & VCPU_G_SYSCALL && !wrong)
		wrong = load_syscall(g, s);
	if (dirty & VCPU_G_SYSENTER) {
		vmwrite(VMCS_GUEST_SYSENTER_CS, s->sysenter_cs & 0xffffffff);
		vmwrite(VMCS_GUEST_SYSENTER_ESP, s->sysenter_esp);
		vmwrite(VMCS_GUEST_SYSENTER_EIP, s->sysenter_eip);
	}
	if (dirty & VCPU_G_EFER)
		load_efer(c, s);
	if (dirty & VCPU_G_TSC)
		vmwrite(VMCS_TSC_OFFSET, s->tsc_offset);
	if (dirty & VCPU_G_CR && pae_paging())
		for (unsigned int i = 0; i < 4; i++)
			vmwrite(VMCS_GUEST_PDPTE + 2 * i, s->pdpte[i]);
	return wrong;
}

/* Which of the two instructions the shadow is from only the processor tells; sti with IF off cannot be. */
static uint32_t insn_shadow(const struct vmx_guest *g, uint64_t rflags)
{
	if (!(rflags & RFLAGS_IF))
		return BLOCKING_MOV_SS;
	return g->blocking & BLOCKING_INSN ? g->blocking & BLOCKING_INSN : BLOCKING_STI;
}

static void load_shadow(struct vmx_guest *g, uint32_t shadow, uint64_t rflags)
{
	uint32_t blocking = (shadow & VCPU_SHADOW_STI ? insn_shadow(g, rflags) : 0) |
			    (shadow & VCPU_SHADOW_NMI ? BLOCKING_NMI : 0);

	if (blocking != g->blocking)
		vmwrite(VMCS_GUEST_BLOCKING, blocking);
	g->blocking = blocking;
	if (blocking & BLOCKING_INSN) {
		/* a single step waits in a shadow exactly if TF is set; SDM 27.3.1.5 */
		uint64_t pending = vmread(VMCS_GUEST_PENDING_DEBUG) & ~(uint64_t)PENDING_BS;

		vmwrite(VMCS_GUEST_PENDING_DEBUG,
			pending | (rflags & RFLAGS_TF ? (uint64_t)PENDING_BS : 0));
	}
}

/* In real mode no exception pushes an error code; SVM drops it by itself. */
static uint32_t without_error(uint32_t info)
{
	return info & VCPU_EVENT_ERROR && !(vmread(VMCS_GUEST_CR0) & CR0_PE)
		       ? info & ~(uint32_t)VCPU_EVENT_ERROR
		       : info;
}

static void load_event(struct vmx_guest *g, struct vcpu_state *s)
{
	uint32_t info = s->event.info, old = g->event;

	s->event.info = 0;
	info = info & VCPU_EVENT_VALID ? info & (EVENT_MASK | VCPU_EVENT_VALID) : 0;
	if (g->nmi && !info)
		info = VCPU_EVENT_VALID | VCPU_EVENT_NMI | VECTOR_NMI;
	if ((info & VCPU_EVENT_TYPE) == VCPU_EVENT_NMI) {
		g->nmi = g->blocking & BLOCKING_NMI;
		info = g->nmi ? 0 : info;
	}
	set_proc(g, PROC_NMI_WINDOW, g->nmi);
	if (!info && !old)
		return;
	g->event = without_error(info);
	vmwrite(VMCS_ENTRY_EVENT, g->event);
	vmwrite(VMCS_ENTRY_ERROR, s->event.error);
}

const char *vmx_state_load(struct vmx_guest *g, const struct vmx_controls *c, uint64_t dr[4],
			   struct vcpu_state *s, uint32_t dirty)
{
	uint64_t rflags = s->rflags | RFLAGS_FIXED;
	const char *wrong = NULL;

	vmwrite(VMCS_GUEST_RSP, s->gpr[VCPU_RSP]);
	vmwrite(VMCS_GUEST_RIP, s->rip);
	vmwrite(VMCS_GUEST_RFLAGS, rflags);
	if (dirty & VCPU_G_ALL)
		wrong = load_groups(g, c, dr, s, dirty);
	load_shadow(g, s->shadow, rflags);
	load_event(g, s);
	set_proc(g, PROC_INTERRUPT_WINDOW, s->window);
	return wrong;
}

static void store_cr(struct vcpu_state *s, const struct vmx_guest *g)
{
	uint64_t mask4 = vmread(VMCS_CR4_MASK);

	s->cr0 =
		(vmread(VMCS_GUEST_CR0) & ~CR0_SHADOWED) | (vmread(VMCS_CR0_SHADOW) & CR0_SHADOWED);
	s->cr4 = (vmread(VMCS_GUEST_CR4) & ~mask4) | (vmread(VMCS_CR4_SHADOW) & mask4);
	s->cr3 = vmread(VMCS_GUEST_CR3);
	s->cr2 = g->cr2;
	s->cr8 = *g->tpr >> VTPR_SHIFT & 0xf;
	if (pae_paging())
		for (unsigned int i = 0; i < 4; i++)
			s->pdpte[i] = vmread(VMCS_GUEST_PDPTE + 2 * i);
}

static void store_tables(struct vcpu_state *s)
{
	store_seg(&s->seg[VCPU_LDTR], VCPU_LDTR);
	store_seg(&s->seg[VCPU_TR], VCPU_TR);
	s->gdtr.base = vmread(VMCS_GUEST_GDTR_BASE);
	s->gdtr.limit = (uint32_t)vmread(VMCS_GUEST_GDTR_LIMIT);
	s->idtr.base = vmread(VMCS_GUEST_IDTR_BASE);
	s->idtr.limit = (uint32_t)vmread(VMCS_GUEST_IDTR_LIMIT);
}

static void store_dr(struct vcpu_state *s, const struct vmx_guest *g, const uint64_t dr[4])
{
	for (unsigned int i = 0; i < 4; i++)
		s->dr[i] = dr[i];
	s->dr6 = g->dr6;
	s->dr7 = g->dr7;
}

static void store_syscall(struct vcpu_state *s, const struct vmx_guest *g)
{
	s->star = g->msr[0];
	s->lstar = g->msr[1];
	s->cstar = g->msr[2];
	s->sfmask = g->msr[3];
	s->kernel_gs_base = g->msr[4];
}

static void store_groups(struct vcpu_state *s, const struct vmx_guest *g, const uint64_t dr[4],
			 uint32_t groups)
{
	if (groups & VCPU_G_CR)
		store_cr(s, g);
	if (groups & VCPU_G_SEG)
		for (unsigned int i = 0; i < GUEST_SEGS; i++)
			store_seg(&s->seg[i], i);
	if (groups & VCPU_G_TABLE)
		store_tables(s);
	if (groups & VCPU_G_DR)
		store_dr(s, g, dr);
	if (groups & VCPU_G_SYSCALL)
		store_syscall(s, g);
	if (groups & VCPU_G_SYSENTER) {
		s->sysenter_cs = vmread(VMCS_GUEST_SYSENTER_CS);
		s->sysenter_esp = vmread(VMCS_GUEST_SYSENTER_ESP);
		s->sysenter_eip = vmread(VMCS_GUEST_SYSENTER_EIP);
	}
	if (groups & VCPU_G_EFER) {
		s->efer = vmread(VMCS_GUEST_EFER);
		s->pat = vmread(VMCS_GUEST_PAT);
	}
	if (groups & VCPU_G_TSC)
		s->tsc_offset = vmread(VMCS_TSC_OFFSET);
}

void vmx_state_store(struct vcpu_state *s, const struct vmx_guest *g, const uint64_t dr[4],
		     uint32_t groups)
{
	s->gpr[VCPU_RSP] = vmread(VMCS_GUEST_RSP);
	s->rip = vmread(VMCS_GUEST_RIP);
	s->rflags = vmread(VMCS_GUEST_RFLAGS);
	s->shadow = (g->blocking & BLOCKING_INSN ? (uint32_t)VCPU_SHADOW_STI : 0) |
		    (g->blocking & BLOCKING_NMI ? (uint32_t)VCPU_SHADOW_NMI : 0);
	if (groups)
		store_groups(s, g, dr, groups);
}
