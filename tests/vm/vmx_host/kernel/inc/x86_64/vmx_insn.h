// SPDX-License-Identifier: Apache-2.0
/* Host tests: the VMCS is an array, indexed by the encodings of its fields. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	VMCS_FIELDS = 0x7000,
};

extern uint64_t vmcs[VMCS_FIELDS];
extern unsigned int vmwrites;

static inline uint64_t vmread(uint64_t field)
{
	return vmcs[field];
}

static inline void vmwrite(uint64_t field, uint64_t value)
{
	vmcs[field] = value;
	vmwrites++;
}
