// SPDX-License-Identifier: Apache-2.0
/* Reading and writing the current VMCS. The host's unit tests bring their own. Intel SDM volume 3, chapter 31. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* A field this processor does not have, or no VMCS is current: the kernel's own mistake. */
_Noreturn void vmx_field_missing(uint64_t field);

static inline uint64_t vmread(uint64_t field)
{
	uint64_t value;
	bool bad;

	__asm__ volatile("vmread %2, %1" : "=@ccbe"(bad), "=r"(value) : "r"(field));
	if (__builtin_expect(bad, 0))
		vmx_field_missing(field);
	return value;
}

static inline void vmwrite(uint64_t field, uint64_t value)
{
	bool bad;

	__asm__ volatile("vmwrite %2, %1" : "=@ccbe"(bad) : "r"(field), "r"(value));
	if (__builtin_expect(bad, 0))
		vmx_field_missing(field);
}
