// SPDX-License-Identifier: Apache-2.0
#include "mgmt/tom/sealed.h"

bool sealed_send(struct session *s, const uint8_t tvd[16], enum sealed_type type, uint64_t id,
		 uint64_t arg, const void *p, size_t n)
{
	struct tmc_sealed m = { state_number(tvd), type, id, arg, 0, { p, n } };

	return session_send(s, TMC_SEALED, &m);
}

bool sealed_answer(struct session *s, const struct tmc_frame *f)
{
	struct schema_error err;
	struct tmc_sealed m;

	if (!schema_decode(&tmc_sealed_schema, &m, f->body, f->len, &err))
		return session_refuse(s, "malformed message: %s", err.text);
	if (m.id == SEALED_EVENT)
		return m.type == CONSOLE_SEALED ? console_output(s, &m) : console_ended(s, &m);
	if (m.id >= SEALED_IMAGE)
		return image_answer(s, &m);
	if (m.id >= SEALED_OPEN && m.id < SEALED_OPEN + SESSION_CLIENTS)
		return console_opened(s, &s->clients[m.id - SEALED_OPEN], &m);
	return true;
}
