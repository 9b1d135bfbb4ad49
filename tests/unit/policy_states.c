// SPDX-License-Identifier: Apache-2.0
/* Desired states for policy's engine, and a signature that stands for the operator's. */
#include <stdio.h>
#include <string.h>
#include <mbedtls/sha256.h>
#include "tests/unit/mgmt_samples.h"
#include "tests/unit/policy_world.h"

static void sign(const uint8_t key[P256_POINT], const void *p, size_t n, uint8_t out[P256_SIG])
{
	uint8_t buf[P256_POINT + 32];

	memcpy(buf, key, P256_POINT);
	mbedtls_sha256(p, n, buf + P256_POINT, 0);
	mbedtls_sha256(buf, sizeof(buf), out, 0);
	memcpy(out + 32, out, 32);
}

bool operator_verify(const uint8_t key[P256_POINT], const void *p, size_t n,
		     const uint8_t signature[P256_SIG])
{
	uint8_t good[P256_SIG];

	sign(key, p, n, good);
	return memcmp(good, signature, sizeof(good)) == 0;
}

size_t world_sign(const struct world *w, const struct state *s, uint8_t out[SIGNED_STATE_MAX])
{
	static uint8_t document[STATE_MAX], input[STATE_SIGNED_MAX];
	struct signed_state m = { .document = { document, 0 } };
	size_t n;

	m.document.n = schema_encode(&state_schema, s, document, sizeof(document));
	n = state_signed_input(&m.document, input, sizeof(input));
	sign(w->binding.operator_key, input, n, m.signature);
	return schema_encode(&signed_state_schema, &m, out, SIGNED_STATE_MAX);
}

static struct span wrapped_key(unsigned i, const uint8_t id[16])
{
	static uint8_t blocks[WORLD_TVDS][1024];
	struct span like = sample_state()->tvds[0].key;
	struct wrapped_key *head = (struct wrapped_key *)(void *)blocks[i];

	memcpy(blocks[i], like.p, like.n);
	memcpy(head->tvd_id, id, sizeof(head->tvd_id));
	return (struct span){ blocks[i], like.n };
}

static void add_tvd(struct state *s, unsigned i)
{
	struct state_tvd *t = &s->tvds[s->tvd_count++];

	memset(t->id, (int)i + 1, sizeof(t->id));
	snprintf(t->name, sizeof(t->name), "tvd%u", i);
	t->key = wrapped_key(i, t->id);
	t->approvals = sample_state()->tvds[0].approvals;
}

static void add_images(struct world *w, struct state *s, unsigned tvd)
{
	for (unsigned k = 0; k < WORLD_IMAGES; k++) {
		struct state_image *m = &s->images[s->image_count];

		if (k > 1 && world_random(w, 3) == 0)
			continue;
		s->image_count++;
		memset(m->tvd, (int)tvd + 1, sizeof(m->tvd));
		memset(m->digest, (int)(16 * (tvd + 1) + k), sizeof(m->digest));
		m->size = 100000 + 1000 * tvd + k;
	}
}

static const struct state_image *pick_image(struct world *w, const struct state *s,
					    const uint8_t tvd[16])
{
	for (;;) {
		const struct state_image *m = &s->images[world_random(w, (uint32_t)s->image_count)];

		if (memcmp(m->tvd, tvd, 16) == 0)
			return m;
	}
}

static void add_vm(struct world *w, struct state *s, unsigned i)
{
	struct state_vm *v = &s->vms[s->vm_count++];

	memset(v->id, (int)i + 101, sizeof(v->id));
	snprintf(v->name, sizeof(v->name), "vm%u", i);
	memcpy(v->tvd, s->tvds[world_random(w, (uint32_t)s->tvd_count)].id, 16);
	v->mem_mib = 64u << world_random(w, 2);
	v->cpus = 1;
	memcpy(v->kernel, pick_image(w, s, v->tvd)->digest, 32);
	if (world_random(w, 2))
		memcpy(v->initrd, pick_image(w, s, v->tvd)->digest, 32);
	snprintf(v->cmdline, sizeof(v->cmdline), "x=%u", (unsigned)world_random(w, 2));
	memset(v->volume, (int)i + 201, sizeof(v->volume));
	v->blocks = i % 2 ? 0 : 256 + i;
	v->run = world_random(w, 4) != 0;
}

void world_state(struct world *w, uint64_t epoch, struct state *out)
{
	memset(out, 0, sizeof(*out));
	out->version = STATE_VERSION;
	out->allow_no_iommu = 0;
	out->epoch = epoch;
	memcpy(out->server_id, w->binding.server_id, sizeof(out->server_id));
	for (unsigned i = 0; i < WORLD_TVDS; i++)
		if (world_random(w, 4))
			add_tvd(out, i);
	for (size_t i = 0; i < out->tvd_count; i++)
		add_images(w, out, out->tvds[i].id[0] - 1u);
	for (unsigned i = 0; i < WORLD_VMS && out->tvd_count; i++)
		if (world_random(w, 4))
			add_vm(w, out, i);
}
