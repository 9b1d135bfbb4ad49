// SPDX-License-Identifier: Apache-2.0
/* Parts of the program vmtest, and how they start the guests of tests/vm/guests.S. */
#pragma once
#include "tests/vm/lab.h"

#define GUEST(name) extern const uint8_t guest_##name[], guest_##name##_end[];

/* With locals vm, v, s: a machine that runs the guest, and its page. */
#define MACHINE(name)                                               \
	do {                                                        \
		lab_vm_make(&vm, guest_##name, guest_##name##_end); \
		lab_vcpu_make(&v, &vm, 0);                          \
		s = v.s;                                            \
	} while (0)

void test_exits(void);
void test_hostile(void);
void test_sharing(void);
void test_vtx(void);
