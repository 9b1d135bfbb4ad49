// SPDX-License-Identifier: Apache-2.0
/* What runs and what is missing, in words for the operator. Made of facts alone. */
#include <stdio.h>
#include <string.h>
#include "mgmt/policy/steps.h"

#define SHORT_DIGEST 8u /* bytes */

static void note(struct tmc_status *s, const char *kind, const char *name, const char *state,
		 const char *text)
{
	struct tmc_status_item *item = &s->items[s->count];

	if (s->count == TMC_STATUS_ITEMS)
		return;
	s->count++;
	snprintf(item->kind, sizeof(item->kind), "%s", kind);
	snprintf(item->name, sizeof(item->name), "%s", name);
	snprintf(item->state, sizeof(item->state), "%s", state);
	snprintf(item->text, sizeof(item->text), "%.119s", text);
}

static void note_tvd(const struct engine *e, size_t i, struct tmc_status *s)
{
	static const char *const names[] = { "starting", "open", "refused" };
	const struct tvd_fact *f = &e->tvds[i];
	const struct ctl_item *item = fact_item(e, "vault", state_number(e->state.tvds[i].id));
	const char *state = names[f->state];
	const char *text = f->text;

	if (!item) {
		state = "starting";
		text = f->start.why;
	} else if (item->state == CTL_RESTARTING) {
		state = "restarting";
		text = "its vault died";
	}
	note(s, "tvd", e->state.tvds[i].name, state, text);
}

static void note_image(const struct engine *e, size_t i, struct tmc_status *s)
{
	static const char *const names[] = { "absent", "partial", "verifying", "present" };
	const struct image_fact *f = &e->images[i];
	char name[2 * SHORT_DIGEST + 1], text[64];

	for (unsigned k = 0; k < SHORT_DIGEST; k++)
		snprintf(name + 2 * k, 3, "%02x", e->state.images[i].digest[k]);
	snprintf(text, sizeof(text), "%s", f->why);
	if (f->status.progress == IMAGE_PARTIAL)
		snprintf(text, sizeof(text), "%u of %u chunks", (unsigned)f->status.next,
			 (unsigned)f->status.count);
	note(s, "image", name, names[f->status.progress], text);
}

static void note_started(const struct engine *e, size_t i, const struct ctl_item *item,
			 struct tmc_status *s)
{
	const struct vm_fact *f = &e->vms[i];
	const char *name = e->state.vms[i].name;

	if (!fact_vm_wanted(e, i) || !fact_vm_same(e, i))
		note(s, "vm", name, "stopping",
		     f->pressed && !f->deaf ? "its power button was pressed" : "");
	else if (item->state == CTL_RUNNING && f->attached)
		note(s, "vm", name, "running", "");
	else if (item->state == CTL_RUNNING)
		note(s, "vm", name, "running",
		     f->setup.why[0] ? f->setup.why : "waits for its disk: the vault began anew");
	else if (fact_vm_off(e, i))
		note(s, "vm", name, "off", "the guest switched itself off");
	else
		note(s, "vm", name, "restarting", f->run.why);
}

static void note_vm(const struct engine *e, size_t i, struct tmc_status *s)
{
	const struct ctl_item *item = fact_vm_item(e, i);
	const struct vm_fact *f = &e->vms[i];
	const char *name = e->state.vms[i].name, *why;
	char text[120];

	if (item) {
		note_started(e, i, item, s);
		return;
	}
	if (!e->state.vms[i].run) {
		note(s, "vm", name, "stopped", "");
		return;
	}
	why = fact_vm_waits(e, i, text, sizeof(text));
	if (f->run.why[0])
		note(s, "vm", name, "failed", f->run.why);
	else
		note(s, "vm", name, "waiting", why ? why : "");
}

void engine_status(const struct engine *e, struct tmc_status *out)
{
	const struct commit *c = &e->commit;

	memset(out, 0, sizeof(*out));
	out->epoch = e->state.epoch;
	if (!c->loaded)
		note(out, "store", "state", "waiting",
		     c->why[0] ? c->why : "the disk is not open yet");
	else if (c->why[0])
		note(out, "store", "state", "refused", c->why);
	for (size_t i = 0; i < e->state.tvd_count; i++)
		note_tvd(e, i, out);
	for (size_t i = 0; i < e->state.vm_count; i++)
		note_vm(e, i, out);
	for (size_t i = 0; i < e->state.image_count; i++)
		note_image(e, i, out);
}
