// SPDX-License-Identifier: Apache-2.0
/* lib/random.c: no two outputs alike, and bytes evenly spread. */
#include <stdio.h>
#include <string.h>
#include "lib/component.h"

static struct start_info info = { .seed = "only a test" };

const struct start_info *start_info(void)
{
	return &info;
}

int main(void)
{
	static uint8_t a[65536], b[65536];
	unsigned count[256] = { 0 }, worst = 0;
	int differ, even;

	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	differ = memcmp(a, b, 32) && memcmp(a, a + 64, 64) && memcmp(a, b + 64, 64);
	for (size_t i = 0; i < sizeof(a); i++)
		count[a[i]]++;
	for (unsigned i = 0; i < 256; i++)
		worst = count[i] > worst ? count[i] : worst;
	even = worst < 256 + 6 * 16;
	wipe(a, sizeof(a));
	printf("%s lib_random: outputs differ\n", differ ? "ok" : "not ok");
	printf("%s lib_random: bytes evenly spread\n", even ? "ok" : "not ok");
	printf("%s lib_random: wiped\n", a[0] || memcmp(a, a + 1, sizeof(a) - 1) ? "not ok" : "ok");
	return !(differ && even);
}
