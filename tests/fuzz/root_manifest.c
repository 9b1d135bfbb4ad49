// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "services/root/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *copy = malloc(size + 1);
	struct manifest m;

	memcpy(copy, data, size);
	if (!manifest_read(&m, copy, size))
		for (uint32_t i = 0; i < m.header->channels; i++)
			if (m.component[m.channel[i].server].name[START_NAME - 1])
				abort();
	free(copy);
	return 0;
}
