// SPDX-License-Identifier: Apache-2.0
/*
 * The state page of a virtual CPU: one 4 KiB frame shared by the kernel and the VMM that runs it.
 *
 * The kernel frame is mapped into the VMM at create_vcpu's state_va. While vcpu_run runs it belongs
 * to the kernel, and the VMM's writes to it have no defined effect; at every other time to the VMM.
 *
 * One round:
 *   1. the VMM changes fields, sets the bits of the changed groups in `dirty`, calls vcpu_run;
 *   2. the kernel loads the dirty groups (and always gpr, rip, rflags, event, shadow, window),
 *      clears `dirty`, and runs the guest;
 *   3. on an exit for the VMM it stores gpr, rip, rflags, event, shadow, the groups asked for in
 *      exit_mtd[exit], says in `valid` which these are, and returns S_OK.
 * In the page of a new vCPU all is zero but version, caps, xcr0_max, and `dirty`, which has all bits
 * set: the VMM fills in a whole reset state before the first run.
 * Groups that are not in `valid` hold old values. To read more than an exit gave: set
 * exit_mtd[VM_EXIT_TIMEOUT], and run with a deadline of 1, which does not enter the guest.
 *
 * Neither vendor's encodings show, except in `raw`. Segments and events have the form that is
 * described here on both.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	VCPU_STATE_VERSION = 1,
	VCPU_STATE_SIZE = 4096,
	VCPU_FPU_SIZE = 2688, /* XSAVE area with x87, SSE, AVX, AVX-512 */
	VCPU_EXITS = 32,      /* size of exit_mtd; exits are below it */
};

/* Why vcpu_run came back. */
enum vm_exit {
	VM_EXIT_NONE = 0,
	/* in, out, ins, outs. qual[0]: enum vm_io fields. insn_len valid */
	VM_EXIT_IO = 1,
	/* access to guest memory that is not mapped, or not for this. qual[0]: gpa; qual[1]: enum
	   vm_access; qual[2]: linear address, if VM_ACCESS_LINEAR. insn_len 0: decode at rip */
	VM_EXIT_MEMORY = 2,
	VM_EXIT_CPUID = 3,     /* leaf in rax, rcx */
	VM_EXIT_MSR_READ = 4,  /* index in rcx; result to rdx:rax */
	VM_EXIT_MSR_WRITE = 5, /* index in rcx, value in rdx:rax */
	VM_EXIT_HLT = 6,
	VM_EXIT_HYPERCALL = 7, /* vmmcall or vmcall */
	VM_EXIT_WINDOW = 8,    /* `window` was set and the guest can take an interrupt now */
	VM_EXIT_SHUTDOWN = 9,  /* triple fault: the state is not usable, reset it */
	VM_EXIT_WAKE = 10,     /* the semaphore given to vcpu_run has a count (not taken) */
	VM_EXIT_TIMEOUT = 11,  /* the deadline given to vcpu_run is over */
	VM_EXIT_XSETBV = 12,   /* index in rcx, value in rdx:rax */
	VM_EXIT_CR = 13,       /* move to or from a control register. qual[0]: enum vm_cr fields */
	VM_EXIT_DR = 14,       /* as CR, debug registers */
	VM_EXIT_TABLE = 15,    /* lgdt and the like, if the CPU cannot let them pass */
	VM_EXIT_TASK = 16,     /* task switch. qual[0]: selector; qual[1]: error code or 0 */
	VM_EXIT_CACHE = 17,    /* invd, wbinvd: nothing has to be done but to go on behind it */
	/* the CPU or the kernel refused the state the VMM gave: nothing is stored, and the next run
	   loads all groups */
	VM_EXIT_INVALID = 18,
	VM_EXIT_INIT = 19,      /* INIT or start-up message reached this vCPU (VT-x only) */
	VM_EXIT_UNHANDLED = 20, /* anything else: see raw[] */
	VM_EXIT_LAST = VM_EXIT_UNHANDLED,
};

/* qual[0] of VM_EXIT_IO: port in bits 0-15, size in bytes (1, 2, 4) in bits 16-23, flags. */
enum vm_io {
	VM_IO_PORT = 0xffff,
	VM_IO_SIZE_SHIFT = 16,
	VM_IO_SIZE = 0xff << VM_IO_SIZE_SHIFT,
	VM_IO_IN = 1 << 24,
	VM_IO_STRING = 1 << 25,
	VM_IO_REP = 1 << 26,
};

/* qual[1] of VM_EXIT_MEMORY. A fetch has neither READ nor WRITE set. */
enum vm_access {
	VM_ACCESS_READ = 1 << 0,
	VM_ACCESS_WRITE = 1 << 1,
	VM_ACCESS_EXEC = 1 << 2,
	VM_ACCESS_MAPPED = 1 << 3, /* something is mapped there, with too few rights */
	VM_ACCESS_WALK = 1 << 4,   /* by the walk of the guest's own page tables */
	VM_ACCESS_LINEAR = 1 << 5, /* qual[2] is valid */
};

/* qual[0] of VM_EXIT_CR and VM_EXIT_DR. */
enum vm_cr {
	VM_CR_NUMBER = 0xff,
	VM_CR_GPR_SHIFT = 8,
	VM_CR_GPR = 0xff << VM_CR_GPR_SHIFT, /* index into gpr[] */
	VM_CR_WRITE = 1 << 16,
	VM_CR_GPR_VALID = 1 << 17, /* else decode at rip */
};

/* Groups: bits of `valid`, `dirty`, exit_mtd[]. */
enum vcpu_group {
	VCPU_G_CR = 1 << 0,      /* cr0 cr2 cr3 cr4 cr8 */
	VCPU_G_SEG = 1 << 1,     /* es cs ss ds fs gs */
	VCPU_G_TABLE = 1 << 2,   /* ldtr tr gdtr idtr */
	VCPU_G_DR = 1 << 3,      /* dr0-3 dr6 dr7 */
	VCPU_G_SYSCALL = 1 << 4, /* star lstar cstar sfmask kernel_gs_base */
	VCPU_G_SYSENTER = 1 << 5,
	VCPU_G_EFER = 1 << 6, /* efer pat */
	VCPU_G_TSC = 1 << 7,  /* tsc_offset */
	VCPU_G_XCR = 1 << 8,  /* xcr0 */
	VCPU_G_ALL = (1 << 9) - 1,
	VCPU_G_FPU = 1 << 9, /* fpu: long, so never part of ALL */
};

/* Index into gpr[]: the encoding of instructions. */
enum vcpu_gpr {
	VCPU_RAX,
	VCPU_RCX,
	VCPU_RDX,
	VCPU_RBX,
	VCPU_RSP,
	VCPU_RBP,
	VCPU_RSI,
	VCPU_RDI,
	VCPU_R8,
	VCPU_R9,
	VCPU_R10,
	VCPU_R11,
	VCPU_R12,
	VCPU_R13,
	VCPU_R14,
	VCPU_R15,
	VCPU_GPRS,
};

/* Index into seg[]: the encoding of instructions, then the two system segments. */
enum vcpu_seg_index {
	VCPU_ES,
	VCPU_CS,
	VCPU_SS,
	VCPU_DS,
	VCPU_FS,
	VCPU_GS,
	VCPU_LDTR,
	VCPU_TR,
	VCPU_SEGS,
};

/* attr of a segment: bits 40-47 and 52-55 of its descriptor. P clear: the segment is unusable. */
enum vcpu_attr {
	VCPU_ATTR_TYPE = 0xf,
	VCPU_ATTR_S = 1 << 4,
	VCPU_ATTR_DPL_SHIFT = 5,
	VCPU_ATTR_DPL = 3 << VCPU_ATTR_DPL_SHIFT, /* of ss: the CPL */
	VCPU_ATTR_P = 1 << 7,
	VCPU_ATTR_AVL = 1 << 8,
	VCPU_ATTR_L = 1 << 9,
	VCPU_ATTR_DB = 1 << 10,
	VCPU_ATTR_G = 1 << 11,
	VCPU_ATTR_ALL = (1 << 12) - 1,
};

/* A segment or (gdtr, idtr: base and limit only) a descriptor table. limit is in bytes. */
struct vcpu_seg {
	uint16_t sel;
	uint16_t attr;
	uint32_t limit;
	uint64_t base;
};

/* info of an event: vector in bits 0-7, and these. */
enum vcpu_event_info {
	VCPU_EVENT_VECTOR = 0xff,
	VCPU_EVENT_TYPE_SHIFT = 8,
	VCPU_EVENT_TYPE = 7 << VCPU_EVENT_TYPE_SHIFT,
	VCPU_EVENT_INTR = 0 << VCPU_EVENT_TYPE_SHIFT,
	VCPU_EVENT_NMI = 2 << VCPU_EVENT_TYPE_SHIFT,
	VCPU_EVENT_EXCEPTION = 3 << VCPU_EVENT_TYPE_SHIFT,
	VCPU_EVENT_ERROR = 1 << 11, /* push `error` */
};

#define VCPU_EVENT_VALID UINT32_C(0x80000000)

struct vcpu_event {
	uint32_t info;
	uint32_t error;
};

/* Bits of `caps`. */
enum vcpu_caps {
	VCPU_CAP_SVM = 1 << 0,
	VCPU_CAP_VTX = 1 << 1,
	VCPU_CAP_INSN_LEN = 1 << 2,   /* insn_len is valid at each exit by an instruction */
	VCPU_CAP_INSN_BYTES = 1 << 3, /* insn[] is filled at VM_EXIT_MEMORY */
};

/* Bits of `shadow`. */
enum vcpu_shadow {
	VCPU_SHADOW_STI =
		1 << 0, /* behind sti or mov ss: no interrupt before the next instruction */
	VCPU_SHADOW_NMI = 1 << 1, /* in the handler of an NMI, until iret: no further one */
};

struct vcpu_state {
	/* 0x000 written once by the kernel */
	uint32_t version;  /* VCPU_STATE_VERSION */
	uint32_t caps;     /* enum vcpu_caps */
	uint64_t xcr0_max; /* bits the guest's xcr0 may have; 0: the CPU has no XSAVE */

	/* 0x010 the exit; written by the kernel */
	uint32_t exit;      /* enum vm_exit */
	uint32_t insn_len;  /* of the instruction that exited; 0 = not known */
	uint64_t qual[3];   /* by exit */
	uint64_t raw[3];    /* vendor's code and qualification: for messages only */
	uint8_t insn[15];   /* the bytes at rip, where the CPU gives them */
	uint8_t insn_bytes; /* how many of them, 0..15 */
	uint32_t valid;     /* groups the kernel stored */

	/* 0x05c written by the VMM; the kernel clears dirty */
	uint32_t dirty; /* groups the VMM changed */

	/* 0x060 an event to deliver at entry. After an exit that cut a delivery short the kernel has
	   put that event here, so that it is delivered again; the VMM keeps it unless it resets the
	   guest, and checks for VCPU_EVENT_VALID before it puts an own one. The kernel clears it
	   when the guest has it. Whether the guest may take it (flags, shadow) is for the VMM. */
	struct vcpu_event event;
	uint32_t shadow; /* enum vcpu_shadow, both ways; the VMM clears it when it skips an insn */
	uint32_t window; /* the VMM: not 0 = exit as soon as the guest can take an interrupt */
	uint64_t runs;   /* entries into the guest so far; written by the kernel */
	uint64_t reserved0;

	/* 0x080 always valid, always loaded */
	uint64_t gpr[VCPU_GPRS];
	uint64_t rip;
	uint64_t rflags;

	/* 0x110 by group */
	uint64_t cr0, cr2, cr3, cr4, cr8;
	uint64_t xcr0;
	struct vcpu_seg seg[VCPU_SEGS];
	struct vcpu_seg gdtr, idtr;
	uint64_t dr[4], dr6, dr7;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t efer; /* SVME never shows */
	uint64_t pat;
	uint64_t tsc_offset; /* guest TSC = TSC + tsc_offset */
	/* VT-x, group CR, while the guest is in PAE mode: what the processor has of the table at cr3 */
	uint64_t pdpte[4];

	uint8_t reserved1[0x400 - 0x288];

	/* 0x400 written by the VMM: groups to store, by exit */
	uint32_t exit_mtd[VCPU_EXITS];

	/* 0x480 by group: XSAVE area, standard form. What the processor would refuse is cleared on the way in. */
	uint8_t fpu[VCPU_FPU_SIZE];

	uint8_t reserved2[VCPU_STATE_SIZE - 0x480 - VCPU_FPU_SIZE];
};

_Static_assert(sizeof(struct vcpu_seg) == 16, "segment");
_Static_assert(sizeof(struct vcpu_event) == 8, "event");
_Static_assert(offsetof(struct vcpu_state, exit) == 0x010, "exit");
_Static_assert(offsetof(struct vcpu_state, qual) == 0x018, "qual");
_Static_assert(offsetof(struct vcpu_state, raw) == 0x030, "raw");
_Static_assert(offsetof(struct vcpu_state, insn) == 0x048, "insn");
_Static_assert(offsetof(struct vcpu_state, valid) == 0x058, "valid");
_Static_assert(offsetof(struct vcpu_state, dirty) == 0x05c, "dirty");
_Static_assert(offsetof(struct vcpu_state, event) == 0x060, "event");
_Static_assert(offsetof(struct vcpu_state, shadow) == 0x068, "shadow");
_Static_assert(offsetof(struct vcpu_state, window) == 0x06c, "window");
_Static_assert(offsetof(struct vcpu_state, runs) == 0x070, "runs");
_Static_assert(offsetof(struct vcpu_state, gpr) == 0x080, "gpr");
_Static_assert(offsetof(struct vcpu_state, rip) == 0x100, "rip");
_Static_assert(offsetof(struct vcpu_state, rflags) == 0x108, "rflags");
_Static_assert(offsetof(struct vcpu_state, cr0) == 0x110, "cr0");
_Static_assert(offsetof(struct vcpu_state, xcr0) == 0x138, "xcr0");
_Static_assert(offsetof(struct vcpu_state, seg) == 0x140, "seg");
_Static_assert(offsetof(struct vcpu_state, gdtr) == 0x1c0, "gdtr");
_Static_assert(offsetof(struct vcpu_state, dr) == 0x1e0, "dr");
_Static_assert(offsetof(struct vcpu_state, star) == 0x210, "star");
_Static_assert(offsetof(struct vcpu_state, sysenter_cs) == 0x238, "sysenter_cs");
_Static_assert(offsetof(struct vcpu_state, efer) == 0x250, "efer");
_Static_assert(offsetof(struct vcpu_state, tsc_offset) == 0x260, "tsc_offset");
_Static_assert(offsetof(struct vcpu_state, pdpte) == 0x268, "pdpte");
_Static_assert(offsetof(struct vcpu_state, exit_mtd) == 0x400, "exit_mtd");
_Static_assert(offsetof(struct vcpu_state, fpu) == 0x480, "fpu");
_Static_assert(sizeof(struct vcpu_state) == VCPU_STATE_SIZE, "state page");

/* Can the guest take an external interrupt at its next entry? */
static inline int vcpu_interruptible(const struct vcpu_state *s)
{
	return (s->rflags & 0x200) != 0 && (s->shadow & VCPU_SHADOW_STI) == 0 &&
	       (s->event.info & VCPU_EVENT_VALID) == 0;
}

/* Go on behind the instruction that exited. */
static inline void vcpu_skip(struct vcpu_state *s, uint32_t len)
{
	s->rip += len;
	s->rflags &= ~UINT64_C(0x10000); /* RF */
	s->shadow &= ~(uint32_t)VCPU_SHADOW_STI;
}
