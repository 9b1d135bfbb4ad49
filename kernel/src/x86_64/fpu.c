// SPDX-License-Identifier: Apache-2.0
/* FPU, SSE and AVX state. Intel SDM volume 1, chapter 13. Saved and loaded at every switch of threads, never lazily. */
#include "kernel/inc/console.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"

enum {
	FXSAVE_FCW = 0,
	FXSAVE_MXCSR = 24,
	FCW_INIT = 0x37f,
	MXCSR_INIT = 0x1f80,
	MXCSR_VALID = 0xffff, /* with DAZ: every processor that runs guests has it */
	XSAVE_BV = 512,       /* start of the header */
	XSAVE_COMP_BV = 520,
	XSAVE_HEADER_END = 576,
	XSAVE_LEAF = 0xd,
};

/* x87, SSE, AVX, AVX-512 */
#define XCR0_WANTED 0xe7ull

uint64_t fpu_mask;

static void xsetbv(uint64_t v)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

static uint64_t choose_mask(void)
{
	struct cpuid c = cpuid(XSAVE_LEAF, 0);
	uint64_t have = (uint64_t)c.d << 32 | c.a, mask = have & XCR0_WANTED;

	if ((mask & 0xe0) != 0xe0)
		mask &= ~0xe0ull;
	return mask;
}

void fpu_init(void)
{
	if (!(cpuid(1, 0).c & 1u << 26))
		return;
	fpu_mask = choose_mask();
	xsetbv(fpu_mask);
	if (cpuid(XSAVE_LEAF, 0).b > EC_FPU_MAX)
		panic("FPU state of %u bytes does not fit a thread", cpuid(XSAVE_LEAF, 0).b);
}

static void save(void *area)
{
	if (fpu_mask)
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static void load(const void *area)
{
	if (fpu_mask)
		__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* The area is zero otherwise: XSAVE takes that as the initial state. */
void fpu_reset(void *area)
{
	*(uint16_t *)((char *)area + FXSAVE_FCW) = FCW_INIT;
	*(uint32_t *)((char *)area + FXSAVE_MXCSR) = MXCSR_INIT;
}

void fpu_import(void *area, const void *from, uint64_t n)
{
	char *p = area;

	__builtin_memcpy(p, from, n);
	*(uint32_t *)(p + FXSAVE_MXCSR) &= MXCSR_VALID;
	*(uint64_t *)(p + XSAVE_BV) &= fpu_mask;
	__builtin_memset(p + XSAVE_COMP_BV, 0, XSAVE_HEADER_END - XSAVE_COMP_BV);
}

void fpu_switch(struct cpu *cpu, struct ec *e)
{
	if (cpu->fpu)
		save(cpu->fpu->fpu);
	load(e->fpu);
	cpu->fpu = e;
}

/* Threads stay on their CPU, so only that one can have the state of e. */
void fpu_drop(struct ec *e)
{
	if (cpus[e->cpu]->fpu == e)
		cpus[e->cpu]->fpu = NULL;
}

void fpu_flush(struct cpu *cpu)
{
	if (cpu->fpu)
		save(cpu->fpu->fpu);
	cpu->fpu = NULL;
}

void fpu_load_guest(const void *area, uint64_t xcr0)
{
	load(area);
	if (fpu_mask && xcr0 != fpu_mask)
		xsetbv(xcr0);
}

uint64_t fpu_xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

void fpu_save_guest(void *area, uint64_t xcr0)
{
	if (fpu_mask && xcr0 != fpu_mask)
		xsetbv(fpu_mask);
	save(area);
}
