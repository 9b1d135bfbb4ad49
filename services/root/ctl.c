// SPDX-License-Identifier: Apache-2.0
#include "services/root/ctl.h"
#include <string.h>
#include "lib/component.h"

static uint8_t request[sizeof(struct ctl_start) + CTL_MAX_ARG];

static bool good_text(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	for (size_t i = 0; i < size; i++)
		if (i < n ? s[i] < 0x21 || s[i] > 0x7e : s[i] != 0)
			return false;
	return n && n < size;
}

static uint32_t template_kind(const char *name)
{
	for (uint32_t n = 1; n < manifest.header->components; n++)
		if (manifest.component[n].flags & MC_TEMPLATE &&
		    !strcmp(manifest.component[n].name, name))
			return n;
	return MANIFEST_NONE;
}

static enum chan_status start(const uint8_t *payload, size_t n)
{
	struct instance *i;
	struct ctl_start s;
	enum chan_status r;
	const char *wrong;
	uint32_t kind;

	if (n < sizeof(s))
		return CS_BAD_REQUEST;
	memcpy(&s, payload, sizeof(s));
	if (s.version != CTL_VERSION || s.arg_len != n - sizeof(s) || !s.id.tag ||
	    !good_text(s.id.template, CTL_NAME) || !good_text(s.instance, CTL_NAME))
		return CS_BAD_REQUEST;
	kind = template_kind(s.id.template);
	if (kind == MANIFEST_NONE)
		return CS_DENIED;
	if (instance_find(s.id.template, s.id.tag))
		return CS_EXISTS;
	r = instance_new(kind, &s, payload + sizeof(s), &i);
	if (r != CS_OK)
		return r;
	wrong = instance_start(i);
	if (wrong) {
		log_line("%s does not start: %s", instance_title(i), wrong);
		instance_delete(i);
		return CS_NO_SPACE;
	}
	log_line("%s started, %llu KiB", instance_title(i), (unsigned long long)instance_kib(i));
	ctl_event(i, CTL_STARTED);
	return CS_OK;
}

static enum chan_status stop(const uint8_t *payload, size_t n)
{
	struct ctl_id id;
	struct instance *i;

	if (n != sizeof(id))
		return CS_BAD_REQUEST;
	memcpy(&id, payload, sizeof(id));
	if (!good_text(id.template, CTL_NAME) || !id.tag)
		return CS_BAD_REQUEST;
	if (template_kind(id.template) == MANIFEST_NONE)
		return CS_DENIED;
	i = instance_find(id.template, id.tag);
	if (!i)
		return CS_NOT_FOUND;
	instance_delete(i); /* its name is read once more */
	log_line("%s stopped; %llu KiB and %llu kernel frames are free", instance_title(i),
		 (unsigned long long)engine_free_memory() >> 10,
		 (unsigned long long)engine_free_frames());
	return CS_OK;
}

static void fill_id(struct ctl_id *id, const struct instance *i)
{
	memcpy(id->template, i->component->name, sizeof(id->template));
	id->tag = i->tag;
}

static size_t list(struct ctl_item items[INSTANCE_MAX])
{
	size_t n = 0;

	memset(items, 0, INSTANCE_MAX * sizeof(items[0]));
	for (const struct instance *i = instances + 1; i < instances + INSTANCE_MAX; i++) {
		struct ctl_item *item = &items[n];

		if (i->state == INST_FREE || !(i->component->flags & MC_TEMPLATE))
			continue;
		fill_id(&item->id, i);
		item->parent = i->parent ? i->parent->tag : 0;
		memcpy(item->instance, i->label, sizeof(item->instance));
		item->state = i->state == INST_RUNNING ? CTL_RUNNING
			      : i->state == INST_ENDED ? CTL_ENDED
						       : CTL_RESTARTING;
		item->restarts = i->restarts;
		item->code = i->code;
		n++;
	}
	return n;
}

static void answer(struct chan *c, const struct msg *m, size_t n)
{
	static struct ctl_item items[INSTANCE_MAX];

	switch (m->type) {
	case CTL_START:
		chan_answer(c, m, start(request, n), 0, NULL, 0);
		break;
	case CTL_STOP:
		chan_answer(c, m, stop(request, n), 0, NULL, 0);
		break;
	case CTL_LIST:
		chan_answer(c, m, CS_OK, 0, items, list(items) * sizeof(items[0]));
		break;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

static bool is_ctl(const struct chan *c)
{
	return chan_is_server(c) && !strcmp(chan_proto(c), "ctl");
}

void ctl_serve(void)
{
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
		enum chan_result r = CHAN_OK;
		struct msg m;

		while (is_ctl(c) && (r == CHAN_OK || r == CHAN_RESTARTED)) {
			r = chan_recv(c, &m, request, sizeof(request));
			if (r == CHAN_OK && !(m.type & CHAN_ANSWER))
				answer(c, &m, m.len - sizeof(m));
		}
	}
}

void ctl_event(const struct instance *i, enum ctl_event_kind kind)
{
	struct ctl_event e = { .kind = kind, .code = i->code, .restarts = i->restarts };
	struct msg m = { .type = CTL_EVENT };

	if (!(i->component->flags & MC_TEMPLATE))
		return;
	fill_id(&e.id, i);
	memcpy(e.instance, i->label, sizeof(e.instance));
	for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
		if (!is_ctl(c))
			continue;
		while (chan_send(c, &m, &e, sizeof(e)) == CHAN_RESTARTED)
			; /* a full ring loses the event: the client reconciles by CTL_LIST */
	}
}
