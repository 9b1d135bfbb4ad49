// SPDX-License-Identifier: Apache-2.0
/* What an exit of SVM means. */
#include "kernel/inc/x86_64/state_svm.h"

enum {
	PAUSE_LENGTH = 2,
	RFLAGS_RF = 1 << 16,
};

/* Instructions that no guest is offered. */
static bool undefined_insn(uint64_t code)
{
	switch (code) {
	case SVM_EXIT_INVLPGA:
	case SVM_EXIT_VMRUN:
	case SVM_EXIT_VMLOAD:
	case SVM_EXIT_VMSAVE:
	case SVM_EXIT_STGI:
	case SVM_EXIT_CLGI:
	case SVM_EXIT_SKINIT:
	case SVM_EXIT_RDTSCP:
	case SVM_EXIT_MONITOR:
	case SVM_EXIT_MWAIT:
	case SVM_EXIT_MWAIT_ARMED:
	case SVM_EXIT_RDPRU:
	case SVM_EXIT_INVLPGB:
	case SVM_EXIT_INVLPGB_ILLEGAL:
	case SVM_EXIT_MCOMMIT:
	case SVM_EXIT_TLBSYNC:
		return true;
	default:
		return false;
	}
}

static enum svm_action inject(struct vmcb *v, uint32_t vector, bool has_error, uint32_t error)
{
	v->event = VCPU_EVENT_VALID | VCPU_EVENT_EXCEPTION | vector;
	if (has_error)
		v->event |= VCPU_EVENT_ERROR | (uint64_t)error << 32;
	return SVM_RESUME;
}

/* A virtual interrupt that the guest has not taken. */
static struct vcpu_event waiting_event(const struct vmcb *v)
{
	if (!(v->vintr & SVM_V_IRQ) || v->intercept1 & SVM_I1_VINTR)
		return (struct vcpu_event){ 0 };
	return (struct vcpu_event){
		VCPU_EVENT_VALID | VCPU_EVENT_INTR | (uint8_t)(v->vintr >> SVM_V_VECTOR_SHIFT), 0
	};
}

/* An event whose delivery the exit cut short or forestalled, for the page. Software interrupts and breakpoints are
   left out: rIP is at their instruction, which runs again. */
static struct vcpu_event cut_event(const struct vmcb *v)
{
	uint32_t info = (uint32_t)v->exit_event;
	uint32_t type = (info & VCPU_EVENT_TYPE) >> VCPU_EVENT_TYPE_SHIFT;
	uint32_t vector = info & VCPU_EVENT_VECTOR;

	if (!(info & VCPU_EVENT_VALID))
		return waiting_event(v);
	if (type == SVM_EVENT_SOFT)
		return (struct vcpu_event){ 0 };
	if (type == SVM_EVENT_EXCEPTION && (vector == 3 || vector == 4))
		return (struct vcpu_event){ 0 };
	if (type == SVM_EVENT_EXCEPTION && vector > SVM_EXC_LAST) /* QEMU, of a virtual interrupt */
		return (struct vcpu_event){ VCPU_EVENT_VALID | VCPU_EVENT_INTR | vector, 0 };
	return (struct vcpu_event){ info, (uint32_t)(v->exit_event >> 32) };
}

static void decode_io(const struct vmcb *v, struct vcpu_state *s)
{
	uint64_t info = v->exit_info1;
	uint64_t size = (info >> SVM_IO_SIZE_SHIFT) & SVM_IO_SIZE_MASK;

	s->exit = VM_EXIT_IO;
	s->insn_len = (uint32_t)(v->exit_info2 - v->rip);
	s->qual[0] = ((info >> SVM_IO_PORT_SHIFT) & VM_IO_PORT) | size << VM_IO_SIZE_SHIFT |
		     (info & SVM_IO_IN ? VM_IO_IN : 0) | (info & SVM_IO_STRING ? VM_IO_STRING : 0) |
		     (info & SVM_IO_REP ? VM_IO_REP : 0);
}

static void decode_memory(const struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	uint64_t info = v->exit_info1;
	uint64_t access = VM_ACCESS_READ;

	if (info & SVM_NPF_FETCH)
		access = VM_ACCESS_EXEC;
	else if (info & SVM_NPF_WRITE)
		access = VM_ACCESS_WRITE;
	s->exit = VM_EXIT_MEMORY;
	s->qual[0] = v->exit_info2;
	s->qual[1] = access | (info & SVM_NPF_PRESENT ? VM_ACCESS_MAPPED : 0) |
		     (info & SVM_NPF_WALK ? VM_ACCESS_WALK : 0);
	if (!(features & SVM_HAS_DECODE))
		return;
	s->insn_bytes = v->fetched & 0xf;
	for (unsigned i = 0; i < s->insn_bytes; i++)
		s->insn[i] = v->fetch[i];
}

static void decode_mov(const struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	uint64_t code = v->exit_code;
	uint64_t q = code & 0xf;

	s->exit = code < SVM_EXIT_DR_READ ? VM_EXIT_CR : VM_EXIT_DR;
	if (code & 0x10)
		q |= VM_CR_WRITE;
	if (features & SVM_HAS_DECODE && v->exit_info1 & SVM_MOV_VALID)
		q |= VM_CR_GPR_VALID | (v->exit_info1 & SVM_MOV_GPR) << VM_CR_GPR_SHIFT;
	s->qual[0] = q;
}

static void plain(struct vcpu_state *s, enum vm_exit exit, uint32_t len)
{
	s->exit = exit;
	s->insn_len = len;
}

static bool refused(const struct vmcb *v)
{
	return (uint32_t)v->exit_code == SVM_EXIT_INVALID;
}

static void decode_other(const struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	if (refused(v))
		plain(s, VM_EXIT_INVALID, 0);
	else if (v->exit_code < SVM_EXIT_EXC)
		decode_mov(v, s, features);
	else
		plain(s, VM_EXIT_UNHANDLED, 0);
}

/* The lengths are those of the instructions without superfluous prefixes. */
static void decode_to_vmm(const struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	switch (v->exit_code) {
	case SVM_EXIT_IO:
		return decode_io(v, s);
	case SVM_EXIT_NPF:
		return decode_memory(v, s, features);
	case SVM_EXIT_MSR:
		return plain(s, v->exit_info1 ? VM_EXIT_MSR_WRITE : VM_EXIT_MSR_READ, 2);
	case SVM_EXIT_CPUID:
		return plain(s, VM_EXIT_CPUID, 2);
	case SVM_EXIT_HLT:
		return plain(s, VM_EXIT_HLT, 1);
	case SVM_EXIT_VMMCALL:
		return plain(s, VM_EXIT_HYPERCALL, 3);
	case SVM_EXIT_XSETBV:
		return plain(s, VM_EXIT_XSETBV, 3);
	case SVM_EXIT_INVD:
	case SVM_EXIT_WBINVD:
		return plain(s, VM_EXIT_CACHE, 2);
	case SVM_EXIT_VINTR:
		return plain(s, VM_EXIT_WINDOW, 0);
	case SVM_EXIT_SHUTDOWN:
		return plain(s, VM_EXIT_SHUTDOWN, 0);
	case SVM_EXIT_TASK:
		s->qual[0] = v->exit_info1 & 0xffff;
		s->qual[1] = v->exit_info2 & 0xffffffff;
		return plain(s, VM_EXIT_TASK, 0);
	default:
		decode_other(v, s, features);
	}
}

static void fill_exit(const struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	s->insn_len = 0;
	s->insn_bytes = 0;
	s->qual[0] = s->qual[1] = s->qual[2] = 0;
	s->raw[0] = v->exit_code;
	s->raw[1] = v->exit_info1;
	s->raw[2] = v->exit_info2;
	decode_to_vmm(v, s, features);
	if (s->insn_len && features & SVM_HAS_NEXT_RIP && v->exit_code != SVM_EXIT_IO)
		s->insn_len = (uint32_t)(v->next_rip - v->rip);
	s->event = cut_event(v);
}

static enum svm_action decode_exception(struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	switch (v->exit_code - SVM_EXIT_EXC) {
	case SVM_EXC_MC:
		return SVM_MACHINE_CHECK;
	case SVM_EXC_DB:
		if (!(v->exit_event & VCPU_EVENT_VALID))
			return inject(v, SVM_EXC_DB, false, 0);
		break;
	case SVM_EXC_AC:
		if (!(v->exit_event & VCPU_EVENT_VALID))
			return inject(v, SVM_EXC_AC, true, 0);
		break;
	}
	fill_exit(v, s, features);
	return SVM_TO_VMM;
}

/* A delivery that a host event cut short is taken up at the next run. */
static enum svm_action host_event(const struct vmcb *v, struct vcpu_state *s)
{
	s->event = cut_event(v);
	return SVM_HOST_EVENT;
}

/* A processor without a filter exits at the first PAUSE, and would at the same one again. */
static enum svm_action spins(struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	v->rip = features & SVM_HAS_NEXT_RIP ? v->next_rip : v->rip + PAUSE_LENGTH;
	v->rflags &= ~(uint64_t)RFLAGS_RF;
	v->shadow = 0;
	s->event = cut_event(v);
	return SVM_YIELD;
}

enum svm_action svm_exit_decode(struct vmcb *v, struct vcpu_state *s, uint32_t features)
{
	uint64_t code = v->exit_code;

	v->event = 0; /* the guest has had it, or exit_event gives it back */
	if (code == SVM_EXIT_INTR || code == SVM_EXIT_NMI || code == SVM_EXIT_INIT)
		return host_event(v, s);
	if (code >= SVM_EXIT_DR_READ && code < SVM_EXIT_EXC && v->intercept_dr_read)
		return SVM_LOAD_DR;
	if (code >= SVM_EXIT_EXC && code < SVM_EXIT_INTR)
		return decode_exception(v, s, features);
	if (code == SVM_EXIT_PAUSE)
		return spins(v, s, features);
	if (undefined_insn(code))
		return inject(v, SVM_EXC_UD, false, 0);
	if (code == SVM_EXIT_IRET) { /* it runs now, and the handler is over */
		v->intercept1 &= ~(uint32_t)SVM_I1_IRET;
		return SVM_RESUME;
	}
	if (code == SVM_EXIT_RDPMC)
		return inject(v, SVM_EXC_GP, true, 0);
	fill_exit(v, s, features);
	return SVM_TO_VMM;
}
