// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual machine control structure of VT-x: encodings of its fields, and the bits of those that have some.
 * Source: Intel SDM volume 3, chapters 25 to 28, appendices A (capabilities), B (field encodings) and C (exit reasons).
 */
#pragma once
#include <stdint.h>

/* Appendix B. Fields of segments: the first, and 2 for each one further in the order of enum vcpu_seg_index. */
enum vmcs_field {
	VMCS_VPID = 0x0000,

	VMCS_GUEST_SEL = 0x0800,

	VMCS_HOST_ES = 0x0c00,
	VMCS_HOST_CS = 0x0c02,
	VMCS_HOST_SS = 0x0c04,
	VMCS_HOST_DS = 0x0c06,
	VMCS_HOST_FS = 0x0c08,
	VMCS_HOST_GS = 0x0c0a,
	VMCS_HOST_TR = 0x0c0c,

	VMCS_IO_BITMAP_A = 0x2000,
	VMCS_IO_BITMAP_B = 0x2002,
	VMCS_MSR_BITMAP = 0x2004,
	VMCS_TSC_OFFSET = 0x2010,
	VMCS_VIRTUAL_APIC = 0x2012,
	VMCS_EPTP = 0x201a,
	VMCS_ENCLS_BITMAP = 0x202e,

	VMCS_GPA = 0x2400,

	VMCS_LINK = 0x2800,
	VMCS_GUEST_DEBUGCTL = 0x2802,
	VMCS_GUEST_PAT = 0x2804,
	VMCS_GUEST_EFER = 0x2806,
	VMCS_GUEST_PDPTE = 0x280a, /* four */

	VMCS_HOST_PAT = 0x2c00,
	VMCS_HOST_EFER = 0x2c02,

	VMCS_PIN = 0x4000,
	VMCS_PROC = 0x4002,
	VMCS_EXCEPTIONS = 0x4004,
	VMCS_PF_MASK = 0x4006,
	VMCS_PF_MATCH = 0x4008,
	VMCS_CR3_TARGETS = 0x400a,
	VMCS_EXIT = 0x400c,
	VMCS_EXIT_MSR_STORES = 0x400e,
	VMCS_EXIT_MSR_LOADS = 0x4010,
	VMCS_ENTRY = 0x4012,
	VMCS_ENTRY_MSR_LOADS = 0x4014,
	VMCS_ENTRY_EVENT = 0x4016,
	VMCS_ENTRY_ERROR = 0x4018,
	VMCS_ENTRY_INSN_LEN = 0x401a,
	VMCS_TPR_THRESHOLD = 0x401c,
	VMCS_PROC2 = 0x401e,
	VMCS_PLE_GAP = 0x4020,
	VMCS_PLE_WINDOW = 0x4022,

	VMCS_INSN_ERROR = 0x4400,
	VMCS_EXIT_REASON = 0x4402,
	VMCS_EXIT_EVENT = 0x4404,
	VMCS_EXIT_ERROR = 0x4406,
	VMCS_VECTORING = 0x4408,
	VMCS_VECTORING_ERROR = 0x440a,
	VMCS_EXIT_INSN_LEN = 0x440c,

	VMCS_GUEST_LIMIT = 0x4800,
	VMCS_GUEST_GDTR_LIMIT = 0x4810,
	VMCS_GUEST_IDTR_LIMIT = 0x4812,
	VMCS_GUEST_ACCESS = 0x4814,
	VMCS_GUEST_BLOCKING = 0x4824, /* interruptibility state */
	VMCS_GUEST_ACTIVITY = 0x4826,
	VMCS_GUEST_SYSENTER_CS = 0x482a,
	VMCS_TIMER = 0x482e, /* VMX-preemption timer */

	VMCS_HOST_SYSENTER_CS = 0x4c00,

	VMCS_CR0_MASK = 0x6000,
	VMCS_CR4_MASK = 0x6002,
	VMCS_CR0_SHADOW = 0x6004,
	VMCS_CR4_SHADOW = 0x6006,

	VMCS_QUALIFICATION = 0x6400,
	VMCS_LINEAR = 0x640a,

	VMCS_GUEST_CR0 = 0x6800,
	VMCS_GUEST_CR3 = 0x6802,
	VMCS_GUEST_CR4 = 0x6804,
	VMCS_GUEST_BASE = 0x6806,
	VMCS_GUEST_GDTR_BASE = 0x6816,
	VMCS_GUEST_IDTR_BASE = 0x6818,
	VMCS_GUEST_DR7 = 0x681a,
	VMCS_GUEST_RSP = 0x681c,
	VMCS_GUEST_RIP = 0x681e,
	VMCS_GUEST_RFLAGS = 0x6820,
	VMCS_GUEST_PENDING_DEBUG = 0x6822,
	VMCS_GUEST_SYSENTER_ESP = 0x6824,
	VMCS_GUEST_SYSENTER_EIP = 0x6826,

	VMCS_HOST_CR0 = 0x6c00,
	VMCS_HOST_CR3 = 0x6c02,
	VMCS_HOST_CR4 = 0x6c04,
	VMCS_HOST_FS_BASE = 0x6c06,
	VMCS_HOST_GS_BASE = 0x6c08,
	VMCS_HOST_TR_BASE = 0x6c0a,
	VMCS_HOST_GDTR_BASE = 0x6c0c,
	VMCS_HOST_IDTR_BASE = 0x6c0e,
	VMCS_HOST_SYSENTER_ESP = 0x6c10,
	VMCS_HOST_SYSENTER_EIP = 0x6c12,
	VMCS_HOST_RSP = 0x6c14, /* also in entry_vmx.S */
	VMCS_HOST_RIP = 0x6c16,
};

/* Pin-based controls; 25.6.1. */
enum vmx_pin {
	PIN_INTERRUPT = 1 << 0,
	PIN_NMI = 1 << 3,
	PIN_VIRTUAL_NMI = 1 << 5,
	PIN_TIMER = 1 << 6,
};

/* Primary processor-based controls; 25.6.2. */
enum vmx_proc {
	PROC_INTERRUPT_WINDOW = 1 << 2,
	PROC_TSC_OFFSET = 1 << 3,
	PROC_HLT = 1 << 7,
	PROC_MWAIT = 1 << 10,
	PROC_RDPMC = 1 << 11,
	PROC_TPR_SHADOW = 1 << 21,
	PROC_NMI_WINDOW = 1 << 22,
	PROC_MOV_DR = 1 << 23,
	PROC_IO_BITMAPS = 1 << 25,
	PROC_MSR_BITMAP = 1 << 28,
	PROC_MONITOR = 1 << 29,
};
#define PROC_SECONDARY (UINT32_C(1) << 31)

/* Secondary ones. */
enum vmx_proc2 {
	PROC2_EPT = 1 << 1,
	PROC2_VPID = 1 << 5,
	PROC2_WBINVD = 1 << 6,
	PROC2_UNRESTRICTED = 1 << 7,
	PROC2_PAUSE_LOOP = 1 << 10,
	PROC2_INVPCID = 1 << 12,
	PROC2_ENCLS = 1 << 15,
};

/* 25.7.1. */
enum vmx_exit_control {
	EXIT_SAVE_DEBUG = 1 << 2,
	EXIT_HOST_64 = 1 << 9,
	EXIT_SAVE_PAT = 1 << 18,
	EXIT_LOAD_PAT = 1 << 19,
	EXIT_SAVE_EFER = 1 << 20,
	EXIT_LOAD_EFER = 1 << 21,
};

/* 25.8.1. The processor keeps ENTRY_LONG_MODE equal to EFER.LMA at each exit of an unrestricted guest. */
enum vmx_entry_control {
	ENTRY_LOAD_DEBUG = 1 << 2,
	ENTRY_LONG_MODE = 1 << 9,
	ENTRY_LOAD_PAT = 1 << 14,
	ENTRY_LOAD_EFER = 1 << 15,
};

/* VMCS_ENTRY_EVENT, VMCS_EXIT_EVENT, VMCS_VECTORING; 25.8.3. Vector, error code and valid bit are those of abi/vcpu.h. */
enum vmx_event {
	EVENT_TYPE_INTERRUPT = 0 << 8,
	EVENT_TYPE_NMI = 2 << 8,
	EVENT_TYPE_EXCEPTION = 3 << 8,
	EVENT_TYPE_INT_N = 4 << 8,
	EVENT_TYPE_INT1 = 5 << 8,
	EVENT_TYPE_INT3_INTO = 6 << 8,
	EVENT_NMI_UNBLOCKED = 1 << 12, /* at an exit: by the IRET that caused it */
};

/* VMCS_GUEST_BLOCKING; 25.4.2. */
enum vmx_blocking {
	BLOCKING_STI = 1 << 0,
	BLOCKING_MOV_SS = 1 << 1,
	BLOCKING_INSN = BLOCKING_STI | BLOCKING_MOV_SS,
	BLOCKING_NMI = 1 << 3,
};

/* VMCS_GUEST_ACCESS: bits 0-7 as in enum vcpu_attr, its bits 8-11 here in 12-15. */
enum vmx_access_rights {
	ACCESS_HIGH_SHIFT = 4,
	ACCESS_UNUSABLE = 1 << 16,
};

/* VMCS_QUALIFICATION of EPT violations; 28.2.1. */
enum vmx_ept_violation {
	EPTV_READ = 1 << 0,
	EPTV_WRITE = 1 << 1,
	EPTV_FETCH = 1 << 2,
	EPTV_MAPPED = 7 << 3,
	EPTV_LINEAR = 1 << 7, /* VMCS_LINEAR is valid */
	EPTV_FINAL = 1 << 8,  /* with EPTV_LINEAR: not by the walk of the guest's page tables */
	EPTV_NMI_UNBLOCKED = 1 << 12,
};

/* Of moves to and from control registers. */
enum vmx_cr_access {
	CRA_NUMBER = 0xf,
	CRA_TYPE = 3 << 4,
	CRA_TYPE_WRITE = 0 << 4,
	CRA_TYPE_READ = 1 << 4,
	CRA_GPR_SHIFT = 8,
	CRA_GPR_MASK = 0xf,
};

/* Of I/O instructions. */
enum vmx_io_access {
	IOA_SIZE = 7, /* bytes - 1 */
	IOA_IN = 1 << 3,
	IOA_STRING = 1 << 4,
	IOA_REP = 1 << 5,
	IOA_PORT_SHIFT = 16,
};

/* Of task switches; 28.2.1. Of debug exceptions: bits of DR6. */
enum vmx_other_qualification {
	TASK_SELECTOR = 0xffff,
	DEBUG_DR6_BITS = 0x600f,
};

/* Appendix C. */
enum vmx_reason {
	REASON_EXCEPTION_NMI = 0,
	REASON_INTERRUPT = 1,
	REASON_TRIPLE_FAULT = 2,
	REASON_INIT = 3,
	REASON_SIPI = 4,
	REASON_INTERRUPT_WINDOW = 7,
	REASON_NMI_WINDOW = 8,
	REASON_TASK = 9,
	REASON_CPUID = 10,
	REASON_GETSEC = 11,
	REASON_HLT = 12,
	REASON_INVD = 13,
	REASON_RDPMC = 15,
	REASON_VMCALL = 18,
	REASON_VMCLEAR =
		19, /* to 27: VMLAUNCH VMPTRLD VMPTRST VMREAD VMRESUME VMWRITE VMXOFF VMXON */
	REASON_VMXON = 27,
	REASON_CR = 28,
	REASON_DR = 29,
	REASON_IO = 30,
	REASON_RDMSR = 31,
	REASON_WRMSR = 32,
	REASON_BAD_GUEST = 33,
	REASON_BAD_MSR_LOAD = 34,
	REASON_MWAIT = 36,
	REASON_MONITOR = 39,
	REASON_PAUSE = 40,
	REASON_MACHINE_CHECK = 41, /* at VM entry */
	REASON_EPT_VIOLATION = 48,
	REASON_EPT_MISCONFIGURED = 49,
	REASON_INVEPT = 50,
	REASON_RDTSCP = 51,
	REASON_TIMER = 52,
	REASON_INVVPID = 53,
	REASON_WBINVD = 54,
	REASON_XSETBV = 55,
	REASON_INVPCID = 58,
	REASON_VMFUNC = 59,
	REASON_ENCLS = 60,
	REASON_XSAVES = 63,
	REASON_XRSTORS = 64,
	REASON_PCONFIG = 65,
	REASON_UMWAIT = 67,
	REASON_TPAUSE = 68,
	REASON_LOADIWKEY = 69,
	REASON_ENCLV = 70,
	REASON_SEAMCALL = 76,
	REASON_TDCALL = 77,
	REASON_BASIC = 0xffff,
};
#define REASON_ENTRY_FAILED (UINT32_C(1) << 31)

/* Exception vectors by name; SDM volume 3, 6.3.1. */
enum vmx_vector {
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_UD = 6,
	VECTOR_DF = 8,
	VECTOR_GP = 13,
	VECTOR_AC = 17,
	VECTOR_MC = 18,
};
