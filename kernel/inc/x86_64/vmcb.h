// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual machine control block of AMD SVM.
 * Source: AMD64 Architecture Programmer's Manual, volume 2, chapter 15 and appendices B and C.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Appendix B, table B-1, offset 00Ch. */
enum svm_intercept1 {
	SVM_I1_INTR = 1 << 0,
	SVM_I1_NMI = 1 << 1,
	SVM_I1_INIT = 1 << 3,
	SVM_I1_VINTR = 1 << 4,
	SVM_I1_RDPMC = 1 << 15,
	SVM_I1_CPUID = 1 << 18,
	SVM_I1_IRET = 1 << 20,
	SVM_I1_INVD = 1 << 22,
	SVM_I1_PAUSE = 1 << 23,
	SVM_I1_HLT = 1 << 24,
	SVM_I1_INVLPGA = 1 << 26,
	SVM_I1_IO = 1 << 27,
	SVM_I1_MSR = 1 << 28,
	SVM_I1_TASK = 1 << 29,
};
#define SVM_I1_SHUTDOWN (UINT32_C(1) << 31)

/* Offset 010h. */
enum svm_intercept2 {
	SVM_I2_VMRUN = 1 << 0,
	SVM_I2_VMMCALL = 1 << 1,
	SVM_I2_VMLOAD = 1 << 2,
	SVM_I2_VMSAVE = 1 << 3,
	SVM_I2_STGI = 1 << 4,
	SVM_I2_CLGI = 1 << 5,
	SVM_I2_SKINIT = 1 << 6,
	SVM_I2_RDTSCP = 1 << 7,
	SVM_I2_WBINVD = 1 << 9,
	SVM_I2_MONITOR = 1 << 10,
	SVM_I2_MWAIT = 1 << 11,
	SVM_I2_MWAIT_ARMED = 1 << 12,
	SVM_I2_XSETBV = 1 << 13,
	SVM_I2_RDPRU = 1 << 14,
};

/* Offset 014h. */
enum svm_intercept3 {
	SVM_I3_INVLPGB = 1 << 0,
	SVM_I3_INVLPGB_ILLEGAL = 1 << 1,
	SVM_I3_MCOMMIT = 1 << 3,
	SVM_I3_TLBSYNC = 1 << 4,
};

/* Offset 008h: one bit per exception vector. */
enum svm_exception {
	SVM_EXC_DB = 1,
	SVM_EXC_UD = 6,
	SVM_EXC_GP = 13,
	SVM_EXC_AC = 17,
	SVM_EXC_MC = 18,
	SVM_EXC_LAST = 31,
};

/* Offset 05Ch. */
enum svm_tlb_control {
	SVM_TLB_KEEP = 0,
	SVM_TLB_FLUSH_ALL = 1,
};

/* Offset 060h. */
enum svm_vintr {
	SVM_V_TPR = 0xff,
	SVM_V_IRQ = 1 << 8,
	SVM_V_PRIO = 0xf << 16,
	SVM_V_IGN_TPR = 1 << 20,
	SVM_V_INTR_MASKING = 1 << 24,
	SVM_V_VECTOR_SHIFT = 32,
};

/* Offsets 068h, 090h. */
enum svm_misc {
	SVM_SHADOW = 1 << 0,
	SVM_NP_ENABLE = 1 << 0,
};

/* Type of EXITINTINFO and EVENTINJ, bits 10:8; 15.20. */
enum svm_event_type {
	SVM_EVENT_INTR = 0,
	SVM_EVENT_NMI = 2,
	SVM_EVENT_EXCEPTION = 3,
	SVM_EVENT_SOFT = 4,
};

/* Appendix C. */
enum svm_exit {
	SVM_EXIT_CR_READ = 0x00,
	SVM_EXIT_CR_WRITE = 0x10,
	SVM_EXIT_DR_READ = 0x20,
	SVM_EXIT_DR_WRITE = 0x30,
	SVM_EXIT_EXC = 0x40,
	SVM_EXIT_INTR = 0x60,
	SVM_EXIT_NMI = 0x61,
	SVM_EXIT_INIT = 0x63,
	SVM_EXIT_VINTR = 0x64,
	SVM_EXIT_RDPMC = 0x6f,
	SVM_EXIT_CPUID = 0x72,
	SVM_EXIT_INVD = 0x76,
	SVM_EXIT_PAUSE = 0x77,
	SVM_EXIT_HLT = 0x78,
	SVM_EXIT_INVLPGA = 0x7a,
	SVM_EXIT_IO = 0x7b,
	SVM_EXIT_MSR = 0x7c,
	SVM_EXIT_IRET = 0x74,
	SVM_EXIT_TASK = 0x7d,
	SVM_EXIT_SHUTDOWN = 0x7f,
	SVM_EXIT_VMRUN = 0x80,
	SVM_EXIT_VMMCALL = 0x81,
	SVM_EXIT_VMLOAD = 0x82,
	SVM_EXIT_VMSAVE = 0x83,
	SVM_EXIT_STGI = 0x84,
	SVM_EXIT_CLGI = 0x85,
	SVM_EXIT_SKINIT = 0x86,
	SVM_EXIT_RDTSCP = 0x87,
	SVM_EXIT_WBINVD = 0x89,
	SVM_EXIT_MONITOR = 0x8a,
	SVM_EXIT_MWAIT = 0x8b,
	SVM_EXIT_MWAIT_ARMED = 0x8c,
	SVM_EXIT_XSETBV = 0x8d,
	SVM_EXIT_RDPRU = 0x8e,
	SVM_EXIT_INVLPGB = 0xa0,
	SVM_EXIT_INVLPGB_ILLEGAL = 0xa1,
	SVM_EXIT_MCOMMIT = 0xa3,
	SVM_EXIT_TLBSYNC = 0xa4,
	SVM_EXIT_NPF = 0x400,
};
#define SVM_EXIT_INVALID UINT32_MAX /* low half; QEMU leaves the high half 0 */

/* EXITINFO1 of SVM_EXIT_IO; 15.10.2. EXITINFO2 is the rIP of the next instruction. */
enum svm_io_info {
	SVM_IO_IN = 1 << 0,
	SVM_IO_STRING = 1 << 2,
	SVM_IO_REP = 1 << 3,
	SVM_IO_SIZE_SHIFT = 4, /* SZ8, SZ16, SZ32: the size in bytes, as it were */
	SVM_IO_SIZE_MASK = 7,
	SVM_IO_PORT_SHIFT = 16,
};

/* EXITINFO1 of SVM_EXIT_NPF; 15.25.6. EXITINFO2 is the guest-physical address. */
enum svm_npf_info {
	SVM_NPF_PRESENT = 1 << 0,
	SVM_NPF_WRITE = 1 << 1,
	SVM_NPF_FETCH = 1 << 4,
};
#define SVM_NPF_WALK (UINT64_C(1) << 33)

/* EXITINFO1 of CR and DR moves with decode assists; 15.33.1. */
enum svm_mov_info {
	SVM_MOV_GPR = 0xf,
};
#define SVM_MOV_VALID (UINT64_C(1) << 63)

/* Appendix B, table B-2. attr: as enum vcpu_attr. */
struct vmcb_seg {
	uint16_t sel;
	uint16_t attr;
	uint32_t limit;
	uint64_t base;
};

struct vmcb {
	/* control area */
	uint16_t intercept_cr_read;
	uint16_t intercept_cr_write;
	uint16_t intercept_dr_read;
	uint16_t intercept_dr_write;
	uint32_t intercept_exception;
	uint32_t intercept1;
	uint32_t intercept2;
	uint32_t intercept3;
	uint8_t reserved0[0x3c - 0x18];
	uint16_t pause_threshold;
	uint16_t pause_count;
	uint64_t iopm;
	uint64_t msrpm;
	uint64_t tsc_offset;
	uint32_t asid;
	uint32_t tlb_control;
	uint64_t vintr;
	uint64_t shadow;
	uint64_t exit_code;
	uint64_t exit_info1;
	uint64_t exit_info2;
	uint64_t exit_event;
	uint64_t np_enable;
	uint8_t reserved1[0xa8 - 0x98];
	uint64_t event;
	uint64_t np_cr3;
	uint64_t lbr;
	uint64_t clean;
	uint64_t next_rip;
	uint8_t fetched;
	uint8_t fetch[15];
	uint8_t reserved2[0x400 - 0xe0];

	/* state save area */
	struct vmcb_seg seg[6]; /* es cs ss ds fs gs */
	struct vmcb_seg gdtr, ldtr, idtr, tr;
	uint8_t reserved3[0x4cb - 0x4a0];
	uint8_t cpl;
	uint8_t reserved4[4];
	uint64_t efer;
	uint8_t reserved5[0x548 - 0x4d8];
	uint64_t cr4, cr3, cr0;
	uint64_t dr7, dr6;
	uint64_t rflags, rip;
	uint8_t reserved6[0x5d8 - 0x580];
	uint64_t rsp;
	uint8_t reserved7[0x5f8 - 0x5e0];
	uint64_t rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t cr2;
	uint8_t reserved8[0x668 - 0x648];
	uint64_t pat;
	uint8_t reserved9[0x1000 - 0x670];
};

_Static_assert(sizeof(struct vmcb_seg) == 16, "vmcb_seg");
_Static_assert(offsetof(struct vmcb, iopm) == 0x040, "iopm");
_Static_assert(offsetof(struct vmcb, asid) == 0x058, "asid");
_Static_assert(offsetof(struct vmcb, pause_count) == 0x03e, "pause_count");
_Static_assert(offsetof(struct vmcb, vintr) == 0x060, "vintr");
_Static_assert(offsetof(struct vmcb, exit_code) == 0x070, "exit_code");
_Static_assert(offsetof(struct vmcb, exit_event) == 0x088, "exit_event");
_Static_assert(offsetof(struct vmcb, np_enable) == 0x090, "np_enable");
_Static_assert(offsetof(struct vmcb, event) == 0x0a8, "event");
_Static_assert(offsetof(struct vmcb, np_cr3) == 0x0b0, "np_cr3");
_Static_assert(offsetof(struct vmcb, next_rip) == 0x0c8, "next_rip");
_Static_assert(offsetof(struct vmcb, seg) == 0x400, "seg");
_Static_assert(offsetof(struct vmcb, tr) == 0x490, "tr");
_Static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "cpl");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0, "efer");
_Static_assert(offsetof(struct vmcb, cr4) == 0x548, "cr4");
_Static_assert(offsetof(struct vmcb, dr7) == 0x560, "dr7");
_Static_assert(offsetof(struct vmcb, rflags) == 0x570, "rflags");
_Static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "rsp");
_Static_assert(offsetof(struct vmcb, rax) == 0x5f8, "rax");
_Static_assert(offsetof(struct vmcb, sysenter_cs) == 0x628, "sysenter_cs");
_Static_assert(offsetof(struct vmcb, cr2) == 0x640, "cr2");
_Static_assert(offsetof(struct vmcb, pat) == 0x668, "pat");
_Static_assert(sizeof(struct vmcb) == 0x1000, "vmcb");
