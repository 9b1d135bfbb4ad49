// SPDX-License-Identifier: Apache-2.0
/* The simulated root, and what must hold whenever a vmm starts. */
#include <string.h>
#include <mbedtls/sha256.h>
#include "services/vmm/vmm.h"
#include "tests/unit/policy_world.h"

struct instance *world_instance(struct world *w, const char *template_name, uint64_t tag)
{
	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		struct instance *in = &w->instances[i];

		if (in->used && in->item.id.tag == tag &&
		    strcmp(in->item.id.template, template_name) == 0)
			return in;
	}
	return NULL;
}

static bool is_measured(const struct world *w, const struct vmm_args *a)
{
	uint8_t want[9 + 112] = "vm-start";

	memset(want + 9, (int)(a->vm & 0xff), 16);
	memcpy(want + 25, a->kernel_digest, 32);
	memcpy(want + 57, a->initrd_digest, 32);
	mbedtls_sha256((const uint8_t *)a->cmdline, strlen(a->cmdline), want + 89, 0);
	for (size_t i = 0; i < w->record_count; i++)
		if (w->records[i].n == sizeof(want) &&
		    memcmp(w->records[i].payload, want, sizeof(want)) == 0)
			return true;
	return false;
}

static bool epoch_is_measured(const struct world *w, uint64_t epoch)
{
	for (size_t i = 0; i < w->record_count; i++)
		if (memcmp(w->records[i].payload, "epoch", 6) == 0 &&
		    memcmp(w->records[i].payload + 6, &epoch, 8) == 0)
			return true;
	return false;
}

static const struct vm_attach *attachment(const struct world *w, uint64_t tvd, uint64_t vm)
{
	const struct vault *v = &w->vaults[world_slot(tvd)];

	for (size_t i = 0; i < v->attach_count; i++)
		if (v->attach[i].vm == vm)
			return &v->attach[i];
	return NULL;
}

static void check_attachment(struct world *w, uint64_t tvd, const struct vmm_args *a)
{
	const struct vm_attach *m = attachment(w, tvd, a->vm);
	static const uint8_t none[16];

	if (!m) {
		world_broken(w, "a VM starts that is not attached");
		return;
	}
	if (memcmp(m->kernel.digest, a->kernel_digest, 32) || m->kernel.size != a->kernel_size ||
	    m->initrd.size != a->initrd_size || memcmp(m->disk, a->volume, 16))
		world_broken(w, "a VM is attached otherwise than started");
	if (!world_image_usable(w, tvd, &m->kernel) || !world_image_usable(w, tvd, &m->initrd))
		world_broken(w, "a VM starts without its images");
	if (memcmp(a->volume, none, 16) != 0 && !world_has_volume(w, tvd, a->volume))
		world_broken(w, "a VM starts without its volume");
}

static void check_vm_start(struct world *w, const struct request *q, const struct ctl_start *s)
{
	struct vmm_args a;

	memcpy(&a, q->payload + sizeof(*s), sizeof(a));
	if (s->arg_len != sizeof(a) || a.magic != VMM_ARGS_MAGIC || a.size != sizeof(a) ||
	    a.vm != s->id.tag || a.mem_mib != s->mem_mib || a.cmdline_len != strlen(a.cmdline))
		world_broken(w, "malformed vmm_args");
	if (!is_measured(w, &a))
		world_broken(w, "a VM starts that is not in PCR 10");
	if (!epoch_is_measured(w, q->epoch))
		world_broken(w, "a VM starts before its epoch is in PCR 10");
	if (w->vaults[world_slot(s->parent)].serial == q->serial)
		check_attachment(w, s->parent, &a);
}

static enum chan_status start(struct world *w, const struct request *q)
{
	struct instance *in = w->instances;
	struct ctl_start s;

	memcpy(&s, q->payload, sizeof(s));
	if (s.version != CTL_VERSION || q->n != sizeof(s) + s.arg_len)
		return CS_BAD_REQUEST;
	if (world_instance(w, s.id.template, s.id.tag))
		return CS_EXISTS;
	if (strcmp(s.id.template, "vmm") == 0) {
		if (!world_instance(w, "vault", s.parent))
			return CS_STATE;
		check_vm_start(w, q, &s);
	}
	while (in->used)
		in++;
	*in = (struct instance){ .used = true, .arg_size = s.arg_len };
	in->item.id = s.id;
	in->item.parent = s.parent;
	in->item.state = CTL_RUNNING;
	memcpy(in->arg, q->payload + sizeof(s), s.arg_len);
	if (strcmp(s.id.template, "vault") == 0)
		world_vault_begins(w, s.id.tag);
	engine_instances_changed(&w->engine);
	return CS_OK;
}

static enum chan_status stop(struct world *w, const struct request *q)
{
	struct instance *in;
	struct ctl_id id;

	memcpy(&id, q->payload, sizeof(id));
	in = world_instance(w, id.template, id.tag);
	if (!in)
		return CS_NOT_FOUND;
	in->used = false;
	if (strcmp(id.template, "vault") != 0)
		return CS_OK;
	memset(&w->vaults[world_slot(id.tag)], 0, sizeof(struct vault));
	w->vault[world_slot(id.tag)].waiting = false;
	for (unsigned i = 0; i < WORLD_INSTANCES; i++)
		if (w->instances[i].used && w->instances[i].item.parent == id.tag)
			w->instances[i].used = false;
	return CS_OK;
}

void world_ask_root(struct world *w, const struct request *q, struct reply *r)
{
	if (q->type == CTL_START) {
		r->status = start(w, q);
		return;
	}
	if (q->type == CTL_STOP) {
		r->status = stop(w, q);
		return;
	}
	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		if (!w->instances[i].used)
			continue;
		memcpy(r->payload + r->n, &w->instances[i].item, sizeof(struct ctl_item));
		r->n += sizeof(struct ctl_item);
	}
}
