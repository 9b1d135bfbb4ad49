// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/cap.h"
#include "kernel/inc/irq.h"
#include "kernel/inc/pd.h"

enum {
	SWEEP_SLOTS = 64, /* selectors looked at in one unit of work */
};

enum status cap_lookup_any(struct pd *pd, sel_t sel, uint32_t rights, struct slot **out)
{
	struct slot *s = slot_at(pd->caps, sel);

	if (!s || s->type == OBJ_NONE || (slot_has_object(s) && s->obj->dead))
		return S_BAD_CAP;
	if (rights & ~s->rights)
		return S_RIGHTS;
	*out = s;
	return S_OK;
}

enum status cap_lookup(struct pd *pd, sel_t sel, enum obj_type type, uint32_t rights,
		       struct slot **out)
{
	struct slot *s = slot_at(pd->caps, sel);

	if (!s || s->type != type || (slot_has_object(s) && s->obj->dead))
		return S_BAD_CAP;
	if (rights & ~s->rights)
		return S_RIGHTS;
	*out = s;
	return S_OK;
}

enum status cap_empty(struct pd *pd, sel_t sel, struct slot **out)
{
	struct slot **page = &pd->caps[sel / SLOTS_PER_PAGE % CAP_PAGES];

	if (sel == SEL_NULL || sel >= SEL_MAX)
		return S_BAD_PARAM;
	if (!*page)
		*page = frame_alloc(&pd->account);
	if (!*page)
		return S_NO_KMEM;
	*out = *page + sel % SLOTS_PER_PAGE;
	if ((*out)->type != OBJ_NONE)
		return S_BUSY;
	(*out)->pd = pd;
	return S_OK;
}

static void slot_fill(struct slot *s, uint8_t type, uint32_t rights, uint8_t flags)
{
	s->next = s->prev = NULL;
	s->depth = 0;
	s->type = type;
	s->flags = flags;
	s->rights = rights;
	list_init(&s->maps);
}

void slot_set_object(struct slot *s, struct obj *o)
{
	slot_fill(s, o->type, RIGHT_ALL, SLOT_ORIGIN);
	s->obj = o;
	o->origin = s;
	s->pd->origins++;
}

void slot_set_range(struct slot *s, enum obj_type type, uint64_t base, uint64_t size,
		    uint32_t rights, uint8_t flags)
{
	slot_fill(s, (uint8_t)type, rights, flags);
	s->base = base;
	s->size = size;
}

void slot_set_child(struct slot *s, struct slot *parent, uint64_t base, uint64_t size,
		    uint32_t rights)
{
	slot_fill(s, parent->type, rights & parent->rights, parent->flags & SLOT_DEVICE);
	s->base = base;
	s->size = size;
	s->depth = (uint16_t)(parent->depth + 1);
	s->prev = parent;
	s->next = parent->next;
	if (s->next)
		s->next->prev = s;
	parent->next = s;
}

static void slot_clear(struct slot *s)
{
	if (s->prev)
		s->prev->next = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->type = OBJ_NONE;
	if (!(s->flags & SLOT_ORIGIN))
		return;
	s->obj->origin = NULL;
	if (--s->pd->origins == 0)
		obj_unpark(&s->pd->obj);
}

bool slot_unmap_step(struct slot *s)
{
	if (list_empty(&s->maps))
		return true;
	if (s->type == OBJ_DC)
		dev_use_end(container_of(s->maps.next, struct dev_use, slot_link));
	else
		mapping_unmap_step(container_of(s->maps.next, struct mapping, slot_link));
	return list_empty(&s->maps);
}

bool slot_delete_step(struct slot *s)
{
	if (!slot_unmap_step(s))
		return false;
	slot_clear(s);
	return true;
}

/*
 * The first descendant can go before its own descendants: these then follow s directly, with greater depth than s, and go next.
 */
bool slot_revoke_step(struct slot *s)
{
	if (slot_has_child(s))
		slot_delete_step(s->next);
	return !slot_has_child(s);
}

static enum cap_sweep sweep_slot(struct pd *pd, struct slot *s)
{
	if (slot_has_child(s)) {
		slot_revoke_step(s);
		return SWEEP_MORE;
	}
	if (s->flags & SLOT_ORIGIN)
		obj_kill(s->obj);
	else if (!slot_delete_step(s))
		return SWEEP_MORE;
	pd->sweep++;
	return SWEEP_MORE;
}

enum cap_sweep cap_sweep_step(struct pd *pd)
{
	for (unsigned int i = 0; i < SWEEP_SLOTS && pd->sweep < SEL_MAX; i++) {
		struct slot *s = slot_at(pd->caps, pd->sweep);

		if (!s)
			pd->sweep += SLOTS_PER_PAGE;
		else if (s->type == OBJ_NONE)
			pd->sweep++;
		else
			return sweep_slot(pd, s);
	}
	if (pd->sweep < SEL_MAX)
		return SWEEP_MORE;
	return pd->origins ? SWEEP_WAIT : SWEEP_DONE;
}
