// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include "mgmt/proto/cbor.h"
#include "mgmt/proto/signed.h"

static struct cbor_out begin(uint8_t *out, size_t cap, const char *label)
{
	struct cbor_out o = { out, cap, 0, false };

	cbor_put_raw(&o, label, strlen(label));
	return o;
}

static void put_u64(struct cbor_out *o, uint64_t v)
{
	uint8_t le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (uint8_t)(v >> (8 * i));
	cbor_put_raw(o, le, sizeof(le));
}

static size_t end(const struct cbor_out *o)
{
	return o->full ? 0 : o->len;
}

size_t tmc_binder_input(const struct tmc_binder *b, uint8_t *out, size_t cap)
{
	struct cbor_out o = begin(out, cap, "redoubt-tmc/2" TMC_ROLE_SERVER);

	cbor_put_raw(&o, b->exporter, sizeof(b->exporter));
	cbor_put_raw(&o, b->nonce, sizeof(b->nonce));
	cbor_put_raw(&o, b->keys, sizeof(b->keys));
	put_u64(&o, b->boot_id);
	put_u64(&o, b->iommu);
	return end(&o);
}

size_t tmc_bind_input(const struct tmc_bind *m, uint8_t *out, size_t cap)
{
	struct cbor_out o = begin(out, cap, "redoubt-bind/1");

	cbor_put_raw(&o, m->server_id, sizeof(m->server_id));
	cbor_put_raw(&o, m->binder, sizeof(m->binder));
	cbor_put_bytes(&o, m->approvals.p, m->approvals.n);
	return end(&o);
}

size_t tmc_result_input(const struct tmc_result *m, uint8_t *out, size_t cap)
{
	struct cbor_out o = begin(out, cap, "redoubt-result/1");

	cbor_put_raw(&o, m->binder, sizeof(m->binder));
	put_u64(&o, m->utc);
	return end(&o);
}

size_t tmc_command_input(const struct tmc_command *m, uint8_t *out, size_t cap)
{
	struct cbor_out o = begin(out, cap, "redoubt-command/1");

	put_u64(&o, m->sequence);
	cbor_put_raw(&o, m->server_id, sizeof(m->server_id));
	put_u64(&o, m->kind);
	cbor_put_bytes(&o, m->body.p, m->body.n);
	return end(&o);
}
