// SPDX-License-Identifier: Apache-2.0
/* Reads struct vmm_args (vmm.h) from argument bytes. Pure. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "services/vmm/vmm.h"

#define ARGS_MIN_MIB 16u

/* false: not of this version, or a field out of range; *why says which. */
bool args_read(const void *bytes, size_t n, struct vmm_args *out, const char **why);
