// SPDX-License-Identifier: Apache-2.0
/* A component that sleeps. */
#include "lib/component.h"

int main(void)
{
	for (;;)
		component_wait(0);
}
