// SPDX-License-Identifier: Apache-2.0
/* The vault's start argument, checked. Pure. */
#pragma once
#include <stddef.h>

#include "services/vault/vault.h"

struct vault_start {
	struct vault_args head;
	struct approval approval[APPROVAL_MAX];
	struct wrapped_parts wrapped; /* points into the argument */
};

/* 0, or -1: malformed in whatever way. */
int vault_args_parse(const void *arg, size_t size, struct vault_start *out);
