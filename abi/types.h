// SPDX-License-Identifier: Apache-2.0
/*
 * Types of the kernel interface, shared by the kernel and every component.
 *
 * A capability selector (sel_t) indexes the capability table of the caller's protection domain. The
 * calls themselves are described in abi/calls.toml; the stubs are generated into build/gen/abi/calls.h.
 * Registers of a call: rax = number, rdi rsi rdx r10 r8 r9 = arguments; back: rax = status, rdi and rsi =
 * results where the call has them. rcx and r11 are lost, all other registers are kept.
 */
#pragma once
#include <stdint.h>

typedef uint32_t sel_t;

enum {
	ABI_VERSION = 1,
	SEL_NULL = 0,     /* never names anything */
	SEL_MAX = 32768,  /* selectors are below this */
	UTCB_WORDS = 256, /* message words per UTCB */
	PAGE_SIZE = 4096,
	PRIO_MAX = 255,
	NAME_BYTES = 16,
	PD_MIN_FRAMES = 4, /* a domain without anything in it */
	IRQ_VECTORS = 190, /* message interrupts per CPU */
};

enum status {
	S_OK = 0,
	S_TIMEOUT = 1,     /* the deadline came first */
	S_ABORTED = 2,     /* the peer or the object died while it was used */
	S_BAD_CALL = 3,    /* no such call */
	S_BAD_CAP = 4,     /* selector null or out of range, slot empty, wrong type, object dead */
	S_RIGHTS = 5,      /* the capability lacks a right, or a limit of the domain forbids it */
	S_BAD_PARAM = 6,   /* a value is out of range or not aligned */
	S_BUSY = 7,        /* destination slot or address range taken, object already bound */
	S_NO_KMEM = 8,     /* the account named by the call cannot pay; nothing was done */
	S_BAD_CPU = 9,     /* no such CPU, or the object belongs to another CPU */
	S_UNSUPPORTED = 10 /* this machine lacks the feature */
};

enum obj_type {
	OBJ_NONE = 0,
	OBJ_PD = 1,
	OBJ_SPACE = 2,
	OBJ_MO = 3,
	OBJ_EC = 4,
	OBJ_VCPU = 5,
	OBJ_SC = 6,
	OBJ_PT = 7,
	OBJ_SM = 8,
	OBJ_PIO = 9,
	OBJ_DC = 10,
	OBJ_HW = 11,
};

/* Rights of a capability; a copy never has more than its source. */
enum right {
	RIGHT_R = 1u << 0,    /* mo, pio: read */
	RIGHT_W = 1u << 1,    /* mo, pio: write */
	RIGHT_X = 1u << 2,    /* mo: execute */
	RIGHT_CTRL = 1u << 3, /* ctrl_* of the object; ctrl_hw */
	RIGHT_DELEGATE =
		1u << 4, /* pd: put capabilities into its table; any other: may be delegated on */
	RIGHT_PAY = 1u << 5, /* pd: its account may be charged */
	RIGHT_MAP = 1u << 6, /* pd, space: map and unmap */
	RIGHT_EC =
		1u << 7, /* pd: create threads and vCPUs in it; ec: bind an sc or a portal to it */
	RIGHT_CALL = 1u << 8,     /* pt: call */
	RIGHT_UP = 1u << 9,       /* sm: up; and bind to an interrupt */
	RIGHT_DOWN = 1u << 10,    /* sm: down */
	RIGHT_RUN = 1u << 11,     /* vcpu: run; space: create vCPUs in it */
	RIGHT_ASSIGN = 1u << 12,  /* dc: assign */
	RIGHT_DESTROY = 1u << 13, /* revoke may destroy the object itself */
	RIGHT_ALL = (1u << 14) - 1,
	RIGHT_RW = RIGHT_R | RIGHT_W,
	RIGHT_RX = RIGHT_R | RIGHT_X,
};

enum space_kind {
	SPACE_GUEST = 1, /* guest-physical memory: NPT or EPT */
	SPACE_DMA = 2,   /* what attached PCI functions reach: VT-d or AMD-Vi */
};

/* create_ec: low 16 bits of `cpu` are the CPU number, the rest are flags. */
enum ec_flag {
	EC_CPU_MASK = 0xffff,
	EC_LOCAL = 1u << 16, /* runs portals on the caller's time; never gets an sc */
};

/* map: rights (R, W, X) plus these. */
enum map_flag {
	MAP_UNCACHED = 1u << 16,
	MAP_WRITE_COMBINE = 1u << 17,
};

enum revoke_flag {
	REVOKE_CHILDREN = 0, /* everything made from this capability goes; it stays */
	REVOKE_SELF =
		1, /* the capability goes too; the object with it if this is its first capability */
	REVOKE_OBJECT = 2, /* the object dies, and with it every capability to it; needs DESTROY */
};

enum ec_op {
	EC_KILL = 0,         /* the thread stops for good; its callers get S_ABORTED */
	EC_SUSPEND = 1,      /* global threads: off the CPU until EC_RESUME */
	EC_RESUME = 2,       /* also restarts a thread stopped by a fault */
	EC_SET_FAULT_PT = 3, /* a = portal that gets exceptions (same CPU), 0 = none */
	EC_NAME = 4,         /* ec or pd: a, b = 16 bytes of debug name */
	EC_STATE = 5,        /* -> enum ec_state, TSC ticks used (global threads) */
};

enum ec_state {
	EC_STATE_READY = 0,   /* runs or could run */
	EC_STATE_BLOCKED = 1, /* waits in a semaphore, for a portal, or for a call */
	EC_STATE_IDLE = 2,    /* local: waits for a caller; global: has no sc yet */
	EC_STATE_STOPPED = 3, /* suspended */
	EC_STATE_FAULTED = 4, /* stopped by an exception nobody handled */
};

enum sm_op {
	SM_UP = 0,
	SM_DOWN = 1,      /* take one, or wait */
	SM_DOWN_ZERO = 2, /* take all there is, or wait until there is one */
};

enum hw_op {
	HW_PUTC = 0,    /* a = byte: kernel debug console */
	HW_CONSOLE = 1, /* a = 0: the kernel stops writing to COM1; its log goes on */
	HW_OUT =
		2, /* a = port, b = value | bytes << 32: one port write (reset, power-off); does not return if it works */
	HW_RESET = 3,    /* reset by the keyboard controller and then by triple fault */
	HW_HALT = 4,     /* all CPUs stop */
	HW_TLB_STAT = 5, /* -> TLB shoot-downs sent, free frames in the pool */
};

/* Exception message to a fault portal: words of the handler's UTCB. Reply: word 0 = enum fault_reply, then
 * (for FAULT_REPLY_SET) ip, sp, flags and registers at the same places. */
enum fault_word {
	FAULT_VECTOR = 0,
	FAULT_ERROR = 1,
	FAULT_CR2 = 2,
	FAULT_IP = 3,
	FAULT_SP = 4,
	FAULT_FLAGS = 5,
	FAULT_RAX = 6, /* rax rbx rcx rdx rsi rdi rbp r8 .. r15 */
	FAULT_WORDS = 21,
};

enum fault_reply {
	FAULT_REPLY_STOP = 0,   /* the thread stays stopped */
	FAULT_REPLY_RESUME = 1, /* try the instruction again */
	FAULT_REPLY_SET = 2, /* take ip, sp, arithmetic flags and registers from the reply, go on */
};

/* One page per thread, shared with the kernel. The FS base of a thread is the address of its UTCB. */
struct utcb {
	uint64_t msg[UTCB_WORDS];
	uint64_t self; /* address of this page in its domain */
	uint32_t cpu;
	uint32_t is_local;
	uint64_t user[254]; /* the component's own; the kernel never looks */
};

_Static_assert(sizeof(struct utcb) == PAGE_SIZE, "a UTCB is one page");

static inline struct utcb *utcb_self(void)
{
	uint64_t p;

	__asm__ volatile("mov %%fs:0x800, %0" : "=r"(p));
	return (struct utcb *)p;
}
