// SPDX-License-Identifier: Apache-2.0
/* What goes with what, the bounds of the accounts, and the run that holds it all against the kernel. */
#include "abi/calls.h"
#include "tests/kernel/model_state.h"
#include <stddef.h>

enum {
	EC_FRAMES = 2, /* the prices of docs/kernel.md */
	VCPU_FRAMES = 3,
	PORT_FRAMES = 2,
	PD_FRAMES = 3,
	LOOK_EVERY = 64, /* calls between two looks at all there is */
	PATIENCE = 500,  /* threads on other CPUs may still be on their way out */
};

struct model model;
static const char *wrong;

uint64_t model_next(uint64_t below)
{
	uint64_t s = model.seed;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	model.seed = s;
	return (s >> 11) % below;
}

int model_free_domain(void)
{
	for (int d = MODEL_ACTORS; d < MODEL_DOMAINS; d++)
		if (!model.domain[d].live)
			return d;
	return NOBODY;
}

int model_free_space(void)
{
	for (int i = 0; i < MODEL_SPACES; i++)
		if (model.space[i] == NOBODY)
			return i;
	return NOBODY;
}

static void free_pages(int place, int by)
{
	for (unsigned int i = 0; i < MODEL_PAGES; i++)
		if (model.page[place][i].by == by)
			model.page[place][i].by = PAGE_FREE;
}

void model_unhook(int c)
{
	for (int p = 0; p < MODEL_PLACES; p++)
		free_pages(p, c);
	for (unsigned int i = 0; i < MODEL_DOMAINS * MODEL_PORTS; i++)
		if (model.domain[i / MODEL_PORTS].port[i % MODEL_PORTS] == c)
			model.domain[i / MODEL_PORTS].port[i % MODEL_PORTS] = NOBODY;
	for (unsigned int i = 0; i < MODEL_RIDS; i++)
		if (model.function[i].by == c)
			model.function[i] = (struct function){ NOBODY, NOBODY };
	for (unsigned int i = 0; i < MODEL_OBJECTS; i++)
		if (model.obj[i].irq_by == c)
			model.obj[i].irq_by = NOBODY;
}

void model_kill_children(int c)
{
	for (int i = 0; i < MODEL_CAPS; i++)
		if (model.cap[i].type && model.cap[i].parent == c)
			model_kill_cap(i);
}

void model_kill_cap(int c)
{
	struct cap *k = &model.cap[c];
	uint8_t type = k->type;

	k->type = OBJ_NONE;
	if (!type)
		return;
	model_kill_children(c);
	model_unhook(c);
	if (has_object(type) && k->obj == c && c < MODEL_ACTORS * MODEL_SLOTS)
		model_kill_object(c);
}

static void end_domain(int d)
{
	struct domain *dom = &model.domain[d];

	dom->live = false;
	for (int o = 0; o < MODEL_OBJECTS; o++)
		if (model.obj[o].live && model.obj[o].acct == d)
			model_kill_object(o);
	for (int i = 0; i < MODEL_SLOTS; i++)
		model_kill_cap(d * MODEL_SLOTS + i);
	for (unsigned int i = 0; i < MODEL_PAGES; i++)
		model.page[d][i].by = PAGE_FREE;
	for (unsigned int i = 0; i < MODEL_PORTS; i++)
		dom->port[i] = NOBODY;
	if (dom->parent != NOBODY)
		model.domain[dom->parent].quota += dom->quota;
}

static void end_space(int o)
{
	int place = model.obj[o].place;

	for (int i = 0; i < MODEL_OBJECTS; i++) {
		if (model.obj[i].live && model.obj[i].type == OBJ_VCPU && model.obj[i].of == o)
			model_kill_object(i);
		if (model.obj[i].irq_space == o)
			model.obj[i].irq_by = model.obj[i].irq_space = NOBODY;
	}
	for (unsigned int i = 0; i < MODEL_PAGES; i++)
		model.page[place][i].by = PAGE_FREE;
	for (unsigned int i = 0; i < MODEL_RIDS; i++)
		if (model.function[i].space == o)
			model.function[i] = (struct function){ NOBODY, NOBODY };
	model.space[place - MODEL_DOMAINS] = NOBODY;
}

/* A thread's portals and its time go with it, and its page; a vCPU's page too. */
static void end_bound(int o)
{
	const struct object *x = &model.obj[o];

	for (int i = 0; i < MODEL_OBJECTS; i++)
		if (x->type == OBJ_EC && model.obj[i].live && model.obj[i].of == o &&
		    (model.obj[i].type == OBJ_PT || model.obj[i].type == OBJ_SC))
			model_kill_object(i);
	model.page[x->place][x->page].by = PAGE_FREE;
}

void model_kill_object(int o)
{
	struct object *x = &model.obj[o];

	if (!x->live)
		return;
	x->live = false;
	for (int i = 0; i < MODEL_CAPS; i++)
		if (has_object(model.cap[i].type) && model.cap[i].obj == o)
			model_kill_cap(i);
	if (x->type == OBJ_PD)
		end_domain(x->place);
	else if (x->type == OBJ_SPACE)
		end_space(o);
	else if (x->type == OBJ_EC || x->type == OBJ_VCPU)
		end_bound(o);
	x->irq_by = x->irq_space = NOBODY;
}

/* Accounts. */

static unsigned int records_in(int place)
{
	unsigned int n = 0;
	uint32_t last = 0;

	for (unsigned int i = 0; i < MODEL_PAGES; i++) {
		const struct page *p = &model.page[place][i];

		if (p->by >= 0 && p->record != last) {
			n++;
			last = p->record;
		}
		if (p->by < 0)
			last = 0;
	}
	return n;
}

static unsigned int port_records(const struct domain *d)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < MODEL_PORTS; i++)
		if (d->port[i] >= 0 &&
		    (i == 0 || d->port[i - 1] < 0 || d->port_record[i] != d->port_record[i - 1]))
			n++;
	return n;
}

struct bill {
	uint64_t frames, small, tables;
};

static void add_object(struct bill *b, int o)
{
	const struct object *x = &model.obj[o];

	if (x->type == OBJ_EC)
		b->frames += EC_FRAMES;
	else if (x->type != OBJ_PD)
		b->small++;
	if (x->type == OBJ_VCPU)
		b->frames += VCPU_FRAMES;
	if (x->type == OBJ_SM && x->irq_by != NOBODY)
		b->small++;
	if (x->type != OBJ_SPACE)
		return;
	b->frames++;
	b->tables += MODEL_TABLES + x->dma; /* and a frame for interrupts, perhaps */
	b->small += records_in(x->place);
	for (unsigned int i = 0; i < MODEL_RIDS; i++)
		b->small += model.function[i].space == o;
}

static bool account_holds(int d)
{
	const struct domain *dom = &model.domain[d];
	struct bill b = { dom->base, 0, MODEL_TABLES + 1 }; /* and half a port bitmap */

	if (dom->table)
		b.frames++;
	if (dom->ports)
		b.frames += PORT_FRAMES;
	b.small += records_in(d) + port_records(dom);
	for (int o = 0; o < MODEL_OBJECTS; o++)
		if (model.obj[o].live && model.obj[o].acct == d)
			add_object(&b, o);
	return dom->used >= b.frames && dom->used <= b.frames + b.small + b.tables;
}

/* A capability that may ask for d's account, of the actor that is at work if it has one. */
static int payer_of(int d)
{
	unsigned int all = MODEL_ACTORS * MODEL_SLOTS;

	for (unsigned int i = 0; i < all; i++) {
		int c = (int)((model.actor * MODEL_SLOTS + i) % all);

		if (model.cap[c].type == OBJ_PD && model.cap[c].obj == model.domain[d].obj &&
		    (model.cap[c].rights & RIGHT_PAY))
			return c;
	}
	return NOBODY;
}

static bool ask_account(int d, uint64_t *quota, uint64_t *used)
{
	int c = d < MODEL_ACTORS ? NOBODY : payer_of(d);
	uint64_t a[6] = { 0 }, r[2];

	if (d < MODEL_ACTORS) {
		model.world->account((unsigned int)d, quota, used);
		return true;
	}
	if (c == NOBODY)
		return false;
	a[0] = a[1] = MODEL_FIRST + (uint64_t)(c % MODEL_SLOTS);
	if (model.world->call((unsigned int)c / MODEL_SLOTS, CALL_CTRL_KMEM, a, r) != S_OK)
		return false;
	*quota = r[0];
	*used = r[1];
	return true;
}

static bool accounts_agree(void)
{
	for (int d = 0; d < MODEL_DOMAINS; d++) {
		struct domain *dom = &model.domain[d];
		uint64_t quota;

		if (!dom->live)
			continue;
		dom->known = ask_account(d, &quota, &dom->used);
		if (!dom->known)
			continue;
		if (quota != dom->quota)
			wrong = "an account's quota";
		else if (!account_holds(d))
			wrong = "frames in use of an account";
		if (wrong)
			return false;
	}
	return true;
}

/* Capabilities and pages. */

static uint32_t slots_of(unsigned int d)
{
	uint32_t slots = 0;

	for (unsigned int i = 0; i < MODEL_SLOTS; i++)
		slots |= model.cap[d * MODEL_SLOTS + i].type ? 1u << i : 0;
	return slots;
}

/* Of the actor at work, and of those where something should have changed; or of all. */
static bool slots_agree(bool all)
{
	for (unsigned int d = 0; d < MODEL_ACTORS; d++) {
		struct domain *dom = &model.domain[d];
		uint32_t want = slots_of(d), got;

		if (!dom->live || (!all && d != model.actor && want == dom->looked))
			continue;
		got = dom->looked = model.world->live(d);
		if (want == got)
			continue;
		wrong = want & ~got ? "a capability is gone"
				    : "a capability that should not be there";
		return false;
	}
	return true;
}

static bool page_agrees(const struct page *want, struct model_page got)
{
	if (got.readable != (want->by != PAGE_FREE))
		wrong = got.readable ? "a page is there that should not be" : "a page is gone";
	else if (want->by >= 0 && got.writable != want->writable)
		wrong = "rights of a page";
	else if (want->by >= 0 && got.value != want->pa)
		wrong = "a page shows other memory";
	return !wrong;
}

static bool pages_agree(void)
{
	struct model_page got[MODEL_PAGES];

	for (unsigned int d = 0; d < MODEL_ACTORS; d++) {
		if (!model.domain[d].live)
			continue;
		model.world->look(d, got);
		for (unsigned int i = 0; i < MODEL_PAGES; i++)
			if (!page_agrees(&model.page[d][i], got[i]))
				return false;
	}
	return true;
}

static bool agree(bool all)
{
	for (unsigned int i = 0; i < PATIENCE; i++) {
		wrong = NULL;
		model.world->settle();
		if (slots_agree(all) && accounts_agree())
			return !all || pages_agree();
	}
	return false;
}

/* The run. */

static void begin_actor(unsigned int d)
{
	int o = actor_object(d);
	struct domain *dom = &model.domain[d];

	model.obj[o] = (struct object){ .type = OBJ_PD,
					.live = true,
					.acct = NOBODY,
					.of = NOBODY,
					.place = (int16_t)d,
					.irq_by = NOBODY,
					.irq_space = NOBODY };
	*dom = (struct domain){
		.live = true, .obj = (int16_t)o, .parent = NOBODY, .max_prio = MODEL_PRIO
	};
	model.world->account(d, &dom->quota, &dom->base);
	dom->used = dom->base;
}

static void begin(const struct model_world *world, uint64_t seed, struct model_figures *figures)
{
	model = (struct model){ .world = world, .figures = figures, .seed = seed };
	wrong = NULL;
	for (unsigned int p = 0; p < MODEL_PLACES; p++)
		for (unsigned int i = 0; i < MODEL_PAGES; i++)
			model.page[p][i].by = PAGE_FREE;
	for (unsigned int i = 0; i < MODEL_SPACES; i++)
		model.space[i] = NOBODY;
	for (unsigned int i = 0; i < MODEL_RIDS; i++)
		model.function[i] = (struct function){ NOBODY, NOBODY };
	for (unsigned int i = 0; i < MODEL_OBJECTS; i++)
		model.obj[i].irq_by = model.obj[i].irq_space = NOBODY;
	for (unsigned int d = 0; d < MODEL_ACTORS; d++)
		begin_actor(d);
	for (unsigned int d = 0; d < MODEL_DOMAINS; d++)
		for (unsigned int i = 0; i < MODEL_PORTS; i++)
			model.domain[d].port[i] = NOBODY;
}

/* What root gives, by kind; ranges are all there is in play. */
static struct cap gift(unsigned int kind)
{
	struct cap c = { .depth = 2, .parent = NOBODY, .obj = NOBODY, .rights = RIGHT_DELEGATE };

	switch (kind) {
	case GIFT_MO:
		c.type = OBJ_MO;
		c.rights |= RIGHT_RW | RIGHT_X;
		c.size = MODEL_MO_PAGES;
		break;
	case GIFT_PIO:
		c.type = OBJ_PIO;
		c.rights |= RIGHT_RW;
		c.size = MODEL_PORTS;
		break;
	case GIFT_DC:
		c.type = OBJ_DC;
		c.rights |= RIGHT_ASSIGN;
		c.size = MODEL_RIDS;
		break;
	default:
		c.type = OBJ_PD;
		c.depth = 1;
		c.rights = GIFT_PD_RIGHTS;
		c.obj = (int16_t)actor_object(kind);
	}
	return c;
}

static bool has_gift(unsigned int d, const struct cap *g)
{
	for (unsigned int i = 0; i < MODEL_SLOTS; i++) {
		const struct cap *c = &model.cap[d * MODEL_SLOTS + i];

		if (c->type == g->type && c->obj == g->obj && c->parent == NOBODY)
			return true;
	}
	return false;
}

static int empty_slot(unsigned int d)
{
	for (unsigned int i = 0, at = (unsigned int)model_next(MODEL_SLOTS); i < MODEL_SLOTS; i++)
		if (!model.cap[d * MODEL_SLOTS + (at + i) % MODEL_SLOTS].type)
			return (int)((at + i) % MODEL_SLOTS);
	return NOBODY;
}

/* Actors revoke what they have; root gives it again. */
static bool give(void)
{
	for (unsigned int i = 0; i < MODEL_ACTORS * GIFTS; i++) {
		unsigned int d = i / GIFTS, kind = i % GIFTS;
		struct cap g = gift(kind);
		int slot = has_gift(d, &g) ? NOBODY : empty_slot(d);

		if (slot == NOBODY)
			continue;
		model.cap[(int)d * MODEL_SLOTS + slot] = g;
		model.domain[d].table = true;
		if (model.world->give(d, kind, MODEL_FIRST + (sel_t)slot, g.rights) != S_OK) {
			wrong = "root could not give";
			return false;
		}
	}
	return true;
}

static void say(const char *name, uint64_t value)
{
	model.world->text(name);
	model.world->number(value);
}

static void complain(const struct step *s, unsigned int n, uint32_t got, unsigned int want)
{
	say("# call ", n);
	say(", actor ", s->actor);
	say(", number ", s->number);
	for (unsigned int i = 0; i < 6; i++)
		say(i ? " " : ", arguments ", s->a[i]);
	say(": status ", got);
	say(", mask of those foreseen ", want);
	say(", results ", s->result[0]);
	say(" ", s->result[1]);
	model.world->text("\n# wrong: ");
	model.world->text(wrong);
	model.world->text("\n");
}

/* Makes the call and compares. */
static bool hold(struct step *s, unsigned int n)
{
	unsigned int kind = s->number < CALL_COUNT ? s->number : CALL_COUNT;
	unsigned int want = model_want(s);
	uint32_t got = model.world->call(s->actor, s->number, s->a, s->result);

	model.actor = s->actor;
	model.figures->made[kind]++;
	model.figures->worked[kind] += got == S_OK;
	if (got > MODEL_STUCK || !(want >> got & 1))
		wrong = "the status";
	else if (!model_apply(s, got))
		wrong = "the results";
	else if (agree(n % LOOK_EVERY == 0))
		return true;
	complain(s, n, got, want);
	return false;
}

static bool step(unsigned int n)
{
	struct step s = { .actor = (unsigned int)model_next(MODEL_ACTORS) };

	model_shape(&s);
	return hold(&s, n) && give();
}

/* Everything in play goes again: each account holds what it held at first, and tables. */
static bool clear(void)
{
	for (unsigned int c = 0; c < MODEL_ACTORS * MODEL_SLOTS; c++) {
		struct step s = { c / MODEL_SLOTS,
				  CALL_REVOKE,
				  { MODEL_FIRST + c % MODEL_SLOTS, REVOKE_SELF },
				  { 0 } };

		if (model.cap[c].type && !hold(&s, 0))
			return false;
	}
	return true;
}

/* Whoever is left sees what went with the others. */
static bool end(bool good)
{
	struct step none = { 0 };

	good = good && clear();
	for (unsigned int d = 0; d < MODEL_ACTORS; d++) {
		model_kill_object(actor_object(d));
		model.world->end(d);
		if (good && !agree(true)) {
			complain(&none, 0, 0, 0);
			good = false;
		}
	}
	return good;
}

bool model_run(const struct model_world *world, uint64_t seed, unsigned int calls,
	       struct model_figures *figures)
{
	bool good;

	begin(world, seed, figures);
	good = give();
	for (unsigned int n = 1; n <= calls && good; n++)
		good = step(n);
	return end(good);
}
