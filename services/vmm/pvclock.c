// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/pvclock.h"

enum { VERSION = 2, TSC_STABLE = 1, ENABLE = 1 };

struct pvclock_time pvclock_make(uint64_t tsc_khz, uint64_t tsc_adjust)
{
	struct pvclock_time t = { .version = VERSION, .tsc = tsc_adjust, .flags = TSC_STABLE };
	uint64_t hz = tsc_khz * 1000;

	/* bring hz to (1 GHz, 2 GHz], so that mul has its top bit set */
	while (hz > 2000000000u) {
		hz >>= 1;
		t.shift--;
	}
	while (hz <= 1000000000u) {
		hz <<= 1;
		t.shift++;
	}
	t.mul = (uint32_t)((UINT64_C(1000000000) << 32) / hz);
	return t;
}

bool pvclock_write(const struct guest_mem *gm, uint32_t msr, uint64_t value, uint64_t tsc_khz,
		   uint64_t tsc_adjust, uint64_t utc)
{
	struct pvclock_wall wall = { .version = VERSION, .seconds = (uint32_t)utc };
	struct pvclock_time time = pvclock_make(tsc_khz, tsc_adjust);

	if (msr == MSR_PV_WALL_CLOCK)
		return (value & 3) == 0 && gm_write(gm, value, &wall, sizeof(wall));
	if (!(value & ENABLE))
		return true;
	return (value & 2) == 0 && gm_write(gm, value & ~UINT64_C(1), &time, sizeof(time));
}
