// SPDX-License-Identifier: Apache-2.0
/*
 * Threads. A thread is bound to one CPU. Global threads have a scheduling context of their own; local ones serve portals and run on the
 * caller's. One page holds the registers (first, where the CPU pushes interrupt frames), the rest of the state, and the FPU area.
 */
#pragma once
#include "abi/types.h"
#include "kernel/inc/heap.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/obj.h"
#include "kernel/inc/regs.h"

struct pt;
struct sc;
struct sm;
struct mapping;

enum ec_run {
	EC_READY,   /* top of its scheduling context: running or in the run queue */
	EC_CALLING, /* its time is with callee */
	EC_WAIT_SM,
	EC_WAIT_HANDLER, /* queued for a busy local thread */
	EC_IDLE,         /* local: no caller; global: no scheduling context */
	EC_HALTED,       /* dead or being killed */
};

/* What a long map call keeps between its steps: the thread's registers are not trusted to be the same. */
struct build {
	struct mapping *to; /* NULL: none */
	uint64_t pa;        /* of its first page */
	uint64_t size;      /* in the end */
	uint32_t attr;
	uint8_t status; /* if `undo` */
	bool undo;      /* it failed: what was built goes */
	bool lost;      /* the mapping was taken away meanwhile */
};

enum ec_held {
	HELD_SUSPENDED = 1 << 0,
	HELD_FAULTED = 1 << 1, /* stopped by an exception */
	HELD_NO_TIME = 1 << 2, /* its scheduling context died while it waits for a callee */
};

enum {
	EC_FPU_OFFSET = 1024,
	EC_FPU_MAX = FRAME_SIZE - EC_FPU_OFFSET,
};

struct ec {
	struct regs regs; /* must be first */
	bool sysret;      /* leaves the kernel by sysret, else iret; offset known to entry.S */
	struct obj obj;
	struct pd *pd;
	struct utcb *utcb; /* kernel address */
	uint64_t utcb_va;
	uint64_t sp;   /* of a local thread at each entry */
	struct sc *sc; /* it runs on; NULL: none */
	struct ec *caller;
	struct ec *callee;
	uint16_t cpu;
	uint8_t run; /* enum ec_run */
	bool local;
	uint8_t held;        /* enum ec_held; 0: may run */
	bool in_fault;       /* its caller's message was an exception: the reply is a fault_reply */
	bool caller_aborted; /* the thread it should reply to died; what is above gets S_ABORTED */
	bool reaping;        /* its revoke call is past the capabilities */
	struct heap callers; /* EC_WAIT_HANDLER threads that want this one */
	struct heap_node wait; /* in callers of another, or in a semaphore */
	struct heap_node timer;
	struct sm *wait_sm;
	struct ec *wait_ec;
	struct list portals; /* struct pt.ec_link */
	struct pt *fault_pt;
	struct list fault_link; /* on fault_pt->fault_users */
	struct build build;     /* its map call, while that goes on in steps */
	void *fpu;
	char name[NAME_BYTES];
};

_Static_assert(offsetof(struct ec, sysret) == 176, "entry.S");
_Static_assert(sizeof(struct ec) <= EC_FPU_OFFSET, "the FPU area follows in the same page");

struct ec_start {
	uint64_t cpu; /* | enum ec_flag */
	uint64_t utcb_va;
	uint64_t sp;
	uint64_t ip;
};

/* A thread in pd, without a capability to it yet; NULL and *s: why not. */
struct ec *ec_create(struct pd *pd, const struct ec_start *start, enum status *s);
enum reap_result ec_reap(struct ec *e);

/* Result of the call that e is in. */
static inline void ec_status(struct ec *e, enum status s)
{
	e->regs.rax = s;
}

static inline void ec_results(struct ec *e, uint64_t v0, uint64_t v1)
{
	e->regs.rdi = v0;
	e->regs.rsi = v1;
}

/* The call is run again when the thread next leaves the kernel: back to its syscall instruction. */
void ec_restart(struct ec *e);

/* e waits no longer: status for its call, and it may run again. */
void ec_wake(struct ec *e, enum status s);

/* e is the top of its scheduling context and may run, unless it is held. */
void ec_go(struct ec *e);

/* e lost its scheduling context: it stands where it was and goes on when it gets another. */
void ec_orphan(struct ec *e);

/* The current thread of this CPU cannot go on; the scheduler picks another at kernel exit. */
void ec_block(struct ec *e, enum ec_run why);

/* Stops e wherever it is and unwinds its callers; it never runs again. false: it runs on another CPU, which was told; try again. */
bool ec_halt(struct ec *e);

/* The current thread e was stopped by an exception. A local one is no good to its callers any more: they get S_ABORTED. */
void ec_stop_faulted(struct ec *e);

/* Order in wait queues: higher priority first, then first come. */
uint64_t ec_wait_key(const struct ec *e);
