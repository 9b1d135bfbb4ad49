// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "abi/elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 8);
	struct elf e;

	memcpy(copy, data, size);
	if (!elf_read(&e, copy, size, 0x10000, 0x100000000))
		for (uint32_t i = 0; i < e.count; i++)
			if (e.segment[i].offset + e.segment[i].file_size > size ||
			    (e.segment[i].flags & 3) == 3)
				abort();
	free(copy);
	return 0;
}
