// SPDX-License-Identifier: Apache-2.0
/*
 * The threads that run the machine's vCPUs, and what wakes them. vCPU 0 is the component's own thread with the component's own semaphore; each
 * other has one of both, on the machine's CPUs in turn. An exception in any of them ends the component (lib/start.h: START_SEL_FAULT).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* What the VMM fills its free selectors with. */
enum vmm_sel {
	SEL_SPACE = 64,
	SEL_VCPU = 72,  /* + number */
	SEL_WAKE = 80,  /* + number, from 1 */
	SEL_GO = 88,    /* as SEL_WAKE: the next threads_run() */
	SEL_EC = 96,    /* as SEL_WAKE */
	SEL_SC = 104,   /* as SEL_WAKE */
	SEL_LOCK = 112, /* who waits for the machine's lock */
};

/* Selector of the semaphore that the vCPU sleeps on and runs with. */
uint32_t thread_wake(unsigned vcpu);
/* For `vcpus` vCPUs, vCPU 0 with its thread included. NULL or what is wrong. */
const char *threads_make(unsigned vcpus, void (*life)(unsigned vcpu));
/* All but vCPU 0 live once. */
void threads_run(void);
/* Until all those have returned. */
void threads_join(void);
