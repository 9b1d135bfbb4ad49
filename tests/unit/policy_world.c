// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>
#include "services/vmm/vmm.h"
#include "tests/unit/policy_world.h"

#define MS 1000000ull

uint32_t world_random(struct world *w, uint32_t below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random % below;
}

void world_broken(struct world *w, const char *rule)
{
	if (!w->broken)
		w->broken = rule;
}

static void quiet(const char *line)
{
	(void)line;
}

static void policy_begins(struct world *w)
{
	engine_init(&w->engine, &w->binding, &w->kept, ++w->boots << 32, quiet);
	w->engine.confined = !w->unconfined;
}

void world_init(struct world *w, uint32_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed * 2654435761u + 1;
	w->upload = true;
	memset(w->binding.server_id, 9, sizeof(w->binding.server_id));
	memset(w->binding.operator_key, 4, sizeof(w->binding.operator_key));
	policy_begins(w);
}

/* ---- requests ---- */

static struct request *queue(struct world *w, enum peer peer, uint64_t tag)
{
	switch (peer) {
	case PEER_DISK:
		return &w->disk;
	case PEER_TPM:
		return &w->tpm;
	case PEER_ROOT:
		return &w->root;
	default:
		return &w->vault[world_slot(tag)];
	}
}

static void tell_vaults(struct world *w)
{
	uint64_t tags[WORLD_TVDS], serials[WORLD_TVDS];
	size_t n = 0;

	for (unsigned i = 0; i < WORLD_TVDS; i++) {
		if (!w->vaults[i].serial)
			continue;
		memset(&tags[n], (int)i + 1, sizeof(tags[n]));
		serials[n++] = w->vaults[i].serial;
	}
	engine_vaults(&w->engine, tags, serials, n);
}

static uint64_t seen_serial(const struct world *w, const struct order *o)
{
	struct ctl_start s;

	if (o->peer != PEER_ROOT || o->type != CTL_START)
		return 0;
	memcpy(&s, o->payload, sizeof(s));
	return s.parent ? w->vaults[world_slot(s.parent)].serial : 0;
}

static void execute(struct world *w, const struct request *q, struct reply *r)
{
	r->status = CS_OK;
	r->n = 0;
	if (world_random(w, 1000) < w->errors_per_1000) {
		if (q->peer == PEER_DISK && world_random(w, 2))
			world_ask_disk(w, q, r); /* done, and yet it fails */
		r->status = world_random(w, 2) ? CS_IO : CS_BUSY;
		r->n = 0;
	} else if (q->peer == PEER_DISK)
		world_ask_disk(w, q, r);
	else if (q->peer == PEER_TPM)
		world_ask_tpm(w, q, r);
	else if (q->peer == PEER_ROOT)
		world_ask_root(w, q, r);
	else
		world_ask_vault(w, q, r);
}

/* Whoever dies has done its last request, or has not. Nobody hears. */
static void lose(struct world *w, struct request *q)
{
	static struct reply r;

	if (q->waiting && world_random(w, 2))
		execute(w, q, &r);
	q->waiting = false;
}

static void pump(struct world *w)
{
	struct order o;

	tell_vaults(w);
	while (engine_next(&w->engine, w->now, &o)) {
		struct request *q = queue(w, o.peer, o.tag);

		if (q->waiting && o.peer != PEER_VAULT)
			world_broken(w, "two requests to one peer");
		lose(w, q); /* of a domain that went and came back */
		*q = (struct request){ .waiting = true,
				       .peer = o.peer,
				       .tag = o.tag,
				       .type = o.type,
				       .id = o.id,
				       .arg = o.arg,
				       .serial = seen_serial(w, &o),
				       .epoch = w->engine.state.epoch,
				       .n = o.n };
		memcpy(q->payload, o.payload, o.n);
	}
}

static struct request *pick(struct world *w)
{
	struct request *all[3 + WORLD_TVDS] = { &w->disk, &w->tpm, &w->root };
	uint32_t first = world_random(w, 3 + WORLD_TVDS);

	for (unsigned i = 0; i < WORLD_TVDS; i++)
		all[3 + i] = &w->vault[i];
	for (uint32_t i = 0; i < 3 + WORLD_TVDS; i++)
		if (all[(first + i) % (3 + WORLD_TVDS)]->waiting)
			return all[(first + i) % (3 + WORLD_TVDS)];
	return NULL;
}

/* What was acknowledged must be true for ever. */
static void note_verdict(struct world *w)
{
	if (!engine_verdict(&w->engine, &w->last) || w->last.status != CS_OK)
		return;
	if (w->engine.state.epoch > w->acknowledged)
		w->acknowledged = w->engine.state.epoch;
	if (w->medium.size != w->engine.commit.size ||
	    memcmp(w->medium.record, w->engine.commit.bytes, w->medium.size) != 0)
		world_broken(w, "acknowledged, but not stored");
}

static bool serve_one(struct world *w)
{
	static struct reply r;
	static struct request q;
	struct request *next = pick(w);

	if (!next)
		return false;
	q = *next;
	next->waiting = false;
	execute(w, &q, &r);
	engine_answer(&w->engine, w->now, q.peer, q.tag, q.id, r.status, r.payload, r.n);
	note_verdict(w);
	if (w->engine.commit.loaded && w->engine.state.epoch < w->acknowledged)
		world_broken(w, "an acknowledged epoch is lost");
	return true;
}

/* ---- time ---- */

static void arrive(struct world *w)
{
	for (size_t i = 0; w->upload && i < w->medium.image_count; i++)
		if (w->medium.chunks[i] < WORLD_CHUNKS && world_random(w, 2))
			w->medium.chunks[i]++;
}

static void restart_vaults(struct world *w)
{
	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		struct instance *in = &w->instances[i];

		if (!in->used || in->item.state != CTL_RESTARTING || w->now < in->restart_at)
			continue;
		in->item.state = CTL_RUNNING;
		world_vault_begins(w, in->item.id.tag);
		engine_instances_changed(&w->engine);
	}
}

static void obey_buttons(struct world *w)
{
	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		struct instance *in = &w->instances[i];

		if (!in->used || in->item.state != CTL_RUNNING || !in->obey_at ||
		    w->now < in->obey_at)
			continue;
		in->item.state = CTL_ENDED;
		in->item.code = VMM_POWERED_OFF;
		engine_instances_changed(&w->engine);
	}
}

static void pass_time(struct world *w)
{
	uint64_t next = w->engine.wake;
	uint64_t some = w->now + world_random(w, 400) * MS + 1;

	w->now = next > w->now && next < some ? next : some;
	arrive(w);
	restart_vaults(w);
	obey_buttons(w);
}

void world_step(struct world *w)
{
	w->steps++;
	pump(w);
	note_verdict(w);
	if (world_random(w, 8) == 0 || !serve_one(w))
		pass_time(w);
}

/* ---- deaths ---- */

static void kill_policy(struct world *w)
{
	lose(w, &w->disk);
	lose(w, &w->tpm);
	lose(w, &w->root);
	for (unsigned i = 0; i < WORLD_TVDS; i++) {
		lose(w, &w->vault[i]);
		if (w->vaults[i].serial)
			w->vaults[i].serial = ++w->serials;
	}
	policy_begins(w);
}

static void kill_vault(struct world *w)
{
	unsigned first = world_random(w, WORLD_INSTANCES);

	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		struct instance *in = &w->instances[(first + i) % WORLD_INSTANCES];

		if (!in->used || strcmp(in->item.id.template, "vault") != 0)
			continue;
		lose(w, &w->vault[world_slot(in->item.id.tag)]);
		if (!in->used)
			return;
		in->item.state = CTL_RESTARTING;
		in->item.restarts++;
		in->restart_at = w->now + world_random(w, 2000) * MS;
		memset(&w->vaults[world_slot(in->item.id.tag)], 0, sizeof(struct vault));
		engine_instances_changed(&w->engine);
		return;
	}
}

bool world_end_vm(struct world *w, int32_t code)
{
	unsigned first = world_random(w, WORLD_INSTANCES);

	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		struct instance *in = &w->instances[(first + i) % WORLD_INSTANCES];

		if (!in->used || strcmp(in->item.id.template, "vmm") != 0 ||
		    in->item.state != CTL_RUNNING)
			continue;
		in->item.state = CTL_ENDED;
		in->item.code = code;
		engine_instances_changed(&w->engine);
		return true;
	}
	return false;
}

static void cut_power(struct world *w)
{
	lose(w, &w->disk);
	w->tpm.waiting = w->root.waiting = false;
	for (unsigned i = 0; i < WORLD_TVDS; i++)
		w->vault[i].waiting = false;
	memset(w->vaults, 0, sizeof(w->vaults));
	memset(w->instances, 0, sizeof(w->instances));
	memset(&w->kept, 0, sizeof(w->kept));
	w->record_count = 0;
	w->tpm_last_id = 0;
	w->disk_open_at = w->now + world_random(w, 3000) * MS;
	policy_begins(w);
}

void world_kill(struct world *w, enum victim victim)
{
	static const int32_t codes[] = { VMM_POWERED_OFF, VMM_RESET, VMM_FAILED, -1 };

	switch (victim) {
	case KILL_POLICY:
		kill_policy(w);
		break;
	case KILL_DISK:
		lose(w, &w->disk);
		w->disk_open_at = w->now + world_random(w, 1000) * MS;
		engine_restarted(&w->engine, PEER_DISK);
		break;
	case KILL_TPM:
		lose(w, &w->tpm);
		engine_restarted(&w->engine, PEER_TPM);
		break;
	case KILL_VAULT:
		kill_vault(w);
		break;
	case KILL_VMM:
		world_end_vm(w, codes[world_random(w, 4)]);
		break;
	default:
		cut_power(w);
	}
}

/* ---- the end ---- */

void world_settle(struct world *w)
{
	uint64_t end = w->now + 150000 * MS;

	w->errors_per_1000 = 0;
	for (unsigned i = 0; i < 200000 && w->now < end; i++) {
		world_step(w);
		if (w->engine.wake == ENGINE_FOREVER && !pick(w) && w->now + 140000 * MS > end)
			w->now = end > w->now + 5000 * MS ? w->now : end;
	}
}

static bool shall_run(const struct world *w, const struct state_vm *vm)
{
	return vm->run && (!w->unconfined || w->engine.state.allow_no_iommu);
}

static const char *wrong_attachments(const struct world *w)
{
	const struct state *s = &w->engine.state;

	for (size_t i = 0; i < s->vm_count; i++) {
		const struct vault *v = &w->vaults[world_slot(state_number(s->vms[i].tvd))];
		bool attached = false;

		for (size_t k = 0; k < v->attach_count; k++)
			attached |= v->attach[k].vm == state_number(s->vms[i].id);
		if (attached != shall_run(w, &s->vms[i]))
			return shall_run(w, &s->vms[i]) ? "a VM is not attached"
							: "a VM is still attached";
	}
	return NULL;
}

static const char *wrong_vm(const struct world *w, const struct state_vm *vm)
{
	struct world *writable = (struct world *)(uintptr_t)w;
	const struct instance *in = world_instance(writable, "vmm", state_number(vm->id));
	const struct kept_vm *k = kept_find(&writable->kept, state_number(vm->id));
	struct vmm_args a;

	if (!shall_run(w, vm))
		return in ? "a VM runs that shall not" : NULL;
	if (!in)
		return "a VM does not run";
	if (in->item.state == CTL_ENDED)
		return in->item.code == 0 && k && k->epoch == w->engine.state.epoch
			       ? NULL
			       : "a VM stays down that shall run";
	memcpy(&a, in->arg, sizeof(a));
	if (a.mem_mib != vm->mem_mib || strcmp(a.cmdline, vm->cmdline) != 0 ||
	    memcmp(a.kernel_digest, vm->kernel, 32) || memcmp(a.initrd_digest, vm->initrd, 32) ||
	    in->item.parent != state_number(vm->tvd))
		return "a VM runs with other settings";
	return NULL;
}

const char *world_wrong(const struct world *w)
{
	const struct state *s = &w->engine.state;
	size_t vaults = 0, vms = 0;
	const char *why = NULL;

	if (w->broken)
		return w->broken;
	if (w->medium.size != w->engine.commit.size ||
	    memcmp(w->medium.record, w->engine.commit.bytes, w->medium.size) != 0)
		return "the state is not the stored one";
	for (unsigned i = 0; i < WORLD_INSTANCES; i++) {
		const struct instance *in = &w->instances[i];

		vaults += in->used && strcmp(in->item.id.template, "vault") == 0;
		vms += in->used && strcmp(in->item.id.template, "vmm") == 0;
	}
	for (size_t i = 0; i < s->vm_count && !why; i++) {
		vms -= shall_run(w, &s->vms[i]);
		why = wrong_vm(w, &s->vms[i]);
	}
	if (why)
		return why;
	if (vaults != s->tvd_count)
		return "more or fewer vaults than domains";
	return vms ? "more VMs than shall run" : wrong_attachments(w);
}

enum chan_status world_submit(struct world *w, const struct state *s, char text[POLICY_TEXT])
{
	if (w->engine.commit.pending || w->engine.commit.held)
		return CS_BUSY;
	w->sent_size = world_sign(w, s, w->sent);
	w->last.status = CS_BUSY;
	if (engine_submit(&w->engine, w->now, w->sent, w->sent_size, 1))
		pump(w);
	note_verdict(w);
	memcpy(text, w->last.text, POLICY_TEXT);
	return w->last.status;
}
