// SPDX-License-Identifier: Apache-2.0
/*
 * registers SECONDS: all vector and x87 registers full of patterns while a loop runs, then compared; doubles added up; the clock never goes
 * back. Says how many rounds it made, or what was wrong.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SPIN = 5000000, TERMS = 100000, X87 = 6, ROUNDING = 0x7f80 };

struct held {
	uint8_t ymm[16][32];
	long double x87[X87];
	uint32_t mxcsr;
};

#define EACH(op)                                                                                \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) \
		op(14) op(15)
#define LOAD(n)    "vmovdqu " #n "*32(%[in]), %%ymm" #n "\n"
#define STORE(n)   "vmovdqu %%ymm" #n ", " #n "*32(%[out])\n"
#define EACH87(op) op(0) op(1) op(2) op(3) op(4) op(5)
#define PUSH(n)    "fldt 512+" #n "*16(%[in])\n"
#define POP(n)     "fstpt 512+80-" #n "*16(%[out])\n"

_Static_assert(offsetof(struct held, x87) == 512 && offsetof(struct held, mxcsr) == 608,
	       "known to the code below");

static void hold(const struct held *in, struct held *out)
{
	uint64_t n = SPIN;

	__asm__ volatile("ldmxcsr 608(%[in])\n" EACH(LOAD)
				 EACH87(PUSH) "1: dec %[n]\n jnz 1b\n" EACH87(POP)
					 EACH(STORE) "stmxcsr 608(%[out])\n vzeroupper\n"
			 : [n] "+r"(n)
			 : [in] "r"(in), [out] "r"(out)
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
}

static void fill(struct held *h, unsigned round)
{
	memset(h, 0, sizeof(*h));
	for (unsigned i = 0; i < 16; i++)
		for (unsigned k = 0; k < 32; k++)
			h->ymm[i][k] = (uint8_t)(round * 7 + i * 32 + k + (i * 32 + k) / 256);
	for (unsigned i = 0; i < X87; i++)
		h->x87[i] = 1.0L / (long double)(3 + i + round);
	h->mxcsr = ROUNDING;
}

static double sum(void)
{
	volatile double s = 0;

	for (unsigned i = 1; i <= TERMS; i++)
		s = s + 1.0 / i;
	return s;
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv)
{
	uint64_t end = now() + strtoull(argc > 1 ? argv[1] : "1", NULL, 10) * 1000000000u, before,
		 t = 0;
	static struct held in, out;
	unsigned mode, rounds = 0;
	double want = sum();

	__asm__ volatile("stmxcsr %0" : "=m"(mode));
	do {
		before = t;
		fill(&in, rounds);
		memset(&out, 0, sizeof(out));
		hold(&in, &out);
		__asm__ volatile("ldmxcsr %0" : : "m"(mode));
		if (memcmp(&in, &out, sizeof(in)) != 0 || sum() != want) {
			printf("registers: wrong in round %u\n", rounds);
			return 1;
		}
		rounds++;
		t = now();
	} while (t >= before && t < end);
	printf("registers: %u rounds, clock %s\n", rounds, t < before ? "went back" : "rose");
	return t < before;
}
