// SPDX-License-Identifier: Apache-2.0
/*
 * Capability tables. A table has two levels: one page of 512 pointers to pages of 64 slots, made when first needed and charged to the
 * domain that owns the table.
 *
 * All slots made from one another are on one list in derivation order: a slot's descendants follow it directly and have greater
 * depth. So everything made from a capability is found by walking just that part of the list. Memory, port, device and hardware capabilities
 * hold their range themselves; the others point to an object. A slot's mappings (and interrupt bindings) hang on it and go with it.
 */
#pragma once
#include "abi/types.h"
#include "kernel/inc/list.h"
#include <stddef.h>

struct obj;
struct pd;

enum {
	SLOTS_PER_PAGE = 64,
	CAP_DEPTH_MAX = 64,
};

enum slot_flag {
	SLOT_ORIGIN = 1 << 0, /* the object's first capability */
	SLOT_DEVICE = 1 << 1, /* mo: not RAM */
};

struct slot {
	struct slot *next, *prev; /* derivation list, NULL at its ends */
	uint16_t depth;
	uint8_t type; /* enum obj_type; OBJ_NONE: empty */
	uint8_t flags;
	uint32_t rights;
	union {
		struct obj *obj;
		uint64_t base; /* mo: physical address; pio: port; dc: requester id */
	};
	uint64_t size;    /* of the range; bytes, ports, functions */
	struct list maps; /* struct mapping or struct dev_use */
	struct pd *pd;    /* whose table this is */
};

_Static_assert(sizeof(struct slot) == 64, "slots fill a page");

/* Others hold a range themselves. */
static inline bool slot_has_object(const struct slot *s)
{
	return s->type != OBJ_MO && s->type != OBJ_PIO && s->type != OBJ_DC && s->type != OBJ_HW;
}

/* NULL: out of range, or its page was never made. */
static inline struct slot *slot_at(struct slot *const *pages, sel_t sel)
{
	struct slot *page;

	if (sel >= SEL_MAX)
		return NULL;
	page = pages[sel / SLOTS_PER_PAGE];
	return page ? page + sel % SLOTS_PER_PAGE : NULL;
}

/* The live slot at sel with the type and all the rights, or why not. */
enum status cap_lookup(struct pd *pd, sel_t sel, enum obj_type type, uint32_t rights,
		       struct slot **out);

/* Same for any type of a live slot. */
enum status cap_lookup_any(struct pd *pd, sel_t sel, uint32_t rights, struct slot **out);

/* The empty slot at sel, its page made if needed: S_BAD_PARAM, S_BUSY, S_NO_KMEM. */
enum status cap_empty(struct pd *pd, sel_t sel, struct slot **out);

/* Fills empty slots; they cannot fail. */
void slot_set_object(struct slot *s, struct obj *o);
void slot_set_range(struct slot *s, enum obj_type type, uint64_t base, uint64_t size,
		    uint32_t rights, uint8_t flags);
void slot_set_child(struct slot *s, struct slot *parent, uint64_t base, uint64_t size,
		    uint32_t rights);

static inline bool slot_has_child(const struct slot *s)
{
	return s->next && s->next->depth > s->depth;
}

/* One unit of work towards taking back what was mapped or bound through the slot itself; true: nothing is left. */
bool slot_unmap_step(struct slot *s);

/* One unit of work towards emptying a slot that has no descendants; true: it is empty now. */
bool slot_delete_step(struct slot *s);

/* One unit of work towards removing all descendants; true: none are left. */
bool slot_revoke_step(struct slot *s);

/* One unit of work towards an empty table of a dead domain. */
enum cap_sweep {
	SWEEP_DONE,
	SWEEP_MORE,
	SWEEP_WAIT /* objects whose first capability is here must die first */
};
enum cap_sweep cap_sweep_step(struct pd *pd);
