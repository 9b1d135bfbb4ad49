// SPDX-License-Identifier: Apache-2.0
/*
 * KVM's clock page: tells a guest the rate of its TSC and the time of day, so that it need not calibrate against timers whose
 * reads exit. Written once when the guest names the page: the TSC never changes its rate here.
 * Source: Linux Documentation/virt/kvm/x86/msr.rst. Only the new MSR numbers.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/guest_mem.h"

enum pvclock_msr { MSR_PV_WALL_CLOCK = 0x4b564d00, MSR_PV_SYSTEM_TIME = 0x4b564d01 };

struct pvclock_time {
	uint32_t version, pad0;
	uint64_t tsc;         /* guest TSC at which system_time was right */
	uint64_t system_time; /* ns since the VM started */
	uint32_t mul;         /* ns = ((tsc << shift) * mul) >> 32; a negative shift goes right */
	int8_t shift;
	uint8_t flags;
	uint8_t pad[2];
};
_Static_assert(sizeof(struct pvclock_time) == 32, "pvclock_vcpu_time_info");

struct pvclock_wall {
	uint32_t version, seconds, nanoseconds;
};

struct pvclock_time pvclock_make(uint64_t tsc_khz, uint64_t tsc_adjust);
/* Answer a write to one of the MSRs; false: #GP. utc: seconds since 1970 when the VM started. */
bool pvclock_write(const struct guest_mem *gm, uint32_t msr, uint64_t value, uint64_t tsc_khz,
		   uint64_t tsc_adjust, uint64_t utc);
