// SPDX-License-Identifier: Apache-2.0
/* What each call's statuses depend on, and the calls that make things. */
#include "abi/calls.h"
#include "tests/kernel/model_state.h"

#define USER_END   0x00007ffffffff000ull
#define PERIOD_MAX 3600000000ull

_Static_assert((int)MODEL_CALLS == (int)CALL_COUNT, "every call is in the model");

/* The live capability of that type (OBJ_NONE: any) with all the rights. */
enum status look(unsigned int actor, uint64_t sel, unsigned int type, uint32_t rights, int *c)
{
	uint32_t slot = (uint32_t)sel - MODEL_FIRST;
	const struct cap *k;

	if (slot >= MODEL_SLOTS)
		return S_BAD_CAP;
	*c = (int)(actor * MODEL_SLOTS + slot);
	k = &model.cap[*c];
	if (!k->type || (type && k->type != type))
		return S_BAD_CAP;
	return rights & ~k->rights ? S_RIGHTS : S_OK;
}

struct object *object_of(int c)
{
	return &model.obj[model.cap[c].obj];
}

int domain_of(int c)
{
	return object_of(c)->place;
}

/* An empty slot of a domain's table? */
enum status room(unsigned int domain, uint64_t sel)
{
	uint32_t s = (uint32_t)sel;

	if (s == SEL_NULL || s >= SEL_MAX)
		return S_BAD_PARAM;
	return model.cap[domain * MODEL_SLOTS + s - MODEL_FIRST].type ? S_BUSY : S_OK;
}

/* A domain pays between `least` and `most` frames for what then ends with `s`. */
unsigned int pay(int domain, uint64_t least, uint64_t most, enum status s)
{
	const struct domain *d = &model.domain[domain];

	if (!d->known)
		return st(s) | st(S_NO_KMEM);
	if (d->quota - d->used >= most)
		return st(s);
	return d->quota - d->used < least ? st(S_NO_KMEM) : st(s) | st(S_NO_KMEM);
}

/* The account and the empty slot that most create calls begin with. */
static enum status account_and_room(const struct step *s, int *acct)
{
	enum status st = look(s->actor, s->a[1], OBJ_PD, RIGHT_PAY, acct);

	return st == S_OK ? room(s->actor, s->a[0]) : st;
}

int named(const struct step *s, unsigned int argument)
{
	return (int)(s->actor * MODEL_SLOTS + (uint32_t)s->a[argument] - MODEL_FIRST);
}

static int put(const struct step *s, unsigned int type, int acct)
{
	int c = named(s, 0);

	model.cap[c] = (struct cap){
		.type = (uint8_t)type, .parent = NOBODY, .obj = (int16_t)c, .rights = RIGHT_ALL
	};
	model.obj[c] = (struct object){ .type = (uint8_t)type,
					.live = true,
					.acct = (int16_t)acct,
					.of = NOBODY,
					.irq_by = NOBODY,
					.irq_space = NOBODY };
	return c;
}

static int acct_of(const struct step *s)
{
	return domain_of(named(s, 1));
}

unsigned int model_want_create_pd(const struct step *s)
{
	const struct domain *d;
	int c;
	enum status r = account_and_room(s, &c);

	if (r != S_OK)
		return st(r);
	d = &model.domain[domain_of(c)];
	if (s->a[2] < PD_MIN_FRAMES || s->a[3] > d->max_prio)
		return st(S_BAD_PARAM);
	return pay(domain_of(c), s->a[2], s->a[2], S_OK);
}

bool model_apply_create_pd(struct step *s)
{
	int acct = acct_of(s), o = put(s, OBJ_PD, acct), place = model_free_domain();
	struct domain *d = &model.domain[place];

	model.obj[o].place = (int16_t)place;
	*d = (struct domain){ .live = true,
			      .obj = (int16_t)o,
			      .parent = (int16_t)acct,
			      .quota = s->a[2],
			      .base = 3,
			      .used = 3,
			      .known = true };
	d->max_prio = s->a[3] ? (uint32_t)s->a[3] : model.domain[acct].max_prio;
	for (unsigned int i = 0; i < MODEL_PORTS; i++)
		d->port[i] = NOBODY;
	model.domain[acct].quota -= s->a[2];
	return true;
}

unsigned int model_want_create_space(const struct step *s)
{
	int c;
	enum status r = account_and_room(s, &c);

	if (r != S_OK)
		return st(r);
	if (s->a[2] != SPACE_GUEST && s->a[2] != SPACE_DMA)
		return st(S_BAD_PARAM);
	if (!(s->a[2] == SPACE_GUEST ? model.world->guests : model.world->dma))
		return st(S_UNSUPPORTED);
	return pay(domain_of(c), 1, 3, S_OK);
}

bool model_apply_create_space(struct step *s)
{
	int o = put(s, OBJ_SPACE, acct_of(s)), i = model_free_space();

	model.obj[o].place = (int16_t)(MODEL_DOMAINS + i);
	model.obj[o].dma = s->a[2] == SPACE_DMA;
	model.space[i] = (int16_t)o;
	return true;
}

/* A frame of the kernel's is shown at va, once `frames` are paid for. */
static unsigned int want_frame(int domain, uint64_t va, uint64_t least, uint64_t most)
{
	if (!is_window(va))
		return pay(domain, least, most, S_BAD_PARAM);
	if (model.page[domain][(va - MODEL_VA) / PAGE_SIZE].by != PAGE_FREE)
		return pay(domain, least, most, S_BUSY);
	return pay(domain, least, most + MODEL_TABLES, S_OK);
}

static void show_frame(int o, int domain, uint64_t va)
{
	struct object *x = &model.obj[o];

	x->place = (int16_t)domain;
	x->page = (int16_t)((va - MODEL_VA) / PAGE_SIZE);
	model.page[domain][x->page].by = PAGE_KERNEL;
}

unsigned int model_want_create_ec(const struct step *s)
{
	int c;
	enum status r = look(s->actor, s->a[1], OBJ_PD, RIGHT_EC | RIGHT_PAY, &c);

	if (r == S_OK)
		r = room(s->actor, s->a[0]);
	if (r == S_OK && (s->a[2] & EC_CPU_MASK) >= model.world->cpus)
		r = S_BAD_CPU;
	if (r == S_OK && (s->a[2] & ~(uint64_t)(EC_CPU_MASK | EC_LOCAL) || s->a[4] > USER_END ||
			  s->a[5] >= USER_END))
		r = S_BAD_PARAM;
	return r == S_OK ? want_frame(domain_of(c), s->a[3], 2, 2) : st(r);
}

bool model_apply_create_ec(struct step *s)
{
	int acct = acct_of(s), o = put(s, OBJ_EC, acct);

	model.obj[o].cpu = (uint8_t)(s->a[2] & EC_CPU_MASK);
	model.obj[o].local = s->a[2] & EC_LOCAL;
	show_frame(o, acct, s->a[3]);
	return true;
}

unsigned int model_want_create_vcpu(const struct step *s)
{
	int pd, space;
	enum status r;

	if (!model.world->guests)
		return st(S_UNSUPPORTED);
	r = look(s->actor, s->a[1], OBJ_PD, RIGHT_EC | RIGHT_PAY, &pd);
	if (r == S_OK)
		r = look(s->actor, s->a[2], OBJ_SPACE, RIGHT_RUN, &space);
	if (r == S_OK && object_of(space)->dma)
		r = S_BAD_PARAM;
	if (r == S_OK)
		r = room(s->actor, s->a[0]);
	return r == S_OK ? want_frame(domain_of(pd), s->a[3], 3, 4) : st(r);
}

bool model_apply_create_vcpu(struct step *s)
{
	int acct = acct_of(s), space = model.cap[named(s, 2)].obj, o = put(s, OBJ_VCPU, acct);

	model.obj[o].of = (int16_t)space;
	show_frame(o, acct, s->a[3]);
	if (acct < MODEL_ACTORS && model_next(4)) {
		model.world->prepare((unsigned int)acct, (unsigned int)model.obj[o].page);
		model.obj[o].ready = true;
	}
	return true;
}

static bool has_time(int ec)
{
	for (int i = 0; i < MODEL_OBJECTS; i++)
		if (model.obj[i].live && model.obj[i].type == OBJ_SC && model.obj[i].of == ec)
			return true;
	return false;
}

unsigned int model_want_create_sc(const struct step *s)
{
	int acct, ec;
	enum status r = look(s->actor, s->a[1], OBJ_PD, RIGHT_PAY, &acct);

	if (r == S_OK)
		r = look(s->actor, s->a[2], OBJ_EC, RIGHT_EC, &ec);
	if (r == S_OK)
		r = room(s->actor, s->a[0]);
	if (r != S_OK)
		return st(r);
	if (object_of(ec)->local || !s->a[3] || s->a[3] > PRIO_MAX || s->a[4] > s->a[5] ||
	    s->a[5] > PERIOD_MAX)
		return st(S_BAD_PARAM);
	if (s->a[3] > model.domain[domain_of(acct)].max_prio)
		return st(S_RIGHTS);
	if (object_of(ec)->halted || has_time(model.cap[ec].obj))
		return st(S_BUSY);
	return pay(domain_of(acct), 0, 1, S_OK);
}

static bool apply_bound(struct step *s, unsigned int type)
{
	int ec = model.cap[named(s, 2)].obj, o = put(s, type, acct_of(s));

	model.obj[o].of = (int16_t)ec;
	model.obj[o].echo = s->a[3] == model.world->echo;
	return true;
}

bool model_apply_create_sc(struct step *s)
{
	return apply_bound(s, OBJ_SC);
}

unsigned int model_want_create_pt(const struct step *s)
{
	int acct, ec;
	enum status r = look(s->actor, s->a[1], OBJ_PD, RIGHT_PAY, &acct);

	if (r == S_OK)
		r = look(s->actor, s->a[2], OBJ_EC, RIGHT_EC, &ec);
	if (r == S_OK)
		r = room(s->actor, s->a[0]);
	if (r == S_OK && (!object_of(ec)->local || s->a[3] >= USER_END))
		r = S_BAD_PARAM;
	return r == S_OK ? pay(domain_of(acct), 0, 1, S_OK) : st(r);
}

bool model_apply_create_pt(struct step *s)
{
	return apply_bound(s, OBJ_PT);
}

unsigned int model_want_create_sm(const struct step *s)
{
	int acct;
	enum status r = account_and_room(s, &acct);

	if (r == S_OK && s->a[2] > COUNT_MAX)
		r = S_BAD_PARAM;
	return r == S_OK ? pay(domain_of(acct), 0, 1, S_OK) : st(r);
}

bool model_apply_create_sm(struct step *s)
{
	model.obj[put(s, OBJ_SM, acct_of(s))].count = s->a[2];
	return true;
}
