// SPDX-License-Identifier: Apache-2.0
/* The simulated disk, TPM broker and vaults. */
#include <string.h>
#include "tests/unit/policy_world.h"

unsigned world_slot(uint64_t tvd)
{
	return (unsigned)(tvd & 0xff) - 1;
}

/* ---- disk ---- */

void world_ask_disk(struct world *w, const struct request *q, struct reply *r)
{
	struct store_item item;
	const uint8_t *value = q->payload + sizeof(item) + 5;

	if (w->now < w->disk_open_at) {
		r->status = CS_STATE;
		return;
	}
	if (q->type == STORE_GET) {
		r->status = w->medium.size ? CS_OK : CS_NOT_FOUND;
		r->n = w->medium.size;
		memcpy(r->payload, w->medium.record, r->n);
		return;
	}
	memcpy(&item, q->payload, sizeof(item));
	if (q->n != sizeof(item) + 5 + item.value_size || item.value_size != w->sent_size ||
	    memcmp(value, w->sent, w->sent_size) != 0)
		world_broken(w, "what is stored is not what was sent");
	memcpy(w->medium.record, value, item.value_size);
	w->medium.size = item.value_size;
}

/* ---- TPM broker ---- */

void world_ask_tpm(struct world *w, const struct request *q, struct reply *r)
{
	size_t i = w->record_count;

	(void)r;
	if (q->type != TPM_EXTEND || q->arg != TPM_PCR_RUNTIME ||
	    q->n > sizeof(w->records[0].payload))
		world_broken(w, "policy asks the TPM for something else");
	if (i && w->tpm_last_id == q->id && w->records[i - 1].n == q->n &&
	    memcmp(w->records[i - 1].payload, q->payload, q->n) == 0)
		return; /* asked again after the broker's death */
	if (i == WORLD_RECORDS) {
		world_broken(w, "too many records in PCR 10");
		return;
	}
	if (w->tpm_last_id == q->id)
		world_broken(w, "one id for two TPM requests");
	w->tpm_last_id = q->id;
	w->records[i].n = q->n;
	memcpy(w->records[i].payload, q->payload, q->n);
	w->record_count++;
}

/* ---- vault ---- */

void world_vault_begins(struct world *w, uint64_t tag)
{
	struct vault *v = &w->vaults[world_slot(tag)];

	memset(v, 0, sizeof(*v));
	v->serial = ++w->serials;
	v->open_at = w->now + world_random(w, 1000) * 1000000ull;
	w->vault[world_slot(tag)].waiting = false;
}

bool world_has_volume(const struct world *w, uint64_t tvd, const uint8_t uuid[16])
{
	for (size_t i = 0; i < w->medium.volume_count; i++)
		if (w->medium.volume_tvd[i] == tvd &&
		    memcmp(w->medium.volumes[i].uuid, uuid, 16) == 0)
			return true;
	return false;
}

size_t world_find_image(const struct world *w, uint64_t tvd, const uint8_t digest[32])
{
	size_t i = 0;

	while (i < w->medium.image_count && (w->medium.image_tvd[i] != tvd ||
					     memcmp(w->medium.images[i].digest, digest, 32) != 0))
		i++;
	return i;
}

static bool is_wanted(const struct vault *v, const struct image_name *m)
{
	for (size_t i = 0; i < v->want_count; i++)
		if (memcmp(&v->want[i], m, sizeof(*m)) == 0)
			return true;
	return false;
}

bool world_image_usable(const struct world *w, uint64_t tvd, const struct image_name *m)
{
	size_t i = world_find_image(w, tvd, m->digest);

	return !m->size || (is_wanted(&w->vaults[world_slot(tvd)], m) &&
			    i < w->medium.image_count && w->medium.chunks[i] == WORLD_CHUNKS);
}

static void status(const struct world *w, const struct vault *v, uint64_t tvd, struct reply *r)
{
	struct vault_status s = { .state = w->now < v->open_at ? VAULT_STARTING : VAULT_OPEN };

	memset(s.tvd_id, (int)(tvd & 0xff), sizeof(s.tvd_id));
	memcpy(r->payload, &s, sizeof(s));
	r->n = sizeof(s);
}

static void want(struct world *w, struct vault *v, uint64_t tvd, const uint8_t *p, struct reply *r)
{
	struct image_status s = { .count = WORLD_CHUNKS };
	struct medium *m = &w->medium;
	struct image_name name;
	size_t i;

	memcpy(&name, p, sizeof(name));
	if (!is_wanted(v, &name))
		v->want[v->want_count++] = name;
	i = world_find_image(w, tvd, name.digest);
	if (i == m->image_count) {
		m->images[i] = name;
		m->image_tvd[i] = tvd;
		m->chunks[i] = 0;
		m->image_count++;
	}
	s.next = m->chunks[i];
	s.progress = s.next == WORLD_CHUNKS ? IMAGE_PRESENT : IMAGE_PARTIAL;
	memcpy(r->payload, &s, sizeof(s));
	r->n = sizeof(s);
}

/* A VM that a state lacks may have been left attached by a policy that died. */
static bool is_known(const struct world *w, uint64_t tvd, uint64_t vm)
{
	for (size_t i = 0; i < w->engine.state.vm_count; i++)
		if (state_number(w->engine.state.vms[i].id) == vm &&
		    state_number(w->engine.state.vms[i].tvd) == tvd)
			return true;
	return false;
}

static void drop(struct world *w, struct vault *v, uint64_t tvd, const uint8_t *p, struct reply *r)
{
	struct medium *m = &w->medium;
	struct image_name name;
	size_t i;

	memcpy(&name, p, sizeof(name));
	for (i = 0; i < v->attach_count; i++)
		if (is_known(w, tvd, v->attach[i].vm) &&
		    (!memcmp(&v->attach[i].kernel, &name, sizeof(name)) ||
		     !memcmp(&v->attach[i].initrd, &name, sizeof(name))))
			world_broken(w, "an image is dropped that an attached VM has");
	i = world_find_image(w, tvd, name.digest);
	r->status = i < m->image_count ? CS_OK : CS_NOT_FOUND;
	if (i == m->image_count)
		return;
	m->image_count--;
	m->images[i] = m->images[m->image_count];
	m->image_tvd[i] = m->image_tvd[m->image_count];
	m->chunks[i] = m->chunks[m->image_count];
	for (i = 0; i < v->want_count; i++)
		if (memcmp(&v->want[i], &name, sizeof(name)) == 0)
			v->want[i--] = v->want[--v->want_count];
}

static void ensure(struct world *w, uint64_t tvd, const uint8_t *p, struct reply *r)
{
	struct medium *m = &w->medium;
	struct vault_volume v;

	memcpy(&v, p, sizeof(v));
	for (size_t i = 0; i < m->volume_count; i++) {
		if (m->volume_tvd[i] == tvd && memcmp(m->volumes[i].uuid, v.uuid, 16) == 0) {
			r->status = m->volumes[i].blocks == v.blocks ? CS_OK : CS_EXISTS;
			return;
		}
	}
	m->volume_tvd[m->volume_count] = tvd;
	m->volumes[m->volume_count++] = v;
}

static void detach(struct world *w, struct vault *v, uint64_t vm)
{
	if (world_instance(w, "vmm", vm) &&
	    world_slot(world_instance(w, "vmm", vm)->item.parent) == (size_t)(v - w->vaults))
		world_broken(w, "a VM is detached while its machine is there");
	for (size_t i = 0; i < v->attach_count; i++)
		if (v->attach[i].vm == vm)
			v->attach[i--] = v->attach[--v->attach_count];
}

static void attach(struct vault *v, const struct vm_attach *a)
{
	for (size_t i = 0; i < v->attach_count; i++)
		if (v->attach[i].vm == a->vm)
			v->attach[i--] = v->attach[--v->attach_count];
	v->attach[v->attach_count++] = *a;
}

/* Some guests obey their power button. */
static enum chan_status press(struct world *w, uint64_t tvd, uint64_t vm)
{
	struct instance *in = world_instance(w, "vmm", vm);

	if (!in || in->item.parent != tvd)
		return CS_NOT_FOUND;
	if (world_random(w, 4))
		in->obey_at = w->now + 1 + world_random(w, 5000) * 1000000ull;
	return CS_OK;
}

void world_ask_vault(struct world *w, const struct request *q, struct reply *r)
{
	struct vault *v = &w->vaults[world_slot(q->tag)];
	struct vm_attach a;

	if (q->type == VAULT_STATUS) {
		status(w, v, q->tag, r);
		return;
	}
	if (w->now < v->open_at)
		world_broken(w, "a vault is asked before it is open");
	switch (q->type) {
	case IMAGE_WANT:
		want(w, v, q->tag, q->payload, r);
		break;
	case IMAGE_DROP:
		drop(w, v, q->tag, q->payload, r);
		break;
	case VOLUME_ENSURE:
		ensure(w, q->tag, q->payload, r);
		break;
	case VM_BUTTON:
		memcpy(&a, q->payload, sizeof(a));
		r->status = press(w, q->tag, a.vm);
		break;
	case VM_ATTACH:
	case VM_DETACH:
		memcpy(&a, q->payload, sizeof(a));
		if (q->type == VM_ATTACH)
			attach(v, &a);
		else
			detach(w, v, a.vm);
		break;
	default:
		world_broken(w, "a vault is asked for something else");
	}
}
