// SPDX-License-Identifier: Apache-2.0
/* Filled-in messages and documents for the tests of mgmt/. */
#pragma once
#include "mgmt/proto/msg.h"
#include "mgmt/proto/state.h"

#define SAMPLE_MAX (192u * 1024u)

struct sample {
	const char *name;
	const struct schema *schema;
	const void *object;
};

/* All samples; *count of them. Objects live as long as the program. */
const struct sample *samples(size_t *count);
/* A valid desired state with one TVD, two images, one VM. */
struct state *sample_state(void);
