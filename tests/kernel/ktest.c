// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/ktest.h"

const char *lab_name = "kernel";

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
