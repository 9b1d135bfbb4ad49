// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's common code on the host: one CPU, a pool of frames, a root domain whose thread makes calls. The processor's part is replaced by
 * the headers beside this one (found first by -iquote).
 */
#pragma once
#include "abi/decode.h"
#include "kernel/inc/cpu.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/pd.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	WORLD_FRAMES = 4096,
	ROOT_FRAMES = 3000,
	ROOT_PD = 1, /* root's selectors */
	ROOT_MO = 2,
	ROOT_PIO = 3,
	ROOT_DC = 4,
	ROOT_EC = 5,
	ROOT_SC = 6,
	ROOT_FREE = 16,
};

#define RAM_BASE 0x100000000ull
#define RAM_SIZE 0x10000000ull

struct world {
	struct pd *root;
	struct ec *ec;   /* root's thread */
	uint64_t v0, v1; /* results of the last call */
};

extern struct world world;

/* Starts afresh. */
void world_make(void);

/* A call by root's thread, run again as often as the kernel asks. If the thread has to wait, S_WAITS. */
enum { S_WAITS = 100 };
uint32_t world_call(uint32_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		    uint64_t f);
uint32_t world_call_as(struct ec *ec, uint32_t number, const uint64_t args[6]);

#define CALL6(n, a, b, c, d, e, f)                                                       \
	world_call(CALL_##n, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), \
		   (uint64_t)(e), (uint64_t)(f))
#define CALL5(n, a, b, c, d, e) CALL6(n, a, b, c, d, e, 0)
#define CALL4(n, a, b, c, d)    CALL6(n, a, b, c, d, 0, 0)
#define CALL3(n, a, b, c)       CALL6(n, a, b, c, 0, 0, 0)
#define CALL2(n, a, b)          CALL6(n, a, b, 0, 0, 0, 0)

/* Lets the kernel choose the next thread; host_cpu->ec is NULL afterwards if none can run. */
void world_run(void);

/* The slot of a domain at a selector, or NULL. */
struct slot *world_slot(struct pd *pd, sel_t sel);
struct pd *world_pd(sel_t sel);

/* One stay in a guest: the exit, or VM_EXIT_NONE after a host event. What the vendor was asked to move. */
struct vcpu;
extern uint32_t (*host_guest)(struct vcpu *v);
struct host_guest_log {
	uint32_t loaded, stored; /* groups */
};
extern struct host_guest_log host_guest_log;

/* What the IOMMU was told. iommu_start() turns it on, and forgets. */
struct host_iommu {
	uint64_t root[65536]; /* by requester id; 0: denied */
	uint16_t domain[65536];
	int routed[65536];
	unsigned flushed[256]; /* by domain */
	unsigned faults;       /* still to be reported */
};
extern struct host_iommu host_iommu;
extern unsigned host_timer_set; /* how often the CPU's timer was set */
extern unsigned world_lines;    /* lines the kernel printed */

/* Everything the kernel's data structures promise, walked and compared; NULL: fine, else what is wrong. */
const char *world_check(void);

/* "ok NAME: what" or "not ok NAME: what". */
extern const char *test_name;
bool check(bool good, const char *what);
int failures(void);
