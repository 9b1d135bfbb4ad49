// SPDX-License-Identifier: Apache-2.0
/* What each CPU has of its own. The kernel's GS base points to it. */
#pragma once
#include "abi/stats.h"
#include "abi/types.h"
#include "kernel/inc/heap.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/x86_64/desc.h"

struct irq_bind;
struct space;
struct vcpu;

enum {
	CPU_MAX = 64,
};

struct cpu {
	struct cpu *self; /* these four: offsets known to entry.S */
	struct ec *ec;    /* current thread; NULL: idle */
	uint64_t stack_top;
	uint64_t user_rsp;
	struct sc *sc; /* current scheduling context */
	struct tss *tss;
	uint32_t id;
	uint32_t apic_id;
	struct pd *pd;       /* whose page tables are loaded; NULL: the kernel's */
	struct space *guest; /* guest space that runs here, for TLB shoot-down; NULL: none */
	struct sm *
		guest_sm; /* the guest that runs here ends its stay when this has a count; NULL: none */
	struct ec *fpu;        /* whose FPU state is in the registers; NULL: nobody's */
	struct pd *io_pd;      /* whose I/O bitmap is in the window */
	struct vcpu *releases; /* whose control block this CPU is asked to let go */
	volatile uint32_t
		asked;  /* enum cpu_request: another CPU waits until this one has done it */
	bool tss_short; /* TR has lost its limit, see desc_after_exit */
	volatile bool online;
	volatile bool resched;
	uint64_t sc_start;    /* TSC when sc was last charged */
	uint64_t timer_at;    /* TSC value the timer is set to; 0: off */
	uint64_t guest_until; /* TSC value at which the guest is to be left; 0: none */
	struct heap timers;   /* struct ec.timer: deadlines */
	struct heap periods;  /* struct sc.timer: refills */
	struct runq runq;
	struct irq_bind *irq[IRQ_VECTORS];
	struct cpu_stats *stats;
	uint64_t gdt[GDT_ENTRIES];
	uint64_t vm[8]; /* for the vendor's use */
};

extern struct cpu *cpus[CPU_MAX];
extern uint32_t cpu_count;

#include "kernel/inc/x86_64/self.h"
