// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <string.h>
#include "mgmt/policy/steps.h"

/* Facts about the predecessor, while they move. */
static struct {
	struct state state;
	struct tvd_fact tvds[STATE_TVDS];
	struct image_fact images[STATE_IMAGES];
	struct vm_fact vms[STATE_VMS];
} old;

static void decode(struct engine *e, const uint8_t *p, size_t n)
{
	struct commit *c = &e->commit;
	struct span document;

	memmove(c->bytes, p, n);
	c->size = n;
	document = check_document(c->bytes, n);
	if (!schema_decode(&state_schema, &e->state, document.p, document.n, NULL))
		abort(); /* it was checked */
}

static void move_tvd(struct engine *e, size_t i)
{
	struct tvd_fact *f = &e->tvds[i];

	memset(f, 0, sizeof(*f));
	for (size_t j = 0; j < old.state.tvd_count; j++)
		if (state_number(old.state.tvds[j].id) == state_number(e->state.tvds[i].id))
			*f = old.tvds[j];
	attempt_done(&f->start);
	args_vault_digest(e, i, f->args);
}

static void move_image(struct engine *e, size_t i)
{
	const struct state_image *m = &e->state.images[i];
	const struct state_image *before = state_find_image(&old.state, m->tvd, m->digest);

	memset(&e->images[i], 0, sizeof(e->images[i]));
	if (before && before->size == m->size)
		e->images[i] = old.images[before - old.state.images];
}

static void move_vm(struct engine *e, size_t i)
{
	struct vm_fact *f = &e->vms[i], *before = NULL;

	memset(f, 0, sizeof(*f));
	args_vm_config(&e->state.vms[i], f->config);
	for (size_t j = 0; j < old.state.vm_count; j++)
		if (state_number(old.state.vms[j].id) == state_number(e->state.vms[i].id) &&
		    memcmp(old.state.vms[j].tvd, e->state.vms[i].tvd, 16) == 0)
			before = &old.vms[j];
	f->told = !before || before->told; /* perhaps, by a policy that died */
	if (before)
		memcpy(f->measured, before->measured, sizeof(f->measured));
	if (fact_vm_same(e, i)) /* so it was measured, to be started */
		memcpy(f->measured, f->config, sizeof(f->measured));
	if (!before)
		return;
	f->started_at = before->started_at;
	f->stopping_at = before->stopping_at;
	f->pressed = before->pressed;
	f->deaf = before->deaf;
	if (memcmp(before->config, f->config, sizeof(f->config)) != 0)
		return;
	f->ensured = before->ensured;
	f->attached = before->attached;
}

static bool has_vm(const struct state *s, uint64_t tvd, uint64_t vm)
{
	for (size_t i = 0; i < s->vm_count; i++)
		if (state_number(s->vms[i].id) == vm && state_number(s->vms[i].tvd) == tvd)
			return true;
	return false;
}

static bool has_image(const struct state *s, uint64_t tvd, const uint8_t digest[32])
{
	for (size_t i = 0; i < s->image_count; i++)
		if (state_number(s->images[i].tvd) == tvd &&
		    memcmp(s->images[i].digest, digest, 32) == 0)
			return true;
	return false;
}

/* It may be wanted again, or its whole TVD is gone now. */
static bool settled(const struct engine *e, const struct gone *g)
{
	return fact_tvd(e, g->tvd) == e->state.tvd_count ||
	       (g->vm ? has_vm(&e->state, g->tvd, g->vm)
		      : has_image(&e->state, g->tvd, g->image.digest));
}

static void add_gone(struct engine *e, const struct gone *g)
{
	for (size_t i = 0; i < ENGINE_GONE && !settled(e, g); i++) {
		if (e->gone[i].tvd)
			continue;
		e->gone[i] = *g;
		return;
	}
}

static void collect_gone(struct engine *e)
{
	for (size_t i = 0; i < ENGINE_GONE; i++)
		if (settled(e, &e->gone[i]))
			e->gone[i].tvd = 0;
	for (size_t i = 0; i < old.state.vm_count; i++) {
		struct gone g = { .tvd = state_number(old.state.vms[i].tvd),
				  .vm = state_number(old.state.vms[i].id) };

		if (old.vms[i].told)
			add_gone(e, &g);
	}
	for (size_t i = 0; i < old.state.image_count; i++) {
		struct gone g = { .tvd = state_number(old.state.images[i].tvd) };

		memcpy(g.image.digest, old.state.images[i].digest, sizeof(g.image.digest));
		g.image.size = old.state.images[i].size;
		add_gone(e, &g);
	}
}

void adopt(struct engine *e, const uint8_t *p, size_t n)
{
	old.state = e->state;
	memcpy(old.tvds, e->tvds, sizeof(old.tvds));
	memcpy(old.images, e->images, sizeof(old.images));
	memcpy(old.vms, e->vms, sizeof(old.vms));
	decode(e, p, n);
	e->generation++;
	for (size_t i = 0; i < e->state.tvd_count; i++)
		move_tvd(e, i);
	for (size_t i = 0; i < e->state.image_count; i++)
		move_image(e, i);
	for (size_t i = 0; i < e->state.vm_count; i++)
		move_vm(e, i);
	collect_gone(e);
}
