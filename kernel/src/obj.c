// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/obj.h"
#include "kernel/inc/cap.h"
#include "kernel/inc/console.h"
#include "kernel/inc/ec.h"
#include "kernel/inc/pd.h"
#include "kernel/inc/pt.h"
#include "kernel/inc/sched.h"
#include "kernel/inc/sm.h"
#include "kernel/inc/stats.h"
#include "kernel/inc/vm.h"

static struct list reap_list = { &reap_list, &reap_list };

void obj_init(struct obj *o, struct pd *acct, enum obj_type type)
{
	o->type = (uint8_t)type;
	o->acct = acct;
	list_init(&o->acct_link);
	list_init(&o->reap_link);
	if (acct)
		list_insert_head(&acct->objects, &o->acct_link);
}

void *obj_alloc(struct pd *acct, enum obj_type type, uint64_t size)
{
	struct obj *o = slab_alloc(&acct->account, size);

	if (o)
		obj_init(o, acct, type);
	return o;
}

static void obj_free(struct obj *o)
{
	struct pd *acct = o->acct;

	list_remove(&o->reap_link);
	list_remove(&o->acct_link);
	if (o->type == OBJ_PD) {
		struct pd *pd = container_of(o, struct pd, obj);

		assert(pd->account.used == 1);
		acct->account.quota += pd->account.quota;
		frame_free(NULL, pd);
	} else if (o->type == OBJ_EC) {
		frame_free(&acct->account, container_of(o, struct ec, obj));
	} else {
		slab_free(&acct->account, o);
	}
	if (list_empty(&acct->objects))
		obj_unpark(&acct->obj);
}

void obj_discard(struct obj *o)
{
	obj_free(o);
}

void obj_kill(struct obj *o)
{
	if (o->dead)
		return;
	o->dead = true;
	if (o->acct) {
		list_remove(&o->acct_link);
		list_insert(&o->acct->objects, &o->acct_link);
	}
	list_insert(&reap_list, &o->reap_link);
	trace(TRACE_DESTROY, o->type, (uint64_t)o);
}

void obj_unpark(struct obj *o)
{
	if (!o->parked)
		return;
	o->parked = false;
	list_insert(&reap_list, &o->reap_link);
}

static enum reap_result reap_type(struct obj *o)
{
	switch ((enum obj_type)o->type) {
	case OBJ_PD:
		return pd_reap(container_of(o, struct pd, obj));
	case OBJ_SPACE:
		return gspace_reap(container_of(o, struct gspace, obj));
	case OBJ_EC:
		return ec_reap(container_of(o, struct ec, obj));
	case OBJ_VCPU:
		return vcpu_reap((struct vcpu *)o);
	case OBJ_SC:
		return sc_reap(container_of(o, struct sc, obj));
	case OBJ_PT:
		return pt_reap(container_of(o, struct pt, obj));
	case OBJ_SM:
		return sm_reap(container_of(o, struct sm, obj));
	default:
		panic("dead object of type %u", o->type);
	}
}

/* Capabilities first, so that nobody can reach an object that is being taken apart. */
static enum reap_result reap_step(struct obj *o)
{
	if (o->origin && !slot_revoke_step(o->origin))
		return REAP_MORE;
	if (o->origin && !slot_delete_step(o->origin))
		return REAP_MORE;
	return reap_type(o);
}

bool reap_pending(void)
{
	return !list_empty(&reap_list);
}

bool reap(unsigned int steps)
{
	while (steps-- && reap_pending()) {
		struct obj *o = container_of(reap_list.next, struct obj, reap_link);
		enum reap_result r = reap_step(o);

		if (r == REAP_DONE)
			obj_free(o);
		if (r == REAP_PARK) {
			list_remove(&o->reap_link);
			o->parked = true;
		}
		if (r == REAP_LATER) {
			list_remove(&o->reap_link);
			list_insert(&reap_list, &o->reap_link);
			return true;
		}
	}
	return reap_pending();
}
