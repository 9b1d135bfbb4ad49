// SPDX-License-Identifier: Apache-2.0
/*
 * Ring-3 programs that run as root of a lab bundle and try the kernel's virtual machines without a
 * VMM: output, memory, threads, and machines of one flat memory with a few bytes of code in it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/calls.h"
#include "abi/root_info.h"
#include "abi/vcpu.h"

/* Memory of a guest, guest-physical. Page tables map 1 GiB one to one; only LAB_RAM of it is there. */
enum {
	LAB_RAM = 0x200000,
	LAB_PML4 = 0x1000,
	LAB_PDPT = 0x2000,
	LAB_PD = 0x3000,
	LAB_IDT = 0x4000,
	LAB_GDT = 0x5000,
	LAB_CODE = 0x10000,
	LAB_STACK = 0x20000,
	LAB_DATA = 0x30000,
	LAB_HOLE = 0x30000000, /* nothing there */
};

struct lab_vm {
	sel_t space;
	sel_t mo;
	uint8_t *mem; /* LAB_RAM bytes */
};

struct lab_vcpu {
	sel_t sel;
	struct vcpu_state *s;
};

extern const struct root_info *lab_root;
extern const char *lab_name;

/* The program; called by the entry. Returns the exit code of the machine: 0 good. */
int lab_main(void);
/* Where the entry code goes. */
_Noreturn void lab_start(const struct root_info *root);

void lab_text(const char *text);
void lab_number(uint64_t value);
/* "ok NAME: what" or "not ok NAME: what"; returns good. */
bool lab_check(bool good, const char *what);
/* lab_check that prints the values when they differ. */
bool lab_equal(uint64_t got, uint64_t want, const char *what);
/* Ends the program with a message when a call that has to work does not. */
void lab_must(enum status status, const char *what);
int lab_failed(void);

/* A selector, and an address range of `pages` in root's domain, that are not in use. */
sel_t lab_sel(void);
uint64_t lab_va(uint64_t pages);
/* A part of free memory: its selector. */
sel_t lab_memory(uint64_t size, uint64_t align);
extern uint64_t lab_memory_at; /* physical address of the last one */
/* The same, mapped for reading and writing and zeroed. */
void *lab_alloc(uint64_t size, sel_t *mo);

/* All selectors, addresses and memory given out since the mark can be given out again: nothing of them is in use. */
struct lab_mark {
	sel_t sel;
	uint64_t va, memory;
};
struct lab_mark lab_mark(void);
void lab_release(struct lab_mark mark);

/* A thread with a stack on `cpu`; fn must not return but may call lab_thread_end(). */
sel_t lab_thread(uint32_t cpu, uint64_t prio, void (*fn)(void));
_Noreturn void lab_thread_end(void);
uint64_t lab_tsc(void);

/* A machine with its memory mapped; code to LAB_CODE. */
void lab_vm_make(struct lab_vm *vm, const uint8_t *code, const uint8_t *code_end);
/* A vCPU that starts at LAB_CODE + offset in 64-bit mode, paging on, interrupts off. */
void lab_vcpu_make(struct lab_vcpu *v, const struct lab_vm *vm, uint64_t offset);
/* Fill the page with that start state. */
void lab_vcpu_reset(struct lab_vcpu *v, uint64_t offset);
/* Run; returns the exit, or 0x100 + status. */
uint64_t lab_run(const struct lab_vcpu *v, sel_t sm, uint64_t deadline);
/* Gate `vector` of the guest's IDT to LAB_CODE + offset. */
void lab_gate(const struct lab_vm *vm, unsigned vector, uint64_t offset);
