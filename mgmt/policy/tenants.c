// SPDX-License-Identifier: Apache-2.0
/* What a vault is told: images to expect, volumes to make, which VM gets what. */
#include <string.h>
#include "mgmt/policy/steps.h"

enum {
	STARTING_MS = 100,
	VERIFYING_MS = 200,
	PARTIAL_MS = 1000,
	REFUSED_MS = 5000,
	GONE_MS = 5000
};

static bool of_tvd(const struct engine *e, size_t tvd, const uint8_t id[16])
{
	return memcmp(e->state.tvds[tvd].id, id, 16) == 0;
}

static uint64_t number_of(const struct engine *e, size_t tvd)
{
	return state_number(e->state.tvds[tvd].id);
}

void tenant_forget(struct engine *e, size_t tvd)
{
	struct tvd_fact *f = &e->tvds[tvd];

	f->lane.step = STEP_NONE;
	f->state = VAULT_STARTING;
	f->poll_at = 0;
	f->text[0] = 0;
	for (size_t i = 0; i < e->state.image_count; i++)
		if (of_tvd(e, tvd, e->state.images[i].tvd))
			memset(&e->images[i], 0, sizeof(e->images[i]));
	for (size_t i = 0; i < e->state.vm_count; i++) {
		struct vm_fact *v = &e->vms[i];

		if (!of_tvd(e, tvd, e->state.vms[i].tvd))
			continue;
		v->ensured = v->attached = false;
		v->told = true; /* perhaps, by a policy that died */
		attempt_done(&v->setup);
	}
	for (size_t i = 0; i < ENGINE_GONE; i++)
		if (e->gone[i].tvd == number_of(e, tvd) && e->gone[i].vm)
			e->gone[i].tvd = 0;
}

/* ---- requests ---- */

static bool send(struct engine *e, size_t tvd, struct order *out, enum step step, size_t subject,
		 uint16_t type, const void *p, size_t n)
{
	if (n)
		memcpy(e->out, p, n);
	return engine_order(e, &e->tvds[tvd].lane, out, step, subject, type, n);
}

/* No vmm of this TVD runs, and no VM is attached, with anything but what the state says. */
static bool calm(const struct engine *e, size_t tvd)
{
	for (size_t i = 0; i < e->item_count; i++) {
		const struct ctl_item *item = &e->items[i];
		size_t vm = fact_vm(e, item->id.tag);

		if (item->parent == number_of(e, tvd) &&
		    (vm == e->state.vm_count || !fact_vm_same(e, vm)))
			return false;
	}
	for (size_t i = 0; i < e->state.vm_count; i++)
		if (of_tvd(e, tvd, e->state.vms[i].tvd) && e->vms[i].told &&
		    !(e->vms[i].attached && fact_vm_wanted(e, i)))
			return false;
	for (size_t i = 0; i < ENGINE_GONE; i++)
		if (e->gone[i].tvd == number_of(e, tvd) && e->gone[i].vm)
			return false;
	return true;
}

static bool clean_up(struct engine *e, size_t tvd, struct order *out)
{
	for (size_t i = 0; i < ENGINE_GONE; i++) {
		const struct gone *g = &e->gone[i];
		struct vm_attach detach = { .vm = g->vm };
		const struct ctl_item *item;

		if (g->tvd != number_of(e, tvd) || !engine_due(e, g->retry_at))
			continue;
		item = fact_item(e, "vmm", g->vm);
		if (g->vm && !(item && item->parent == g->tvd))
			return send(e, tvd, out, STEP_GONE, i, VM_DETACH, &detach, sizeof(detach));
		if (!g->vm && calm(e, tvd))
			return send(e, tvd, out, STEP_GONE, i, IMAGE_DROP, &g->image,
				    sizeof(g->image));
	}
	return false;
}

static struct image_name image_name(const struct engine *e, size_t i)
{
	struct image_name name = { .size = 0 };

	if (i == e->state.image_count)
		return name;
	name.size = e->state.images[i].size;
	memcpy(name.digest, e->state.images[i].digest, sizeof(name.digest));
	return name;
}

static bool want_image(struct engine *e, size_t tvd, struct order *out)
{
	for (size_t i = 0; i < e->state.image_count; i++) {
		struct image_name name = image_name(e, i);

		if (of_tvd(e, tvd, e->state.images[i].tvd) &&
		    e->images[i].status.progress != IMAGE_PRESENT &&
		    engine_due(e, e->images[i].poll_at))
			return send(e, tvd, out, STEP_WANT, i, IMAGE_WANT, &name, sizeof(name));
	}
	return false;
}

static bool ensure(struct engine *e, size_t tvd, size_t vm, struct order *out)
{
	struct vault_volume v = { .blocks = e->state.vms[vm].blocks };

	memcpy(v.uuid, e->state.vms[vm].volume, sizeof(v.uuid));
	return send(e, tvd, out, STEP_ENSURE, vm, VOLUME_ENSURE, &v, sizeof(v));
}

static bool attach(struct engine *e, size_t tvd, size_t vm, struct order *out)
{
	const struct state_vm *v = &e->state.vms[vm];
	struct vm_attach a = { .vm = state_number(v->id) };

	memcpy(a.vm_id, v->id, sizeof(a.vm_id));
	if (v->blocks)
		memcpy(a.disk, v->volume, sizeof(a.disk));
	a.kernel = image_name(e, fact_image(e, v, v->kernel));
	a.initrd = image_name(e, fact_image(e, v, v->initrd));
	e->vms[vm].told = true;
	return send(e, tvd, out, STEP_ATTACH, vm, VM_ATTACH, &a, sizeof(a));
}

static bool image_told(const struct engine *e, const struct state_vm *vm, const uint8_t digest[32])
{
	return digest_is_zero(digest) || e->images[fact_image(e, vm, digest)].poll_at;
}

/* A VM that runs gets its disk back once the vault knows its images; any other when all it needs is there. */
static bool may_attach(const struct engine *e, size_t vm)
{
	const struct state_vm *v = &e->state.vms[vm];

	if (fact_vm_item(e, vm))
		return fact_vm_same(e, vm) && image_told(e, v, v->kernel) &&
		       image_told(e, v, v->initrd);
	return fact_images_present(e, v);
}

static bool tell(struct engine *e, size_t tvd, size_t vm, struct order *out, enum step step,
		 uint16_t type)
{
	struct vm_attach a = { .vm = state_number(e->state.vms[vm].id) };

	return send(e, tvd, out, step, vm, type, &a, sizeof(a));
}

static bool set_up_vm(struct engine *e, size_t tvd, size_t i, struct order *out)
{
	const struct state_vm *vm = &e->state.vms[i];
	const struct ctl_item *item = fact_vm_item(e, i);
	struct vm_fact *f = &e->vms[i];

	if (item && f->stopping_at && !f->pressed) {
		kept_spoil(e->kept, state_number(vm->id));
		f->pressed = true;
		return tell(e, tvd, i, out, STEP_BUTTON, VM_BUTTON);
	}
	if (!engine_due(e, f->setup.retry_at))
		return false;
	if (!fact_vm_wanted(e, i))
		return f->told && !item && tell(e, tvd, i, out, STEP_DETACH, VM_DETACH);
	if (vm->blocks && !f->ensured)
		return ensure(e, tvd, i, out);
	return !f->attached && may_attach(e, i) && attach(e, tvd, i, out);
}

bool tenant_next(struct engine *e, size_t tvd, struct order *out)
{
	struct tvd_fact *f = &e->tvds[tvd];

	if (!f->serial || f->lane.step != STEP_NONE)
		return false;
	if (f->state != VAULT_OPEN)
		return engine_due(e, f->poll_at) &&
		       send(e, tvd, out, STEP_VAULT_STATUS, 0, VAULT_STATUS, NULL, 0);
	if (!e->listed)
		return false;
	if (clean_up(e, tvd, out))
		return true;
	if (want_image(e, tvd, out))
		return true;
	for (size_t i = 0; i < e->state.vm_count; i++)
		if (of_tvd(e, tvd, e->state.vms[i].tvd) && set_up_vm(e, tvd, i, out))
			return true;
	return false;
}

/* ---- answers ---- */

static void status_answer(struct engine *e, size_t tvd, const struct answer *a)
{
	struct tvd_fact *f = &e->tvds[tvd];
	struct answer text = { .was = a->was };
	struct vault_status s;

	f->poll_at = e->now + STARTING_MS * MS;
	if (a->status != CS_OK || a->n != sizeof(s))
		return;
	memcpy(&s, a->p, sizeof(s));
	text.p = (const uint8_t *)s.text;
	text.n = strnlen(s.text, sizeof(s.text));
	if (text.n)
		answer_words(&text, f->text, sizeof(f->text));
	else
		f->text[0] = 0;
	if (s.state == VAULT_STARTING)
		return;
	f->state = s.state == VAULT_OPEN && of_tvd(e, tvd, s.tvd_id) ? VAULT_OPEN : VAULT_REFUSED;
	f->poll_at = e->now + REFUSED_MS * MS;
	engine_say(e, "domain %s is %s%s%s", e->state.tvds[tvd].name,
		   f->state == VAULT_OPEN ? "open" : "refused", f->text[0] ? ": " : "", f->text);
}

static void want_answer(struct engine *e, const struct answer *a)
{
	struct image_fact *f = &e->images[a->was.subject];

	memset(f, 0, sizeof(*f));
	if (a->status == CS_OK && a->n == sizeof(f->status))
		memcpy(&f->status, a->p, sizeof(f->status));
	else
		answer_words(a, f->why, sizeof(f->why));
	if (f->status.progress > IMAGE_PRESENT)
		f->status.progress = IMAGE_ABSENT;
	f->poll_at =
		e->now + (f->status.progress == IMAGE_VERIFYING ? VERIFYING_MS : PARTIAL_MS) * MS;
}

static void ensure_answer(struct engine *e, const struct answer *a)
{
	struct vm_fact *f = &e->vms[a->was.subject];
	const char *name = e->state.vms[a->was.subject].name;
	char text[60];

	f->ensured = a->status == CS_OK;
	if (f->ensured)
		attempt_done(&f->setup);
	else if (a->status == CS_EXISTS)
		attempt_failed(e, &f->setup, "VM %s: its volume exists with another size", name);
	else
		attempt_failed(e, &f->setup, "VM %s: its volume is not made: %s", name,
			       answer_words(a, text, sizeof(text)));
}

static void attach_answer(struct engine *e, const struct answer *a)
{
	struct vm_fact *f = &e->vms[a->was.subject];
	char text[60];

	f->attached = a->status == CS_OK;
	if (f->attached)
		attempt_done(&f->setup);
	else
		attempt_failed(e, &f->setup, "VM %s: its vault does not attach it: %s",
			       e->state.vms[a->was.subject].name,
			       answer_words(a, text, sizeof(text)));
}

static void button_answer(struct engine *e, const struct answer *a)
{
	struct vm_fact *f = &e->vms[a->was.subject];

	f->deaf = a->status != CS_OK;
	engine_say(e, "VM %s: %s", e->state.vms[a->was.subject].name,
		   f->deaf ? "stops" : "its power button is pressed");
}

/* DETACH or DROP of what an older state had: away, or not there any more, or to be tried again. */
static void gone_answer(struct engine *e, const struct answer *a)
{
	struct gone *g = &e->gone[a->was.subject];

	if (a->status == CS_OK || a->status == CS_NOT_FOUND)
		g->tvd = 0;
	else
		g->retry_at = e->now + GONE_MS * MS;
}

static void detach_answer(struct engine *e, const struct answer *a)
{
	struct vm_fact *f = &e->vms[a->was.subject];
	char text[60];

	if (a->status == CS_OK || a->status == CS_NOT_FOUND) {
		f->told = f->attached = false;
		attempt_done(&f->setup);
		return;
	}
	attempt_failed(e, &f->setup, "VM %s: its vault does not detach it: %s",
		       e->state.vms[a->was.subject].name, answer_words(a, text, sizeof(text)));
}

void tenant_answer(struct engine *e, size_t tvd, const struct answer *a)
{
	if (a->was.step == STEP_VAULT_STATUS) {
		status_answer(e, tvd, a);
		return;
	}
	if (a->was.generation != e->generation)
		return;
	switch (a->was.step) {
	case STEP_WANT:
		want_answer(e, a);
		break;
	case STEP_ENSURE:
		ensure_answer(e, a);
		break;
	case STEP_ATTACH:
		attach_answer(e, a);
		break;
	case STEP_BUTTON:
		button_answer(e, a);
		break;
	case STEP_DETACH:
		detach_answer(e, a);
		break;
	default:
		gone_answer(e, a);
	}
}
