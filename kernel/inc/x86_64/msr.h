// SPDX-License-Identifier: Apache-2.0
/* Model-specific registers and control register bits used by the kernel. Intel SDM volume 4; AMD APM volume 2, appendix A. */
#pragma once

enum {
	MSR_APIC_BASE = 0x1b,
	MSR_SPEC_CTRL = 0x48,
	MSR_ARCH_CAPABILITIES = 0x10a,
	MSR_SYSENTER_CS = 0x174,
	MSR_SYSENTER_ESP = 0x175,
	MSR_SYSENTER_EIP = 0x176,
	MSR_PAT = 0x277,
	MSR_TSC_DEADLINE = 0x6e0,
	MSR_X2APIC = 0x800,
};

#define MSR_EFER           0xc0000080u
#define MSR_STAR           0xc0000081u
#define MSR_LSTAR          0xc0000082u
#define MSR_CSTAR          0xc0000083u
#define MSR_SFMASK         0xc0000084u
#define MSR_FS_BASE        0xc0000100u
#define MSR_GS_BASE        0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u

enum {
	ARCH_CAP_RDCL_NO = 1 << 0,
	ARCH_CAP_IBRS_ALL = 1 << 1,
	ARCH_CAP_SKIP_L1D_FLUSH = 1 << 3,
	ARCH_CAP_MDS_NO = 1 << 5,

	EFER_SCE = 1 << 0,
	EFER_LME = 1 << 8,
	EFER_LMA = 1 << 10,
	EFER_NXE = 1 << 11,
	EFER_KNOWN = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, /* on Intel */
	EFER_AIBRSE = 1 << 21,

	CR0_PE = 1 << 0,
	CR0_MP = 1 << 1,
	CR0_EM = 1 << 2,
	CR0_TS = 1 << 3,
	CR0_NE = 1 << 5,
	CR0_WP = 1 << 16,
	CR0_AM = 1 << 18,
	CR0_NW = 1 << 29,
	CR0_CD = 1 << 30,

	CR4_VME = 1 << 0,
	CR4_PVI = 1 << 1,
	CR4_TSD = 1 << 2,
	CR4_DE = 1 << 3,
	CR4_PSE = 1 << 4,
	CR4_PAE = 1 << 5,
	CR4_MCE = 1 << 6,
	CR4_PGE = 1 << 7,
	CR4_PCE = 1 << 8,
	CR4_OSFXSR = 1 << 9,
	CR4_OSXMMEXCPT = 1 << 10,
	CR4_UMIP = 1 << 11,
	CR4_VMXE = 1 << 13,
	CR4_FSGSBASE = 1 << 16,
	CR4_PCIDE = 1 << 17,
	CR4_OSXSAVE = 1 << 18,
	CR4_SMEP = 1 << 20,
	CR4_SMAP = 1 << 21,

	RFLAGS_CF = 1 << 0,
	RFLAGS_FIXED = 1 << 1,
	RFLAGS_TF = 1 << 8,
	RFLAGS_IF = 1 << 9,
	RFLAGS_DF = 1 << 10,
	RFLAGS_IOPL = 3 << 12,
	RFLAGS_NT = 1 << 14,
	RFLAGS_VM = 1 << 17,
	RFLAGS_AC = 1 << 18,
	RFLAGS_KNOWN = 0x3f7fd7,
	RFLAGS_USER = 0xcd5, /* arithmetic flags and DF: what a fault handler may set */
	RFLAGS_INIT = 0x202,
};

#define CR0_PG (1ull << 31)
