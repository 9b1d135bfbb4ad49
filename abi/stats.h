// SPDX-License-Identifier: Apache-2.0
/*
 * Pages the kernel writes and root may read (root_info.mo_stats, mo_trace, mo_klog) and map on.
 * Counters only grow. All are written by one CPU each or under the kernel lock; readers need no lock.
 */
#pragma once
#include <stdint.h>

enum {
	TRACE_ENTRIES = 1024,
	KLOG_BYTES = 65536 - 16,
	VM_EXIT_KINDS = 32,
};

/* One page per CPU. */
struct cpu_stats {
	uint64_t calls;       /* system calls */
	uint64_t ipc;         /* portal calls that reached a handler */
	uint64_t ipc_waits;   /* portal calls that found the handler busy */
	uint64_t switches;    /* thread switches by the scheduler */
	uint64_t preemptions; /* a ready thread of higher priority, or a used-up slice */
	uint64_t interrupts;
	uint64_t faults;                  /* exceptions in user mode */
	uint64_t shootdowns;              /* TLB requests received */
	uint64_t restarts;                /* long calls interrupted and resumed */
	uint64_t idle_ticks;              /* TSC */
	uint64_t vm_exits[VM_EXIT_KINDS]; /* by enum vm_exit, abi/vcpu.h */
	uint64_t
		dma_faults; /* requests of devices that the IOMMU refused, as far as it recorded them */
};

enum trace_event {
	TRACE_NONE = 0,
	TRACE_SWITCH = 1,  /* a = address of the thread object, b = priority */
	TRACE_FAULT = 2,   /* a = vector, b = ip */
	TRACE_IRQ = 3,     /* a = vector */
	TRACE_DESTROY = 4, /* a = enum obj_type */
	TRACE_EXIT = 5,    /* a = enum vm_exit */
};

struct trace_entry {
	uint64_t tsc;
	uint16_t event; /* enum trace_event */
	uint16_t cpu;
	uint32_t a;
	uint64_t b;
};

struct trace_ring {
	uint64_t next; /* entries written so far; the last TRACE_ENTRIES are valid */
	uint64_t pad;
	struct trace_entry entry[TRACE_ENTRIES];
};

struct klog_ring {
	uint64_t next; /* bytes written so far; byte i is at text[i % KLOG_BYTES] */
	uint64_t pad;
	char text[KLOG_BYTES];
};

_Static_assert(sizeof(struct trace_entry) == 24, "trace_entry");
_Static_assert(sizeof(struct klog_ring) == 65536, "klog_ring");
