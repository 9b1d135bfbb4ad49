// SPDX-License-Identifier: Apache-2.0
/*
 * What all kernel objects have in common: who pays, the capability they were made with, and how they die.
 *
 * Death is in two parts. obj_kill marks the object dead (every lookup fails from then on) and puts it on the reaper's list; the reaper then works
 * in small steps: first all capabilities to it, then what its type needs (threads stop, callers are told, mappings go), then its memory. Whoever kills drives
 * the reaper; the scheduler and idle CPUs drive what is left. An object that has to wait for others is parked and put back by them.
 */
#pragma once
#include "abi/types.h"
#include "kernel/inc/list.h"

struct pd;
struct slot;

struct obj {
	uint8_t type; /* enum obj_type */
	bool dead;
	bool parked;           /* dead, waits for another object to go first */
	struct pd *acct;       /* pays for it */
	struct list acct_link; /* on acct->objects */
	struct list reap_link; /* on the reaper's list */
	struct slot *origin;   /* first capability; the object dies with it */
};

enum reap_result {
	REAP_DONE,  /* the object's memory may go */
	REAP_MORE,  /* call again */
	REAP_LATER, /* it runs on another CPU, which was told; let others go first */
	REAP_PARK,  /* take it off the list; obj_unpark puts it back */
};

/* A zeroed object of up to 512 bytes charged to acct, or NULL. Not yet visible to anybody: obj_discard undoes it. */
void *obj_alloc(struct pd *acct, enum obj_type type, uint64_t size);

/* Fills the header of an object whose memory the caller provides. */
void obj_init(struct obj *o, struct pd *acct, enum obj_type type);
void obj_discard(struct obj *o);

void obj_kill(struct obj *o);
void obj_unpark(struct obj *o);

/* Does up to steps units of work on dead objects; true: some are left. */
bool reap(unsigned int steps);
bool reap_pending(void);
