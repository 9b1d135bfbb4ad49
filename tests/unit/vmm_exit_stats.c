// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include "services/vmm/exit_stats.h"

static int failed;

static void check(int good, const char *what)
{
	printf("%s vmm_exit_stats: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

int main(void)
{
	struct exit_stats e = { 0 };
	uint64_t sum = 0;

	check(exit_stats_median(&e) == 0, "no exit, no median");
	for (unsigned i = 0; i < 100001; i++) {
		exit_stats_add(&e, 50 + i);
		sum += 50 + i;
	}
	check(e.count == 100001 && e.sum == sum && e.least == 50,
	      "count, sum and least are of all");
	check(e.kept <= EXIT_SAMPLE && e.kept >= EXIT_SAMPLE / 2, "the sample stays bounded");
	check(exit_stats_median(&e) > 45000 && exit_stats_median(&e) < 55000,
	      "the sample spreads over the whole run");
	e = (struct exit_stats){ 0 };
	exit_stats_add(&e, UINT64_MAX);
	check(e.least == UINT32_MAX && exit_stats_median(&e) == UINT32_MAX,
	      "what is too long counts as the longest");
	return failed;
}
