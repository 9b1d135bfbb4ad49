// SPDX-License-Identifier: Apache-2.0
/* What images.c and consoles.c share: requests to a TVD's vault, relayed by tmc. docs/formats.md sections 5 to 7. */
#pragma once
#include "mgmt/tom/session.h"
#include "services/vault/vault.h"

enum sealed_id { /* of requests; answers repeat it */
		 SEALED_EVENT = 0,
		 SEALED_CONSOLE = 1, /* nobody waits for the answer */
		 SEALED_OPEN = 16,   /* + number of the client */
		 SEALED_IMAGE = 256, /* + generation of the pump */
};

bool sealed_send(struct session *s, const uint8_t tvd[16], enum sealed_type type, uint64_t id,
		 uint64_t arg, const void *p, size_t n);

bool image_answer(struct session *s, const struct tmc_sealed *m);
bool console_opened(struct session *s, struct client *c, const struct tmc_sealed *m);
bool console_output(struct session *s, const struct tmc_sealed *m);
bool console_ended(struct session *s, const struct tmc_sealed *m);
