// SPDX-License-Identifier: Apache-2.0
/*
 * Guests of the real VMM in 64 bits: output, traps, and code that is run at any privilege and in 64 or 32 bits until it traps. Multiboot 1; the
 * first 4 GiB are mapped one to one with 2 MiB pages, open to ring 3. The command line's first word names the suite, which names its lines.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	EXIT_PORT = 0xf4,
	SEL_CODE64 = 0x08,
	SEL_DATA = 0x10,
	SEL_CODE32 = 0x18,
	SEL_USER_DATA = 0x23,
	SEL_USER_CODE64 = 0x2b,
	SEL_TSS = 0x30,
	SEL_WINDOW = 0x48, /* data; guest_window() sets its base */
	/* int by which code ends: open to ring 3 */
	VECTOR_END = 0x80,
	VECTOR_DB = 1,
	VECTOR_NMI = 2,
	VECTOR_UD = 6,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	GUEST_LOW = 0x10000,     /* a page below 1 MiB, where a second vCPU starts */
	GUEST_STACK = 0x180000,  /* of the code that is run; grows down */
	GUEST_MEMORY = 0x400000, /* free memory from here */
};

enum guest_reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Offsets are known to guest64_entry.S. */
struct guest_run {
	uint64_t gpr[16];
	uint64_t ss, rflags, cs, rip;
	/* how it ended */
	uint64_t vector, error, cr2;
};

struct guest_frame {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rax, rcx, rdx, rbx, rsp_here, rbp, rsi, rdi;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int c, size_t n);

extern const char *guest_name;
extern uint64_t guest_pml4[512], guest_pd[2048];

/* The suite; its value ends the guest. words: the command line behind the first word. */
uint32_t guest_main(const char *words);

void guest_text(const char *s);
void guest_hex(uint64_t v);
void guest_number(uint64_t v);
/* Put a line together and print it at once. */
void guest_print(void);
/* "ok NAME: what"; "not ok NAME: what" is remembered. Returns good. */
bool guest_check(bool good, const char *what);
/* guest_check that says the numbers when they differ. */
bool guest_equal(uint64_t got, uint64_t want, const char *what);
/* A failure in a table: "not ok NAME: what: why a b". */
void guest_bad(const char *what, const char *why, uint64_t a, uint64_t b);
uint32_t guest_failures(void);
/* A check over many cases, each of which only speaks when it fails: good if none did between the two calls. */
void guest_begin(void);
bool guest_end(const char *what);
bool guest_word(const char *words, const char *word);

/* Called at each interrupt and at each exception outside of guest_run(). */
extern void (*guest_irq)(struct guest_frame *f);

/* Registers for code in ring 0 (or 3) in 64 bits, interrupts off. */
struct guest_run guest_ready(const void *code, bool user);
/* Until int VECTOR_END or an exception. */
void guest_run(struct guest_run *r);
/* Base of segment SEL_WINDOW. */
void guest_window(uint32_t base);
/* The second vCPU, by INIT and start-up message, runs this with interrupts off and then stops; the same again in a later call. It must not use guest_run(), nor print. */
void guest_second(void (*work)(void));
/* Gate of a vector. present: may be taken. */
void guest_gate(unsigned vector, bool present);

static inline uint64_t guest_tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static inline void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "d"(port));
}

static inline void out16(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "d"(port));
}

static inline void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "d"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "d"(port));
	return v;
}

static inline void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}
