// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/clock.h"
#include "boot/loader/firmware.h"
#include "boot/loader/io.h"

enum { STALL_MS = 20, ROUNDS = 3, TOLERANCE = 20 /* one part in */ };

/* CPUID leaf 15h: TSC = crystal (ECX, Hz) * EBX / EAX. */
static uint64_t from_cpuid(void)
{
	struct cpuid r;

	if (cpuid(0).eax < 0x15)
		return 0;
	r = cpuid(0x15);
	return r.eax && r.ebx && r.ecx ? (uint64_t)r.ecx * r.ebx / r.eax / 1000 : 0;
}

/* A stall can last longer than asked for, never shorter: the smallest of several counts is the best. */
static uint64_t measured(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start = rdtsc();

		BOOT->Stall(STALL_MS * 1000);
		uint64_t ticks = rdtsc() - start;

		if (ticks < best)
			best = ticks;
	}
	return best / STALL_MS;
}

/* Some emulators state the rate of the processor they imitate and count at another. */
uint64_t clock_tsc_khz(void)
{
	uint64_t stated = from_cpuid(), counted = measured();
	uint64_t apart = stated > counted ? stated - counted : counted - stated;

	return apart <= counted / TOLERANCE ? stated : counted;
}
