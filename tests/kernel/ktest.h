// SPDX-License-Identifier: Apache-2.0
/*
 * Tests of the kernel from outside: one program that runs as root of a lab bundle, makes domains that run parts of its own image, and
 * looks at what they can and cannot do. Output and threads of root itself come from tests/vm/lab.h.
 */
#pragma once
#include "tests/vm/lab.h"

enum {
	KT_FRAMES = 128, /* kernel memory of a test domain */
	KT_PRIO = 100,   /* below root's thread */
	KT_LOW = 50,
};

/* Where things are in every test domain. */
#define KT_STACK_TOP 0x70000000ull
#define KT_UTCB      0x71000000ull
#define KT_SHARED    0x72000000ull /* one page shared with root */

/* Selectors in every test domain. */
enum {
	KT_SEL_PD = 1, /* itself: may pay, map, make threads */
	KT_SEL_SM = 2, /* up and down; root has it too */
	KT_SEL_PT = 3, /* a portal, if the test gives one */
	KT_SEL_FREE = 64,
};

/* A domain with the program's image, a stack and one shared page. */
struct domain {
	sel_t pd;
	sel_t ec;
	sel_t sc;
	sel_t sm;
	sel_t image_mo, data_mo, stack_mo, shared_mo;
	volatile uint64_t *shared; /* root's view of KT_SHARED */
};

/* Makes one; nothing runs in it yet. */
void domain_make(struct domain *d, uint64_t frames);

/* The same, with a limit to the priorities it can give. */
void domain_make_below(struct domain *d, uint64_t frames, uint64_t max_prio);

/* A global thread in it at fn, which must not return; a local one without fn. */
void domain_run(struct domain *d, uint32_t cpu, uint64_t prio, void (*fn)(void));
sel_t domain_server(struct domain *d, uint32_t cpu, void (*entry)(uint64_t id, uint64_t words),
		    uint64_t id);

/* Everything back; root's account must hold what it held before. */
void domain_end(struct domain *d);

/* In a test domain: the shared page; the end of a thread. */
static inline volatile uint64_t *kt_shared(void)
{
	return (volatile uint64_t *)KT_SHARED;
}

_Noreturn void kt_stop(void);

/* Any call with any six arguments: its status. */
uint64_t kt_call(uint64_t number, const uint64_t *args, uint64_t *results);

/* Kernel memory in use by root and all its descendants' quotas. */
uint64_t root_used(void);
uint64_t root_quota(void);

/* What the fault handler of root saw last. */
struct seen_fault {
	volatile uint64_t count, id, vector, error, cr2, ip;
};
extern struct seen_fault seen;

/* A portal of root with a thread on `cpu`; entered like domain_server's. */
sel_t root_server(uint32_t cpu, void (*entry)(uint64_t id, uint64_t words), uint64_t id);

/* A portal of root on `cpu` that records faults, stops the thread and ups `done`. */
sel_t fault_portal(uint32_t cpu, sel_t done, uint64_t id);

/* Waits up to ms; true: the semaphore came. */
bool wait_sm(sel_t sm, uint64_t ms);
void sleep_ms(uint64_t ms);
uint64_t state_of(sel_t ec);

/* Waits up to 2 s for others to make it true: how soon they run is the host's affair. */
#define UNTIL(condition)                                                   \
	for (unsigned until_ = 0; until_ < 1000 && !(condition); until_++) \
	sleep_ms(2)

void test_ipc(void);
void test_death(void);
void test_faults(void);
void test_memory(void);
void test_capabilities(void);
void test_time(void);
void test_cpus(void);
void test_interrupt(void);
void test_dma(void);
void test_random_calls(void);
void test_model(unsigned rounds);
