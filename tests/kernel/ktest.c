// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/ktest.h"

const char *lab_name = "kernel";

int lab_main(void)
{
	test_ipc();
	test_death();
	test_faults();
	test_memory();
	test_capabilities();
	test_time();
	test_cpus();
	test_interrupt();
	test_random_calls();
	return lab_failed();
}
