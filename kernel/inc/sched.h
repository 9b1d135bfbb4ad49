// SPDX-License-Identifier: Apache-2.0
/*
 * Scheduling contexts and the scheduler: per CPU 256 priorities, round robin in each, budgets that are refilled each period. What is in the
 * run queue is the scheduling context; its cur is the thread at the top of the call chain that runs on it.
 */
#pragma once
#include "kernel/inc/ec.h"

struct cpu;

enum sc_state {
	SC_BLOCKED,  /* its thread waits */
	SC_READY,    /* in the run queue */
	SC_RUNNING,  /* current of its CPU */
	SC_DEPLETED, /* waits for its next period */
};

struct sc {
	struct obj obj;
	struct ec *ec;  /* the thread it was made for; NULL: that thread is gone */
	struct ec *cur; /* who runs on it now */
	struct list rq_link;
	struct heap_node timer; /* next period */
	uint64_t budget;        /* TSC ticks per period; 0: round robin */
	uint64_t period;
	uint64_t left; /* of budget or slice */
	uint64_t next_period;
	uint64_t used;
	uint16_t cpu;
	uint8_t prio;
	uint8_t state;
	bool yields; /* goes behind its equals at the next switch */
};

struct runq {
	uint64_t bitmap[4];
	struct list queue[256];
};

void runq_init(struct runq *q);
void runq_put(struct runq *q, struct sc *sc, bool head);
void runq_take(struct runq *q, struct sc *sc);
struct sc *runq_best(const struct runq *q); /* NULL: empty */

void sched_init(struct cpu *cpu);

/* Makes a blocked context ready; its CPU is told if it should switch. */
void sched_ready(struct sc *sc);

/* Takes a context off its CPU's queue, or marks the CPU for a switch if it is current. */
void sched_block(struct sc *sc);

/* Chooses the next thread of this CPU and makes it current; waits if there is none. Lock held. */
void sched_run(void);

/* This CPU's timer fired: deadlines, budgets, slices. */
void sched_tick(void);

/* Another context waits for this CPU that the current one should not outrun by spinning. */
bool sched_contended(void);

/* The current context goes behind its equals, at a switch that is due now. */
void sched_yield(void);

/* Deadline of a thread: S_TIMEOUT when it passes. */
void timer_set(struct ec *e, uint64_t deadline);
void timer_clear(struct ec *e);
/* This CPU, about to enter a guest, is interrupted at the deadline. Who enters takes cpu->guest_until back after the stay. */
void timer_guest(struct cpu *cpu, uint64_t deadline);

/* True: the current thread should give way to another (checked by long loops and guest runs). */
bool sched_pending(void);

struct sc *sc_create(struct pd *pd, struct ec *e, uint8_t prio, uint64_t budget_us,
		     uint64_t period_us);
void sc_start(struct sc *sc);
enum reap_result sc_reap(struct sc *sc);
