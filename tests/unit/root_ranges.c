// SPDX-License-Identifier: Apache-2.0
/* services/root/ranges.c against a bitmap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "services/root/ranges.h"

#define UNITS 2048u

static uint8_t used[UNITS]; /* 0: free, else number of the taker */
static struct ranges r;
static unsigned failures;

static void check(int ok, const char *what)
{
	printf("%s root_ranges: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static uint64_t free_units(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < UNITS; i++)
		n += !used[i];
	return n;
}

static int fill(uint64_t base, uint64_t size, uint8_t from, uint8_t to)
{
	int ok = 1;

	for (uint64_t i = base; i < base + size; i++) {
		ok &= i < UNITS && used[i] == from;
		used[i % UNITS] = to;
	}
	return ok;
}

static int sorted(void)
{
	for (uint32_t i = 1; i < r.count; i++)
		if (r.free[i - 1].base + r.free[i - 1].size >= r.free[i].base)
			return 0;
	return 1;
}

int main(void)
{
	static struct {
		uint64_t base, size;
	} taken[255];
	uint64_t base;
	int ok = 1;

	ok &= ranges_put(&r, 0, 1000) && ranges_put(&r, 1024, 1024) && ranges_put(&r, 1000, 24);
	check(ok && r.count == 1 && ranges_total(&r) == UNITS, "neighbours become one");
	check(!ranges_put(&r, 5, 1) && !ranges_put(&r, 2040, 20) && !ranges_put(&r, 9000, 0),
	      "what is free cannot be given");
	srand(4);
	for (unsigned round = 0; round < 200000 && ok; round++) {
		unsigned k = (unsigned)rand() % 255;
		uint64_t size = 1 + (uint64_t)rand() % 24, align = 1u << rand() % 5;

		if (taken[k].size) {
			ok &= ranges_put(&r, taken[k].base, taken[k].size);
			ok &= fill(taken[k].base, taken[k].size, (uint8_t)(k + 1), 0);
			taken[k].size = 0;
		} else if (ranges_take(&r, size, align, &base)) {
			ok &= !(base % align) && fill(base, size, 0, (uint8_t)(k + 1));
			taken[k].base = base;
			taken[k].size = size;
		}
		ok &= sorted() && ranges_total(&r) == free_units();
	}
	check(ok, "200000 random takes and returns agree with the model");
	check(!ranges_take(&r, UNITS + 1, 1, &base) && !ranges_take(&r, 0, 1, &base),
	      "too much or nothing is refused");
	return failures ? 1 : 0;
}
