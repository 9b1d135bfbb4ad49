// SPDX-License-Identifier: Apache-2.0
/* Sealed requests to the vaults, and what the vaults have to say. Everything that passes here is ciphertext. */
#include <string.h>
#include "lib/component.h"
#include "mgmt/tmc/tmc.h"
#include "services/vault/vault.h"

static uint8_t buf[TMC_SEALED_MAX];

static struct chan *vault_of(uint64_t tvd)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c))
		if (strcmp(chan_proto(c), "sealed") == 0 && chan_tag(c) == tvd)
			return c;
	return NULL;
}

static bool answer(const struct tmc_sealed *q, enum chan_status s)
{
	struct tmc_sealed m = *q;

	m.status = s;
	m.payload = (struct span){ NULL, 0 };
	return link_send(TMC_SEALED_ANSWER, &m);
}

bool relay_request(const struct tmc_frame *f)
{
	struct tmc_sealed q;
	struct chan *c;
	struct msg m;

	if (!link_decode(f, TMC_SEALED, &q))
		return false;
	if (q.type < IMAGE_STATE || q.type > CONSOLE_CLOSE || q.id == 0)
		return answer(&q, CS_BAD_REQUEST);
	c = vault_of(q.tvd);
	if (!c)
		return answer(&q, CS_NOT_FOUND);
	m = (struct msg){ .type = (uint16_t)q.type, .id = q.id, .arg = q.arg };
	return chan_send(c, &m, q.payload.p, q.payload.n) == CHAN_OK ? true : answer(&q, CS_BUSY);
}

static bool pass_on(struct chan *c, const struct msg *m)
{
	struct tmc_sealed a = { .tvd = chan_tag(c),
				.type = m->type & ~CHAN_ANSWER,
				.id = m->type & CHAN_ANSWER ? m->id : 0,
				.arg = m->arg,
				.status = m->status,
				.payload = { buf, m->len - sizeof(*m) } };

	return link_send(TMC_SEALED_ANSWER, &a);
}

bool relay_poll(void)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
		enum chan_result r;
		struct msg m;

		if (strcmp(chan_proto(c), "sealed") != 0)
			continue;
		while ((r = chan_recv(c, &m, buf, sizeof(buf))) == CHAN_OK || r == CHAN_RESTARTED)
			if (r == CHAN_OK && !pass_on(c, &m))
				return false;
	}
	return true;
}
