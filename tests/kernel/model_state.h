// SPDX-License-Identifier: Apache-2.0
/* What the model knows; shared by its parts only. */
#pragma once
#include "tests/kernel/model.h"

enum {
	PAGE_FREE = -1,
	PAGE_KERNEL = -2, /* UTCB or vCPU state */
	NOBODY = -1,
	MODEL_TABLES = 3, /* page-table frames that the pages in play can take, at most */
};

#define COUNT_MAX 0x80000000ull /* of a semaphore */

/* A capability's number is domain * MODEL_SLOTS + slot. An object's number is that of its first capability; the actors' own domains come last. */
struct cap {
	uint8_t type; /* OBJ_NONE: empty */
	uint8_t depth;
	int16_t parent; /* NOBODY: root's, or the object's first */
	int16_t obj;
	uint32_t rights;
	uint64_t base, size; /* pages, ports, functions */
};

struct object {
	uint8_t type;
	bool live;
	bool local, halted, unsure; /* ec; unsure: may be halted by now */
	bool echo;                  /* pt: replies */
	bool ready;                 /* vcpu: its page has a good state */
	bool dma;                   /* space */
	uint8_t cpu;                /* ec */
	int16_t acct;               /* domain that pays */
	int16_t of;                 /* sc, pt: ec; vcpu: space */
	int16_t place;              /* pd, space: itself; ec, vcpu: where its page is */
	int16_t page;
	int16_t irq_by, irq_space; /* sm: capability it is bound through, DMA space */
	uint64_t count;            /* sm */
};

struct page {
	int16_t by; /* capability, or PAGE_* */
	uint32_t record;
	uint32_t pa;
	bool writable;
};

struct domain {
	bool live;
	bool known;        /* quota and used were asked */
	bool table, ports; /* has a page of the capability table; the port bitmap */
	int16_t obj, parent;
	uint32_t max_prio;
	uint32_t looked;            /* slots found at the last look */
	uint64_t quota, used, base; /* frames; base: used when nothing is in play */
	int16_t port[MODEL_PORTS];  /* capability it is granted through */
	uint32_t port_record[MODEL_PORTS];
};

struct function {
	int16_t by, space; /* attached through, to */
};

struct model {
	const struct model_world *world;
	struct model_figures *figures;
	uint64_t seed;
	unsigned int actor; /* at work */
	uint32_t records;
	struct cap cap[MODEL_CAPS];
	struct object obj[MODEL_OBJECTS];
	struct domain domain[MODEL_DOMAINS];
	struct page page[MODEL_PLACES][MODEL_PAGES];
	int16_t space[MODEL_SPACES]; /* object */
	struct function function[MODEL_RIDS];
};

extern struct model model;

uint64_t model_next(uint64_t below);

static inline unsigned int st(enum status s)
{
	return 1u << s;
}

static inline bool has_object(unsigned int type)
{
	return type != OBJ_NONE && type != OBJ_MO && type != OBJ_PIO && type != OBJ_DC;
}

static inline int actor_object(unsigned int actor)
{
	return MODEL_ACTORS * MODEL_SLOTS + (int)actor;
}

static inline bool is_window(uint64_t va)
{
	return va >= MODEL_VA && va < MODEL_VA + MODEL_PAGES * (uint64_t)PAGE_SIZE &&
	       va % PAGE_SIZE == 0;
}

/* One actor's call: its arguments; which statuses can come; what a success changes. */
struct step {
	unsigned int actor;
	uint32_t number;
	uint64_t a[6];
	uint64_t result[2];
};

void model_shape(struct step *s);
unsigned int model_want(const struct step *s);
bool model_apply(struct step *s, uint32_t status); /* false: its results are wrong */

/* Things go. */
void model_kill_cap(int c);
void model_kill_children(int c);
void model_kill_object(int o);
/* What is in play through a capability: mappings, ports, attachments, interrupts. */
void model_unhook(int c);
int model_free_domain(void);
int model_free_space(void);

/* The live capability of the actor's with that type (OBJ_NONE: any) and all the rights. */
enum status look(unsigned int actor, uint64_t sel, unsigned int type, uint32_t rights, int *c);
/* An empty slot of a domain's table? */
enum status room(unsigned int domain, uint64_t sel);
/* Statuses when a domain pays between `least` and `most` frames for what then ends with s. */
unsigned int pay(int domain, uint64_t least, uint64_t most, enum status s);
struct object *object_of(int c);
int domain_of(int c);
/* The capability that an argument of a call which worked names. */
int named(const struct step *s, unsigned int argument);

unsigned int model_want_create_pd(const struct step *s);
bool model_apply_create_pd(struct step *s);
unsigned int model_want_create_space(const struct step *s);
bool model_apply_create_space(struct step *s);
unsigned int model_want_create_ec(const struct step *s);
bool model_apply_create_ec(struct step *s);
unsigned int model_want_create_vcpu(const struct step *s);
bool model_apply_create_vcpu(struct step *s);
unsigned int model_want_create_sc(const struct step *s);
bool model_apply_create_sc(struct step *s);
unsigned int model_want_create_pt(const struct step *s);
bool model_apply_create_pt(struct step *s);
unsigned int model_want_create_sm(const struct step *s);
bool model_apply_create_sm(struct step *s);
