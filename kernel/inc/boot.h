// SPDX-License-Identifier: Apache-2.0
/* The loader's boot info, checked and copied, and what follows from it. */
#pragma once
#include "boot/bootinfo.h"
#include <stdbool.h>

extern struct bootinfo bootinfo;

/* Panics if it makes no sense. */
void boot_take(const struct bootinfo *from);

/* True: [base, base+size) touches RAM of any kind or the kernel's devices. */
bool boot_is_ram(uint64_t base, uint64_t size);

/* Makes root and its thread; never fails but by panic. */
void root_start(void);
