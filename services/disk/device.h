// SPDX-License-Identifier: Apache-2.0
/* The data disk as the format code sees it: blocks of 4096 bytes. Functions return 0, or -1 when the device failed. */
#pragma once
#include <stdint.h>

#include "lib/blk.h"

struct device {
	int (*read)(void *arg, uint64_t block, uint32_t count, void *data);
	int (*write)(void *arg, uint64_t block, uint32_t count, const void *data);
	int (*flush)(void *arg); /* all written before is on the medium */
	void *arg;
	uint64_t blocks;
};
