// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/ktest.h"
#include "tests/vm/vmtest.h"

enum {
	MODEL_ROUNDS = 2,
};

const char *lab_name = "vm";

int lab_main(void)
{
	test_model(MODEL_ROUNDS);
	test_exits();
	test_hostile();
	test_vtx();
	test_sharing();
	return lab_failed();
}
