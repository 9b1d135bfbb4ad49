// SPDX-License-Identifier: Apache-2.0
/* What the parts of root's engine on Redoubt's kernel share. */
#pragma once
#include <stdbool.h>
#include "abi/calls.h"
#include "abi/root_info.h"
#include "services/root/engine.h"

/* Physical memory appears in root's space, when it does, at ROOT_WINDOW + physical address. */
#define ROOT_WINDOW 0x100000000000ull

extern const struct root_info *root;
extern struct wake root_wake; /* root's own */

/* An unused selector of root's table; 0: none left. */
sel_t sel_new(void);
void sel_free(sel_t sel);
/* Revokes the capability with all made from it, frees the selector and sets it 0. Nothing happens to 0. */
void sel_drop(sel_t *sel);

void memory_begin(void);
/* Maps `size` bytes from the start of `mo`, physical `base`, read-only in the window. NULL: no kernel memory. */
const void *memory_peek(sel_t mo, uint64_t base, uint64_t size);

const struct root_part *part_find(const char *name);

/* klog.c: from now on engine_tick() passes on what the kernel logs. */
void klog_begin(void);

/* fault.c: one handler thread per CPU. Dies if they cannot be made. */
void faults_begin(void);
/* From now on domain `number` is a new one: what its predecessor's portals say is ignored. */
void faults_expect(uint32_t number);
/* Portal for exceptions of domain `number` on `cpu`; 0: no kernel memory. */
sel_t fault_portal(uint32_t number, uint32_t cpu);
