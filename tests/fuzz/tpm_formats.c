// SPDX-License-Identifier: Apache-2.0
/* Commands of clients and the run-time log as a verifier reads it. */
#include <string.h>

#include "services/tpm/cel.h"
#include "services/tpm/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_log(const uint8_t *data, size_t size)
{
	uint8_t again[CEL_OVERHEAD + TPM_EVENT_MAX];
	struct cel_record r;
	size_t at = 0, before = 0;

	while (cel_next(data, size, &at, &r) == 1) {
		size_t n = cel_write(again, r.number, r.pcr, r.digest, r.content, r.content_size);

		if (n != at - before || memcmp(again, data + before, n) != 0)
			__builtin_trap();
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (unsigned client = 1; client <= 8; client *= 2)
		(void)tpm_command_allowed((enum tpm_client)client, data, size);
	read_log(data, size);
	return 0;
}
