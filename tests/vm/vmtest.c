// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/vmtest.h"

const char *lab_name = "vm";

int lab_main(void)
{
	test_exits();
	test_hostile();
	test_vtx();
	test_sharing();
	return lab_failed();
}
