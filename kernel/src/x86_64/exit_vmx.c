// SPDX-License-Identifier: Apache-2.0
/* What an exit of VT-x means. Intel SDM volume 3, chapters 26 and 28. */
#include "kernel/inc/x86_64/msr.h"
#include "kernel/inc/x86_64/state_vmx.h"
#include "kernel/inc/x86_64/vmcs.h"
#include "kernel/inc/x86_64/vmx_insn.h"

enum {
	EVENT_MASK = VCPU_EVENT_VECTOR | VCPU_EVENT_TYPE | VCPU_EVENT_ERROR,
	DR6_TRAPS = 0xf,
	DR7_GD = 1 << 13,
	GPR_RSP = VCPU_RSP,
};

/* Instructions that no guest is offered. */
static bool undefined_insn(uint32_t reason)
{
	switch (reason) {
	case REASON_GETSEC:
	case REASON_MWAIT:
	case REASON_MONITOR:
	case REASON_INVEPT:
	case REASON_RDTSCP:
	case REASON_INVVPID:
	case REASON_INVPCID:
	case REASON_VMFUNC:
	case REASON_ENCLS:
	case REASON_XSAVES:
	case REASON_XRSTORS:
	case REASON_PCONFIG:
	case REASON_UMWAIT:
	case REASON_TPAUSE:
	case REASON_LOADIWKEY:
	case REASON_ENCLV:
	case REASON_SEAMCALL:
	case REASON_TDCALL:
		return true;
	default:
		return reason >= REASON_VMCLEAR && reason <= REASON_VMXON;
	}
}

static void set_blocking(struct vmx_guest *g, uint32_t blocking)
{
	if (blocking != g->blocking)
		vmwrite(VMCS_GUEST_BLOCKING, blocking);
	g->blocking = blocking;
}

/* The exception ends the shadow of the instruction before it. In real mode none pushes an error code. */
static enum vmx_action inject(struct vmx_guest *g, uint32_t info, uint32_t error)
{
	if (info & VCPU_EVENT_ERROR && !(vmread(VMCS_GUEST_CR0) & CR0_PE))
		info &= ~(uint32_t)VCPU_EVENT_ERROR;
	set_blocking(g, g->blocking & ~(uint32_t)BLOCKING_INSN);
	g->event = info | VCPU_EVENT_VALID;
	vmwrite(VMCS_ENTRY_EVENT, g->event);
	vmwrite(VMCS_ENTRY_ERROR, error);
	return VMX_RESUME;
}

static bool delivery_cut(void)
{
	return vmread(VMCS_VECTORING) & VCPU_EVENT_VALID;
}

/* An event whose delivery the exit cut short, for the page; an NMI that still waits goes there too. Software interrupts and breakpoints
   are left out: RIP is at their instruction, which runs again. An NMI that is to be delivered again does not block itself. */
static struct vcpu_event give_back(struct vmx_guest *g)
{
	uint32_t info = (uint32_t)vmread(VMCS_VECTORING);
	uint32_t type = info & VCPU_EVENT_TYPE;

	if (info & VCPU_EVENT_VALID && type == EVENT_TYPE_NMI)
		set_blocking(g, g->blocking & ~(uint32_t)BLOCKING_NMI);
	if (info & VCPU_EVENT_VALID && type <= EVENT_TYPE_EXCEPTION)
		return (struct vcpu_event){ info & (EVENT_MASK | VCPU_EVENT_VALID),
					    info & VCPU_EVENT_ERROR
						    ? (uint32_t)vmread(VMCS_VECTORING_ERROR)
						    : 0 };
	if (!g->nmi)
		return (struct vcpu_event){ 0 };
	g->nmi = false;
	return (struct vcpu_event){ VCPU_EVENT_VALID | VCPU_EVENT_NMI | VECTOR_NMI, 0 };
}

static void decode_io(struct vcpu_state *s)
{
	uint64_t q = vmread(VMCS_QUALIFICATION);

	s->exit = VM_EXIT_IO;
	s->qual[0] = (q >> IOA_PORT_SHIFT & VM_IO_PORT) | ((q & IOA_SIZE) + 1) << VM_IO_SIZE_SHIFT |
		     (q & IOA_IN ? VM_IO_IN : 0) | (q & IOA_STRING ? VM_IO_STRING : 0) |
		     (q & IOA_REP ? VM_IO_REP : 0);
}

static void decode_memory(struct vcpu_state *s)
{
	uint64_t q = vmread(VMCS_QUALIFICATION), access = VM_ACCESS_READ;

	if (q & EPTV_FETCH)
		access = VM_ACCESS_EXEC;
	else if (q & EPTV_WRITE)
		access = VM_ACCESS_WRITE;
	s->exit = VM_EXIT_MEMORY;
	s->insn_len = 0;
	s->qual[0] = vmread(VMCS_GPA);
	s->qual[1] = access | (q & EPTV_MAPPED ? VM_ACCESS_MAPPED : 0);
	if (!(q & EPTV_LINEAR))
		return;
	s->qual[1] |= VM_ACCESS_LINEAR | (q & EPTV_FINAL ? 0 : VM_ACCESS_WALK);
	s->qual[2] = vmread(VMCS_LINEAR);
}

static void decode_mov(struct vcpu_state *s, enum vm_exit exit)
{
	uint64_t q = vmread(VMCS_QUALIFICATION);

	s->exit = exit;
	s->qual[0] = (q & CRA_NUMBER) | (q & CRA_TYPE ? 0 : VM_CR_WRITE) |
		     (q >> CRA_GPR_SHIFT & CRA_GPR_MASK) << VM_CR_GPR_SHIFT | VM_CR_GPR_VALID;
}

static void decode_task(struct vcpu_state *s)
{
	s->exit = VM_EXIT_TASK;
	s->insn_len = 0;
	s->qual[0] = vmread(VMCS_QUALIFICATION) & TASK_SELECTOR;
	s->qual[1] = vmread(VMCS_VECTORING_ERROR);
}

static void decode_other(struct vcpu_state *s, uint32_t reason)
{
	s->exit = VM_EXIT_UNHANDLED;
	if (reason == REASON_IO)
		decode_io(s);
	else if (reason == REASON_EPT_VIOLATION)
		decode_memory(s);
	else if (reason == REASON_CR)
		decode_mov(s, VM_EXIT_CR);
	else if (reason == REASON_DR)
		decode_mov(s, VM_EXIT_DR);
	else if (reason == REASON_TASK)
		decode_task(s);
	else
		s->insn_len = 0;
}

/* Exits that say nothing but what happened, and whether an instruction did. */
static uint32_t plain(uint32_t reason, bool *by_insn)
{
	*by_insn = true;
	switch (reason) {
	case REASON_CPUID:
		return VM_EXIT_CPUID;
	case REASON_RDMSR:
		return VM_EXIT_MSR_READ;
	case REASON_WRMSR:
		return VM_EXIT_MSR_WRITE;
	case REASON_HLT:
		return VM_EXIT_HLT;
	case REASON_VMCALL:
		return VM_EXIT_HYPERCALL;
	case REASON_XSETBV:
		return VM_EXIT_XSETBV;
	case REASON_INVD:
	case REASON_WBINVD:
		return VM_EXIT_CACHE;
	}
	*by_insn = false;
	switch (reason) {
	case REASON_INTERRUPT_WINDOW:
		return VM_EXIT_WINDOW;
	case REASON_TRIPLE_FAULT:
		return VM_EXIT_SHUTDOWN;
	case REASON_INIT:
	case REASON_SIPI:
		return VM_EXIT_INIT;
	default:
		return VM_EXIT_NONE;
	}
}

static enum vmx_action to_vmm(struct vmx_guest *g, struct vcpu_state *s, uint32_t reason)
{
	bool by_insn;

	s->insn_len = 0;
	s->insn_bytes = 0;
	s->qual[0] = s->qual[1] = s->qual[2] = 0;
	s->raw[0] = reason;
	s->raw[1] = s->raw[2] = 0;
	s->exit = plain(reason, &by_insn);
	if (s->exit == VM_EXIT_NONE) {
		s->raw[1] = vmread(VMCS_QUALIFICATION);
		s->raw[2] = vmread(VMCS_EXIT_EVENT);
		s->insn_len = (uint32_t)vmread(VMCS_EXIT_INSN_LEN);
		decode_other(s, reason);
	} else if (by_insn) {
		s->insn_len = (uint32_t)vmread(VMCS_EXIT_INSN_LEN);
	}
	s->event = give_back(g);
	return VMX_TO_VMM;
}

/* The exit has not touched the debug registers: DR6 and DR7 become what the exception would have made of them. */
static enum vmx_action debug_exception(struct vmx_guest *g, uint32_t type)
{
	g->dr6 = (g->dr6 & ~(uint64_t)DR6_TRAPS) | (vmread(VMCS_QUALIFICATION) & DEBUG_DR6_BITS);
	vmwrite(VMCS_GUEST_DR7, vmread(VMCS_GUEST_DR7) & ~(uint64_t)DR7_GD);
	g->dr7 &= ~(uint64_t)DR7_GD;
	if (type == EVENT_TYPE_INT1)
		vmwrite(VMCS_ENTRY_INSN_LEN, vmread(VMCS_EXIT_INSN_LEN));
	return inject(g, type | VECTOR_DB, 0);
}

static enum vmx_action exception(struct vmx_guest *g, struct vcpu_state *s)
{
	uint32_t info = (uint32_t)vmread(VMCS_EXIT_EVENT), vector = info & VCPU_EVENT_VECTOR;
	bool cut = delivery_cut();

	if ((info & VCPU_EVENT_TYPE) == EVENT_TYPE_NMI)
		return VMX_NMI;
	if (vector == VECTOR_MC)
		return VMX_MACHINE_CHECK;
	if (info & EVENT_NMI_UNBLOCKED && !cut && vector != VECTOR_DF)
		set_blocking(g, g->blocking | BLOCKING_NMI);
	if (vector == VECTOR_DB && !cut)
		return debug_exception(g, info & VCPU_EVENT_TYPE);
	if (vector == VECTOR_AC && !cut)
		return inject(g, EVENT_TYPE_EXCEPTION | VCPU_EVENT_ERROR | VECTOR_AC, 0);
	return to_vmm(g, s, REASON_EXCEPTION_NMI);
}

/* The page has the registers of the exit, but for RSP. */
static uint64_t gpr(const struct vcpu_state *s, uint64_t n)
{
	return n == GPR_RSP ? vmread(VMCS_GUEST_RSP) : s->gpr[n];
}

static enum vmx_action general_protection(struct vmx_guest *g)
{
	return inject(g, EVENT_TYPE_EXCEPTION | VCPU_EVENT_ERROR | VECTOR_GP, 0);
}

/* A write that changes a bit the guest only believes it has: what it believes changes, and the instruction, which no longer changes one, runs
   again. So the processor does and checks all the rest of it. */
static enum vmx_action control_write(struct vmx_guest *g, const struct vmx_controls *c,
				     struct vcpu_state *s)
{
	uint64_t q = vmread(VMCS_QUALIFICATION);
	uint64_t value = gpr(s, q >> CRA_GPR_SHIFT & CRA_GPR_MASK);

	switch (q & (CRA_TYPE | CRA_NUMBER)) {
	case CRA_TYPE_WRITE | 0:
		if (value >> 32 || (value & CR0_NW && !(value & CR0_CD)) ||
		    (value & CR0_PG && !(value & CR0_PE)))
			return general_protection(g);
		vmwrite(VMCS_CR0_SHADOW, value);
		return VMX_RESUME;
	case CRA_TYPE_WRITE | 4:
		if (value & ~c->cr4_guest)
			return general_protection(g);
		vmwrite(VMCS_CR4_SHADOW, value);
		return VMX_RESUME;
	default:
		return to_vmm(g, s, REASON_CR);
	}
}

static enum vmx_action ept_violation(struct vmx_guest *g, struct vcpu_state *s)
{
	if (vmread(VMCS_QUALIFICATION) & EPTV_NMI_UNBLOCKED && !delivery_cut())
		set_blocking(g, g->blocking | BLOCKING_NMI);
	return to_vmm(g, s, REASON_EPT_VIOLATION);
}

static enum vmx_action nmi_window(struct vmx_guest *g)
{
	g->nmi = false;
	g->proc &= ~(uint32_t)PROC_NMI_WINDOW;
	vmwrite(VMCS_PROC, g->proc);
	return inject(g, EVENT_TYPE_NMI | VECTOR_NMI, 0);
}

/* A delivery that a host event cut short is taken up at the next run. */
static enum vmx_action host_event(struct vmx_guest *g, struct vcpu_state *s, enum vmx_action action)
{
	s->event = give_back(g);
	return action;
}

static enum vmx_action decode(struct vmx_guest *g, const struct vmx_controls *c,
			      struct vcpu_state *s, uint32_t reason)
{
	switch (reason) {
	case REASON_INTERRUPT:
		return host_event(g, s, VMX_HOST_EVENT);
	case REASON_PAUSE: /* the same PAUSE, run again, begins a new loop for the processor */
		return host_event(g, s, VMX_YIELD);
	case REASON_TIMER:
		return host_event(g, s, VMX_TIMER);
	case REASON_EXCEPTION_NMI:
		return exception(g, s);
	case REASON_NMI_WINDOW:
		return nmi_window(g);
	case REASON_CR:
		return control_write(g, c, s);
	case REASON_DR:
		return g->proc & PROC_MOV_DR ? VMX_LOAD_DR : to_vmm(g, s, reason);
	case REASON_RDPMC:
		return general_protection(g);
	case REASON_EPT_VIOLATION:
		return ept_violation(g, s);
	default:
		if (undefined_insn(reason))
			return inject(g, EVENT_TYPE_EXCEPTION | VECTOR_UD, 0);
		return to_vmm(g, s, reason);
	}
}

enum vmx_action vmx_exit_decode(struct vmx_guest *g, const struct vmx_controls *c,
				struct vcpu_state *s)
{
	uint32_t reason = (uint32_t)vmread(VMCS_EXIT_REASON);

	if (reason & REASON_ENTRY_FAILED) {
		if ((reason & REASON_BASIC) == REASON_MACHINE_CHECK)
			return VMX_MACHINE_CHECK;
		s->exit = VM_EXIT_INVALID;
		s->insn_len = 0;
		s->raw[0] = reason;
		s->raw[1] = vmread(VMCS_QUALIFICATION);
		s->raw[2] = 0;
		return VMX_TO_VMM;
	}
	g->blocking = (uint32_t)vmread(VMCS_GUEST_BLOCKING);
	g->event = 0;
	return decode(g, c, s, reason & REASON_BASIC);
}
