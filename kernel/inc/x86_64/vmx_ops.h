// SPDX-License-Identifier: Apache-2.0
/* Instructions of VT-x that fail only by a mistake of the kernel. Intel SDM volume 3, chapter 31. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "kernel/inc/console.h"

struct vmx_descriptor {
	uint64_t context; /* EPTP, or VPID */
	uint64_t address;
};

static inline bool vmxon(uint64_t pa)
{
	bool bad;

	__asm__ volatile("vmxon %1" : "=@ccbe"(bad) : "m"(pa) : "memory");
	return !bad;
}

static inline void vmclear(uint64_t pa)
{
	bool bad;

	__asm__ volatile("vmclear %1" : "=@ccbe"(bad) : "m"(pa) : "memory");
	assert(!bad);
}

static inline void vmptrld(uint64_t pa)
{
	bool bad;

	__asm__ volatile("vmptrld %1" : "=@ccbe"(bad) : "m"(pa) : "memory");
	assert(!bad);
}

static inline void invept(uint64_t type, uint64_t eptp)
{
	struct vmx_descriptor d = { eptp, 0 };
	bool bad;

	__asm__ volatile("invept %1, %2" : "=@ccbe"(bad) : "m"(d), "r"(type) : "memory");
	assert(!bad);
}

static inline void invvpid(uint64_t type)
{
	struct vmx_descriptor d = { 0, 0 };
	bool bad;

	__asm__ volatile("invvpid %1, %2" : "=@ccbe"(bad) : "m"(d), "r"(type) : "memory");
	assert(!bad);
}
