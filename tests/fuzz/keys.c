// SPDX-License-Identifier: Apache-2.0
/* Blocks that come from the TOM through others: wrapped keys and approvals. */
#include "mgmt/proto/keys.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t id[KEYS_ID] = { 0 };
	struct wrapped_parts parts;
	struct approval a;

	if (size >= 24)
		memcpy(id, data + 8, sizeof(id));
	if (wrapped_parse(data, size, id, &parts) == 0 &&
	    parts.seed + parts.seed_size != data + size)
		__builtin_trap();
	if (size >= sizeof(a)) {
		memcpy(&a, data, sizeof(a));
		if (approval_check(&a, APPROVAL_DISK) == 0 &&
		    strlen(a.release) >= sizeof(a.release))
			__builtin_trap();
	}
	return 0;
}
