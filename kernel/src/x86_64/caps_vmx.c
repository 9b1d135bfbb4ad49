// SPDX-License-Identifier: Apache-2.0
/* The controls every guest of VT-x runs under. Intel SDM volume 3, chapter 25, appendix A. */
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/vmcs.h"
#include "kernel/inc/x86_64/vmx.h"

enum {
	PIN_WANTED = PIN_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI | PIN_TIMER,
	PROC_WANTED = PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_TPR_SHADOW |
		      PROC_IO_BITMAPS | PROC_MSR_BITMAP | PROC_MONITOR,
	PROC2_WANTED = PROC2_EPT | PROC2_VPID | PROC2_WBINVD | PROC2_UNRESTRICTED,
	PROC2_OPTIONAL = PROC2_PAUSE_LOOP | PROC2_INVPCID | PROC2_ENCLS,
	EXIT_WANTED = EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_SAVE_PAT | EXIT_LOAD_PAT |
		      EXIT_SAVE_EFER | EXIT_LOAD_EFER,
	ENTRY_WANTED = ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER,
	TOGGLED = PROC_MOV_DR | PROC_NMI_WINDOW | 1 << 2, /* PROC_INTERRUPT_WINDOW */
};

#define EPT_VPID_WANTED                                                                   \
	(EPT_CAP_WALK_4 | EPT_CAP_WRITE_BACK | EPT_CAP_2M | EPT_CAP_INVEPT | EPT_CAP_AD | \
	 EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVVPID | EPT_CAP_INVVPID_ALL)

/* No guest has a bit whose state is not switched with it (PKE, CET, UINTR, ...) or that VT-x needs (VMXE). */
#define CR4_GUEST                                                                                 \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE | \
	 CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE | CR4_OSXSAVE |        \
	 CR4_SMEP | CR4_SMAP)

/* Low half of an offer: bits that have to be set; high half: bits that may be. */
static bool fits(uint64_t offer, uint32_t wanted)
{
	return !(wanted & ~(uint32_t)(offer >> 32));
}

static uint32_t with_fixed(uint64_t offer, uint32_t wanted)
{
	return wanted | (uint32_t)offer;
}

static const char *missing(const struct vmx_offer *o)
{
	if (!(o->basic & VMX_BASIC_TRUE) || (o->basic & VMX_BASIC_TYPE) != VMX_BASIC_WRITE_BACK)
		return "true controls or write-back VMCS";
	if (!fits(o->pin, PIN_WANTED))
		return "virtual NMIs or the preemption timer";
	if (!fits(o->proc, PROC_WANTED | TOGGLED) || !fits(o->proc, PROC_SECONDARY))
		return "TPR shadow, bitmaps or secondary controls";
	if (!fits(o->proc2, PROC2_WANTED))
		return "EPT, VPID or unrestricted guests";
	if (!fits(o->exit, EXIT_WANTED) || !fits(o->entry, ENTRY_WANTED | ENTRY_LONG_MODE))
		return "switching of PAT and EFER";
	if (~o->ept_vpid & EPT_VPID_WANTED)
		return "EPT of 4 levels with 2 MiB pages and A/D bits, or INVEPT, INVVPID";
	return NULL;
}

const char *vmx_controls_choose(struct vmx_controls *c, const struct vmx_offer *o,
				uint64_t host_cr4)
{
	const char *lacks = missing(o);

	if (lacks)
		return lacks;
	c->pin = with_fixed(o->pin, PIN_WANTED);
	c->proc = with_fixed(o->proc, PROC_WANTED | PROC_SECONDARY);
	c->proc2 =
		with_fixed(o->proc2, PROC2_WANTED | (PROC2_OPTIONAL & (uint32_t)(o->proc2 >> 32)));
	c->exit = with_fixed(o->exit, EXIT_WANTED);
	c->entry = with_fixed(o->entry, ENTRY_WANTED);
	c->cr4_guest = CR4_GUEST & o->cr4_fixed1;
	c->cr4_host = CR4_VMXE | (host_cr4 & CR4_MCE);
	return NULL;
}
