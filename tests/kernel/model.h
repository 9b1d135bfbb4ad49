// SPDX-License-Identifier: Apache-2.0
/*
 * A reference model of the kernel's calls, and random calls that are held against it. Three domains (actors) make the calls, one at a time: all that
 * abi/calls.toml has, with likely and with hostile arguments. The model says beforehand which statuses can come; after each call it knows every
 * slot of the capability tables, every page and port in play, and within which bounds each account must be. It never looks at the kernel's code or data: compiled for
 * the host it is held against the common code there (tests/unit/kernel_model.c), as a component against the kernel on the machine (tests/kernel/modelled.c).
 */
#pragma once
#include "abi/types.h"
#include <stdbool.h>
#include <stdint.h>

enum {
	MODEL_ACTORS = 3,
	MODEL_PASSIVE = 3, /* domains that the actors make; nothing in them makes calls */
	MODEL_DOMAINS = MODEL_ACTORS + MODEL_PASSIVE,
	MODEL_SPACES = 6,                            /* guest and DMA spaces at a time */
	MODEL_PLACES = MODEL_DOMAINS + MODEL_SPACES, /* address spaces */
	MODEL_SLOTS = 28,                            /* selectors in play in each domain, */
	MODEL_FIRST = 64,                            /* from here on */
	MODEL_CAPS = MODEL_DOMAINS * MODEL_SLOTS,
	MODEL_OBJECTS = MODEL_ACTORS * MODEL_SLOTS + MODEL_ACTORS,
	MODEL_PAGES = 96,    /* pages in play in each address space, from MODEL_VA on */
	MODEL_MO_PAGES = 80, /* of the memory that all actors are given */
	MODEL_PORTS = 8,     /* nobody touches them */
	MODEL_PORT = 0xe0,
	MODEL_RIDS = 8, /* functions that are not there */
	MODEL_RID = 0xf0,
	MODEL_PRIO = 50,    /* actors' max_prio; they themselves run above it */
	MODEL_FRAMES = 200, /* of each actor */
	MODEL_CALLS = 22,
	MODEL_STUCK = 31, /* "status" of a call that does not come back */
};

#define MODEL_VA 0x40000000ull

/* What root gives to an actor. */
enum model_gift { GIFT_PD, GIFT_MO = GIFT_PD + MODEL_ACTORS, GIFT_PIO, GIFT_DC, GIFTS };

#define GIFT_PD_RIGHTS (RIGHT_PAY | RIGHT_MAP | RIGHT_EC | RIGHT_DELEGATE | RIGHT_CTRL)

struct model_page {
	bool readable, writable;
	uint64_t value; /* of the memory given: number of its page */
};

/* The kernel under test. */
struct model_world {
	uint32_t cpus;
	uint32_t cpu[MODEL_ACTORS]; /* where each actor is */
	bool guests, dma;           /* spaces there are */
	uint64_t echo; /* entry of a handler that replies what it got; endless for a thread */

	uint32_t (*call)(unsigned int actor, uint32_t number, const uint64_t *args,
			 uint64_t *results);
	/* Bit i: a call finds something at selector MODEL_FIRST + i. */
	uint32_t (*live)(unsigned int actor);
	/* All MODEL_PAGES of the actor's. */
	void (*look)(unsigned int actor, struct model_page *pages);
	/* A vCPU's state page of the actor: filled with a state that the processor takes, of a guest without memory. */
	void (*prepare)(unsigned int actor, unsigned int page);
	/* What root does. */
	void (*account)(unsigned int actor, uint64_t *quota, uint64_t *used);
	enum status (*give)(unsigned int actor, unsigned int gift, sel_t sel, uint32_t rights);
	void (*end)(unsigned int actor);
	void (*settle)(void); /* what dies is gone afterwards */
	void (*text)(const char *text);
	void (*number)(uint64_t number);
};

struct model_figures {
	uint64_t made[MODEL_CALLS + 1],
		worked[MODEL_CALLS + 1]; /* the last one: numbers that are no call */
};

/* Actors are there, with MODEL_FRAMES and nothing in play. Afterwards they are not. True: all agreed; else it said what did not. */
bool model_run(const struct model_world *world, uint64_t seed, unsigned int calls,
	       struct model_figures *figures);
