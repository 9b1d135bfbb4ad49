// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/ktest.h"

enum {
	ROUNDS = 8, /* of the model */
	ROUNDS_CPUS =
		2, /* with more than one CPU: on a busy host each wake-up of another one takes its time */
};

const char *lab_name = "kernel";

static void test_calls_by_model(void)
{
	test_model(lab_root->cpu_count > 1 ? ROUNDS_CPUS : ROUNDS);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "ipc", test_ipc },
	{ "death", test_death },
	{ "faults", test_faults },
	{ "memory", test_memory },
	{ "capabilities", test_capabilities },
	{ "time", test_time },
	{ "cpus", test_cpus },
	{ "interrupt", test_interrupt },
	{ "dma", test_dma },
	{ "random calls", test_random_calls },
	{ "calls by the model", test_calls_by_model },
};

int lab_main(void)
{
	for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		uint64_t start = lab_tsc();

		tests[i].run();
		lab_text("# ");
		lab_text(tests[i].name);
		lab_text(": ");
		lab_number((lab_tsc() - start) / lab_root->tsc_khz);
		lab_text(" ms\n");
	}
	return lab_failed();
}
