// SPDX-License-Identifier: Apache-2.0
/* AMD SVM: what its files share. AMD64 APM volume 2, chapter 15. */
#pragma once
#include "kernel/inc/asid.h"
#include "kernel/inc/ptab.h"

#define MSR_VM_CR          0xc0010114u
#define MSR_VM_HSAVE_PA    0xc0010117u
#define SVM_CPUID_FEATURES 0x8000000au

enum {
	VM_CR_SVMDIS = 1 << 4,
	EFER_SVME = 1 << 12,
	SVM_CPUID_NP = 1 << 0, /* EDX of SVM_CPUID_FEATURES: nested paging */
};

/* In struct cpu.vm. */
struct svm_cpu {
	uint64_t host; /* physical: VMCB that keeps the host's VMSAVE state */
	struct asid_pool asids;
};

extern const struct ptab_format ptab_npt;

/* kernel/src/x86_64/entry_svm.S */
void svm_enter(uint64_t vmcb, uint64_t *gpr, uint64_t host);
