// SPDX-License-Identifier: Apache-2.0
/* Intel VT-x: what its files share. SDM volume 3, appendix A: capabilities. */
#pragma once
#include "kernel/inc/asid.h"
#include "kernel/inc/ptab.h"
#include "kernel/inc/x86_64/state_vmx.h"

struct vcpu;

enum vmx_msr {
	MSR_FEATURE_CONTROL = 0x3a,
	MSR_FLUSH_CMD = 0x10b,
	MSR_VMX_BASIC = 0x480,
	MSR_VMX_MISC = 0x485,
	MSR_VMX_CR0_FIXED0 = 0x486,
	MSR_VMX_CR0_FIXED1 = 0x487,
	MSR_VMX_CR4_FIXED0 = 0x488,
	MSR_VMX_CR4_FIXED1 = 0x489,
	MSR_VMX_PROC2 = 0x48b,
	MSR_VMX_EPT_VPID = 0x48c,
	MSR_VMX_TRUE_PIN = 0x48d,
	MSR_VMX_TRUE_PROC = 0x48e,
	MSR_VMX_TRUE_EXIT = 0x48f,
	MSR_VMX_TRUE_ENTRY = 0x490,
};

enum vmx_feature_control {
	FEATURE_LOCKED = 1 << 0,
	FEATURE_VMXON = 1 << 2, /* outside SMX */
};

/* A.1 */
#define VMX_BASIC_REVISION   0x7fffffffull
#define VMX_BASIC_TYPE       (UINT64_C(0xf) << 50)
#define VMX_BASIC_WRITE_BACK (UINT64_C(6) << 50)
#define VMX_BASIC_TRUE       (UINT64_C(1) << 55)

/* A.6 */
enum vmx_misc {
	MISC_TIMER_SHIFT = 0x1f, /* the preemption timer counts TSC ticks >> this */
};

/* A.10 */
#define EPT_CAP_WALK_4        (UINT64_C(1) << 6)
#define EPT_CAP_WRITE_BACK    (UINT64_C(1) << 14)
#define EPT_CAP_2M            (UINT64_C(1) << 16)
#define EPT_CAP_1G            (UINT64_C(1) << 17)
#define EPT_CAP_INVEPT        (UINT64_C(1) << 20)
#define EPT_CAP_AD            (UINT64_C(1) << 21)
#define EPT_CAP_INVEPT_SINGLE (UINT64_C(1) << 25)
#define EPT_CAP_INVVPID       (UINT64_C(1) << 32)
#define EPT_CAP_INVVPID_ALL   (UINT64_C(1) << 42)

/* 25.6.11 */
enum vmx_eptp {
	EPTP_WRITE_BACK = 6,
	EPTP_WALK_4 = 3 << 3,
	EPTP_AD = 1 << 6,
};

enum vmx_invalidate {
	INVEPT_SINGLE = 1,
	INVVPID_ALL = 2,
};

enum {
	VPIDS = 0xffff, /* but 0, which is the host's */
};

/* What a processor says of itself. */
struct vmx_offer {
	uint64_t basic, pin, proc, proc2, exit, entry, ept_vpid, cr4_fixed1;
};

/* In struct cpu.vm. */
struct vmx_cpu {
	struct asid_pool vpids;
	struct vcpu *current; /* whose VMCS is; NULL: nobody's */
};

/* In struct vcpu.vm. */
struct vmx_vcpu {
	struct vmx_guest guest;
	uint64_t host_rsp, host_cr3, host_fs; /* as in the VMCS */
	uint64_t eptp;
	uint32_t vpid; /* as in the VMCS */
	uint32_t refusals;
	bool launched;
};

extern const struct ptab_format ptab_ept;
extern unsigned int ept_leaf_level;

/* Chooses the controls from an offer; NULL, or what the processor lacks. host_cr4: CR4 of the host. */
const char *vmx_controls_choose(struct vmx_controls *c, const struct vmx_offer *o,
				uint64_t host_cr4);

/* kernel/src/x86_64/entry_vmx.S. True: the instruction failed, the guest has not run. */
bool vmx_enter(uint64_t *gpr, bool launched, uint64_t *host_rsp);
extern const char vmx_exit_point[];
extern bool vmx_clear_buffers;
