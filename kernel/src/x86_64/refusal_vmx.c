// SPDX-License-Identifier: Apache-2.0
/* Why VT-x refused an entry, in words. Intel SDM volume 3, 27.3.1 (the checks of the guest's state), 31.4 (error numbers). */
#include "abi/vcpu.h"
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/state_vmx.h"
#include "kernel/inc/x86_64/vmcs.h"
#include "kernel/inc/x86_64/vmx_insn.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const insn_errors[] = {
	[1] = "VMCALL in root operation",
	[2] = "VMCLEAR with an invalid address",
	[3] = "VMCLEAR with the VMXON pointer",
	[4] = "VMLAUNCH with a VMCS that is not clear",
	[5] = "VMRESUME with a VMCS that was not launched",
	[6] = "VMRESUME after VMXOFF",
	[7] = "an event or a control the processor does not know",
	[8] = "invalid host state",
	[9] = "VMPTRLD with an invalid address",
	[10] = "VMPTRLD with the VMXON pointer",
	[11] = "VMPTRLD with another VMCS revision",
	[12] = "a VMCS field that does not exist",
	[13] = "VMWRITE to a read-only field",
	[15] = "VMXON in root operation",
	[16] = "an executive VMCS pointer that is invalid",
	[17] = "an executive VMCS that was not launched",
	[18] = "an executive VMCS pointer that is not the VMXON pointer",
	[19] = "VMCALL with a VMCS that is not clear",
	[20] = "VMCALL with invalid exit controls",
	[22] = "VMCALL with a wrong MSEG revision",
	[23] = "VMXOFF under dual-monitor treatment",
	[24] = "VMCALL with invalid SMM features",
	[25] = "invalid execution controls of the executive VMCS",
	[26] = "events blocked by MOV SS",
	[28] = "an invalid operand of INVEPT or INVVPID",
};

/* What 27.3.1 looks at, read once. */
struct view {
	uint64_t cr0, cr3, cr4, efer, rflags, rip, dr7;
	uint32_t event, blocking;
	bool long_mode;
	uint64_t access[VCPU_SEGS], base[VCPU_SEGS], limit[VCPU_SEGS];
	uint64_t sel[VCPU_SEGS];
};

static void look(struct view *v)
{
	v->cr0 = vmread(VMCS_GUEST_CR0);
	v->cr3 = vmread(VMCS_GUEST_CR3);
	v->cr4 = vmread(VMCS_GUEST_CR4);
	v->efer = vmread(VMCS_GUEST_EFER);
	v->rflags = vmread(VMCS_GUEST_RFLAGS);
	v->rip = vmread(VMCS_GUEST_RIP);
	v->dr7 = vmread(VMCS_GUEST_DR7);
	v->event = (uint32_t)vmread(VMCS_ENTRY_EVENT);
	v->blocking = (uint32_t)vmread(VMCS_GUEST_BLOCKING);
	v->long_mode = vmread(VMCS_ENTRY) & ENTRY_LONG_MODE;
	for (unsigned int i = 0; i < VCPU_SEGS; i++) {
		v->sel[i] = vmread(VMCS_GUEST_SEL + 2 * i);
		v->limit[i] = vmread(VMCS_GUEST_LIMIT + 2 * i);
		v->access[i] = vmread(VMCS_GUEST_ACCESS + 2 * i);
		v->base[i] = vmread(VMCS_GUEST_BASE + 2 * i);
	}
}

static bool canonical(uint64_t a)
{
	return (uint64_t)((int64_t)(a << 16) >> 16) == a;
}

static const char *control_registers(const struct view *v)
{
	if (v->cr0 >> 32)
		return "CR0: reserved bits";
	if (v->cr0 & CR0_PG && !(v->cr0 & CR0_PE))
		return "CR0: PG without PE";
	if (v->cr4 >> 32)
		return "CR4: reserved bits";
	if (v->long_mode && !(v->cr0 & CR0_PG))
		return "EFER: LMA without paging";
	if (v->long_mode && !(v->cr4 & CR4_PAE))
		return "CR4: long mode without PAE";
	if (!v->long_mode && v->cr4 & CR4_PCIDE)
		return "CR4: PCIDE outside long mode";
	if (v->cr3 >> 52)
		return "CR3: reserved bits";
	if (v->dr7 >> 32)
		return "DR7: reserved bits";
	if (v->efer & ~(uint64_t)EFER_KNOWN)
		return "EFER: reserved bits";
	if (v->cr0 & CR0_PG && !(v->efer & EFER_LME) != !v->long_mode)
		return "EFER: LME and LMA differ while paging is on";
	return NULL;
}

static const char *msrs(void)
{
	uint64_t pat = vmread(VMCS_GUEST_PAT);

	for (unsigned int i = 0; i < 64; i += 8)
		if ((pat >> i & 0xff) > 7 || (pat >> i & 0xfe) == 2)
			return "PAT: a memory type that does not exist";
	if (!canonical(vmread(VMCS_GUEST_SYSENTER_ESP)) ||
	    !canonical(vmread(VMCS_GUEST_SYSENTER_EIP)))
		return "SYSENTER: an address that is not canonical";
	return NULL;
}

static bool unusable(const struct view *v, unsigned int i)
{
	return v->access[i] & ACCESS_UNUSABLE;
}

static bool limit_wrong(const struct view *v, unsigned int i)
{
	bool pages = v->access[i] & (uint64_t)VCPU_ATTR_G << ACCESS_HIGH_SHIFT;

	return pages ? (v->limit[i] & 0xfff) != 0xfff : v->limit[i] >> 20 != 0;
}

static const char *segment(const struct view *v, unsigned int i)
{
	if (v->access[i] & 0xf00 || !(v->access[i] & VCPU_ATTR_S))
		return "a segment: not of code or data";
	if (limit_wrong(v, i))
		return "a segment: limit and granularity do not agree";
	if (i < VCPU_FS && v->base[i] >> 32)
		return "a segment: its base is above 4 GiB";
	return canonical(v->base[i]) ? NULL : "a segment: its base is not canonical";
}

static const char *code_and_stack(const struct view *v)
{
	uint64_t type = v->access[VCPU_CS] & VCPU_ATTR_TYPE;
	uint64_t l_and_d = (uint64_t)(VCPU_ATTR_L | VCPU_ATTR_DB) << ACCESS_HIGH_SHIFT;
	uint64_t dpl_differs = (v->access[VCPU_CS] ^ v->access[VCPU_SS]) & VCPU_ATTR_DPL;

	if (unusable(v, VCPU_CS))
		return "CS: not present";
	if (!(type & 8) && type != 3)
		return "CS: neither code nor writable data";
	if (v->long_mode && (v->access[VCPU_CS] & l_and_d) == l_and_d)
		return "CS: both L and D";
	if ((type == 9 || type == 11) && dpl_differs)
		return "CS and SS: their DPLs differ";
	if (!(v->cr0 & CR0_PE) && v->access[VCPU_SS] & VCPU_ATTR_DPL)
		return "SS: its DPL is not 0 in real mode";
	if (!unusable(v, VCPU_SS) && (v->access[VCPU_SS] & 0xb) != 3)
		return "SS: not writable data";
	return NULL;
}

static const char *virtual_8086(const struct view *v)
{
	for (unsigned int i = VCPU_ES; i <= VCPU_GS; i++)
		if (v->access[i] != 0xf3 || v->limit[i] != 0xffff || v->base[i] != v->sel[i] << 4)
			return "a segment: not one of virtual-8086 mode";
	return NULL;
}

static const char *system_segments(const struct view *v)
{
	uint64_t tr = v->access[VCPU_TR] & (0xf0ff | ACCESS_UNUSABLE);

	if (tr & ACCESS_UNUSABLE || (tr & VCPU_ATTR_S) || ((tr & 0xf) != 0xb && (tr & 0xf) != 3))
		return "TR: not a busy TSS";
	if (v->long_mode && (tr & 0xf) != 0xb)
		return "TR: a 16-bit TSS in long mode";
	if (limit_wrong(v, VCPU_TR))
		return "TR: limit and granularity do not agree";
	if (v->sel[VCPU_TR] & 4 || !canonical(v->base[VCPU_TR]))
		return "TR: its selector or base";
	if (!unusable(v, VCPU_LDTR) && (v->access[VCPU_LDTR] & 0x1f) != 2)
		return "LDTR: not a local descriptor table";
	if (!unusable(v, VCPU_LDTR) &&
	    (v->sel[VCPU_LDTR] & 4 || limit_wrong(v, VCPU_LDTR) || !canonical(v->base[VCPU_LDTR])))
		return "LDTR: its selector, limit or base";
	if (vmread(VMCS_GUEST_GDTR_LIMIT) > 0xffff || vmread(VMCS_GUEST_IDTR_LIMIT) > 0xffff)
		return "GDTR or IDTR: a limit above 64 KiB";
	if (!canonical(vmread(VMCS_GUEST_GDTR_BASE)) || !canonical(vmread(VMCS_GUEST_IDTR_BASE)))
		return "GDTR or IDTR: a base that is not canonical";
	return NULL;
}

static const char *segments(const struct view *v)
{
	const char *wrong;

	if (v->rflags & RFLAGS_VM)
		return virtual_8086(v);
	wrong = code_and_stack(v);
	for (unsigned int i = VCPU_ES; i <= VCPU_GS && !wrong; i++)
		if (!unusable(v, i))
			wrong = segment(v, i);
	return wrong;
}

static const char *flow(const struct view *v)
{
	bool wide = v->long_mode && v->access[VCPU_CS] & (uint64_t)VCPU_ATTR_L << ACCESS_HIGH_SHIFT;
	bool interrupt = (v->event & (VCPU_EVENT_VALID | VCPU_EVENT_TYPE)) == VCPU_EVENT_VALID;

	if (!wide && v->rip >> 32)
		return "RIP: above 4 GiB outside 64-bit mode";
	if (!canonical(v->rip))
		return "RIP: not canonical";
	if (v->rflags & ~(uint64_t)RFLAGS_KNOWN)
		return "RFLAGS: reserved bits";
	if (v->rflags & RFLAGS_VM && (v->long_mode || !(v->cr0 & CR0_PE)))
		return "RFLAGS: VM in real or long mode";
	if (interrupt && !(v->rflags & RFLAGS_IF))
		return "an interrupt while RFLAGS.IF is clear";
	if (interrupt && v->blocking & BLOCKING_INSN)
		return "an interrupt in the shadow of an instruction";
	return NULL;
}

static const char *guest_state(void)
{
	struct view v;
	const char *wrong;

	look(&v);
	wrong = control_registers(&v);
	if (!wrong)
		wrong = msrs();
	if (!wrong)
		wrong = segments(&v);
	if (!wrong)
		wrong = system_segments(&v);
	if (!wrong)
		wrong = flow(&v);
	return wrong ? wrong : "guest state (none of the checks the kernel knows)";
}

const char *vmx_refusal(bool failed)
{
	uint64_t error;

	if (!failed)
		return (vmread(VMCS_EXIT_REASON) & REASON_BASIC) == REASON_BAD_GUEST
			       ? guest_state()
			       : "loading MSRs";
	error = vmread(VMCS_INSN_ERROR);
	return error < COUNT(insn_errors) && insn_errors[error] ? insn_errors[error]
								: "an unknown error";
}
