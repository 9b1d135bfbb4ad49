// SPDX-License-Identifier: Apache-2.0
/*
 * What CPUID tells a guest: the host's leaves through lists of what is let through, and own leaves for topology, XSAVE,
 * TSC rate and hypervisor. Unknown leaves are zero. The hypervisor leaf carries KVM's signature with the clock page and "no I/O delay", which lets
 * Linux use x2APIC without interrupt remapping. Hidden: SVM, VMX, MCE, performance counters, MONITOR, RDTSCP (its MSR is not switched),
 * and all speculation controls. Sources: AMD64 APM volume 3 appendix E, Intel SDM volume 2 CPUID.
 */
#pragma once
#include <stdint.h>

struct cpuid_regs {
	uint32_t eax, ebx, ecx, edx;
};

/* The CPU that Redoubt runs on. */
typedef void cpuid_source(uint32_t leaf, uint32_t sub, struct cpuid_regs *out);

struct cpuid {
	cpuid_source *host;
	uint64_t tsc_khz;
	uint64_t xcr0_max;
	uint32_t apic_id, vcpus;
};

#define CPUID_HYPERVISOR 0x40000000u

/* cr4, xcr0: of the guest now. */
void cpuid_read(const struct cpuid *c, uint32_t leaf, uint32_t sub, uint64_t cr4, uint64_t xcr0,
		struct cpuid_regs *out);
