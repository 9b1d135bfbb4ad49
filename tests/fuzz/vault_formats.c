// SPDX-License-Identifier: Apache-2.0
/* What a vault is given by others: its start argument and frames of tmc. */
#include "services/vault/args.h"
#include "services/vault/console.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct keyring ring;
	static const uint8_t id[16];
	static struct console console;
	static struct vault_start start;
	uint8_t text[CONSOLE_TEXT_MAX];

	if (!console.open) {
		console_init(&console, id);
		console_begin(&console, &ring, id, id);
	}
	(void)vault_args_parse(data, size, &start);
	if (console_frame_in(&console, data, size, text) >= 0)
		__builtin_trap(); /* forged */
	return 0;
}
