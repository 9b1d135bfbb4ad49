// SPDX-License-Identifier: Apache-2.0
/* Random calls: mostly arguments that could work, and in between those that must not. */
#include "abi/calls.h"
#include "tests/kernel/model_state.h"

enum {
	HOSTILE = 24, /* one argument in so many is nonsense */
	KINDS = 3,
};

#define NO_MEMORY 0x1000ull /* nothing is mapped there in any domain */

static bool hostile(void)
{
	return model_next(HOSTILE) == 0;
}

static uint64_t nonsense(void)
{
	static const uint64_t values[] = { 0,          SEL_MAX,    SEL_MAX + MODEL_FIRST,
					   UINT32_MAX, 1ull << 31, 1ull << 63,
					   UINT64_MAX };

	return values[model_next(sizeof(values) / sizeof(values[0]))];
}

/* A slot of that type; OBJ_NONE: an empty one. */
static uint64_t slot_of(unsigned int domain, unsigned int type)
{
	uint64_t at = model_next(MODEL_SLOTS);

	for (unsigned int i = 0, any = !model_next(16); i < MODEL_SLOTS && !any; i++)
		if (model.cap[domain * MODEL_SLOTS + (at + i) % MODEL_SLOTS].type == type)
			return MODEL_FIRST + (at + i) % MODEL_SLOTS;
	return MODEL_FIRST + at;
}

/* One function; attached already, or not. */
static uint64_t function_of(unsigned int domain, bool attached)
{
	uint64_t at = model_next(MODEL_SLOTS);

	for (unsigned int i = 0; i < MODEL_SLOTS; i++) {
		const struct cap *c = &model.cap[domain * MODEL_SLOTS + (at + i) % MODEL_SLOTS];

		if (c->type == OBJ_DC && c->size == 1 &&
		    (model.function[c->base].space != NOBODY) == attached)
			return MODEL_FIRST + (at + i) % MODEL_SLOTS;
	}
	return slot_of(domain, OBJ_DC);
}

/* The kernel takes 32 bits of it. */
static uint64_t selector(unsigned int domain, unsigned int type)
{
	if (hostile())
		return nonsense();
	return slot_of(domain, type) | (hostile() ? 1ull << 32 : 0);
}

static unsigned int any_type(void)
{
	static const uint8_t types[] = { OBJ_PD, OBJ_SPACE, OBJ_MO, OBJ_EC,  OBJ_VCPU, OBJ_SC,
					 OBJ_PT, OBJ_SM,    OBJ_DC, OBJ_PIO, OBJ_MO,   OBJ_DC };

	return types[model_next(sizeof(types))];
}

/* Where each call has selectors of which type; OBJ_NONE in the first place: an empty slot for what is made. */
static const struct {
	uint8_t count, type[KINDS];
} selectors[CALL_COUNT] = {
	[CALL_IPC_CALL] = { 1, { OBJ_PT } },
	[CALL_CREATE_PD] = { 2, { OBJ_NONE, OBJ_PD } },
	[CALL_CREATE_SPACE] = { 2, { OBJ_NONE, OBJ_PD } },
	[CALL_CREATE_EC] = { 2, { OBJ_NONE, OBJ_PD } },
	[CALL_CREATE_VCPU] = { 3, { OBJ_NONE, OBJ_PD, OBJ_SPACE } },
	[CALL_CREATE_SC] = { 3, { OBJ_NONE, OBJ_PD, OBJ_EC } },
	[CALL_CREATE_PT] = { 3, { OBJ_NONE, OBJ_PD, OBJ_EC } },
	[CALL_CREATE_SM] = { 2, { OBJ_NONE, OBJ_PD } },
	[CALL_DERIVE] = { 2, { OBJ_NONE, OBJ_MO } },
	[CALL_MAP] = { 2, { OBJ_MO, OBJ_PD } },
	[CALL_UNMAP] = { 1, { OBJ_PD } },
	[CALL_CTRL_KMEM] = { 2, { OBJ_PD, OBJ_PD } },
	[CALL_CTRL_EC] = { 1, { OBJ_EC } },
	[CALL_CTRL_SC] = { 1, { OBJ_SC } },
	[CALL_CTRL_SM] = { 1, { OBJ_SM } },
	[CALL_VCPU_RUN] = { 2, { OBJ_VCPU, OBJ_SM } },
	[CALL_ASSIGN] = { 3, { OBJ_DC, OBJ_SM, OBJ_SM } },
	[CALL_CTRL_HW] = { 1, { OBJ_MO } },
	[CALL_ATTACH] = { 2, { OBJ_DC, OBJ_SPACE } },
};

static uint64_t page_va(void)
{
	static const uint64_t bad[] = { MODEL_VA + 1, MODEL_VA - PAGE_SIZE / 2, 0xffff800000000000,
					UINT64_MAX - PAGE_SIZE + 1, 1ull << 62 };

	if (hostile())
		return bad[model_next(sizeof(bad) / sizeof(bad[0]))];
	return MODEL_VA + model_next(MODEL_PAGES) * PAGE_SIZE;
}

/* Bytes from va on: inside the window, or so that no range can have them. */
static uint64_t size_from(uint64_t va, uint64_t most)
{
	static const uint64_t bad[] = { 0, 1, PAGE_SIZE + 8, 1ull << 62,
					UINT64_MAX - PAGE_SIZE + 1 };
	uint64_t left = is_window(va) ? MODEL_PAGES - (va - MODEL_VA) / PAGE_SIZE : most;

	if (hostile())
		return bad[model_next(sizeof(bad) / sizeof(bad[0]))];
	return (1 + model_next(left < most ? left : most)) * PAGE_SIZE;
}

static uint64_t some_rights(void)
{
	uint64_t r = RIGHT_ALL;

	if (model_next(4) == 0)
		return model_next(RIGHT_ALL + 1) | RIGHT_DELEGATE;
	while (model_next(3) == 0)
		r &= ~(1ull << model_next(14));
	return r;
}

static uint64_t address(void)
{
	static const uint64_t bad[] = { 0x7ffffffff001, 1ull << 47, UINT64_MAX };

	if (hostile())
		return bad[model_next(sizeof(bad) / sizeof(bad[0]))];
	return model_next(8) ? model.world->echo : NO_MEMORY;
}

static uint64_t cpu_number(void)
{
	return hostile() ? model.world->cpus + model_next(3) : model_next(model.world->cpus);
}

static void shape_create(struct step *s)
{
	uint64_t *a = s->a;

	switch (s->number) {
	case CALL_CREATE_PD:
		a[2] = model_free_domain() == NOBODY ? 0
		       : hostile()                   ? nonsense()
						     : 3 + model_next(60);
		a[3] = model_next(4) ? 0 : model_next(MODEL_PRIO + 2);
		break;
	case CALL_CREATE_SPACE:
		a[2] = model_free_space() == NOBODY ? 0
		       : hostile()                  ? nonsense()
						    : 1 + model_next(2);
		break;
	case CALL_CREATE_EC:
		a[2] = cpu_number() | (model_next(2) ? EC_LOCAL : 0) | (hostile() ? 1 << 17 : 0);
		a[3] = page_va();
		a[4] = hostile() ? 0x7ffffffff001 : MODEL_VA;
		a[5] = address();
		break;
	case CALL_CREATE_VCPU:
		a[3] = page_va();
		break;
	case CALL_CREATE_SC:
		a[3] = hostile() ? 256 : model_next(MODEL_PRIO + 2);
		a[4] = model_next(2) ? 0 : 50 + model_next(200);
		a[5] = hostile()   ? model_next(50)
		       : hostile() ? 3600000001
				   : a[4] + model_next(1000);
		break;
	case CALL_CREATE_PT:
		a[3] = address();
		a[4] = model_next(UINT64_MAX);
		break;
	default:
		a[2] = hostile() ? 0x80000001 : model_next(16) ? model_next(3) : 0x80000000;
	}
}

static uint64_t units(const struct step *s)
{
	uint32_t slot = (uint32_t)s->a[1] - MODEL_FIRST;

	if (slot >= MODEL_SLOTS || model.cap[s->actor * MODEL_SLOTS + slot].type != OBJ_MO)
		return 1;
	return PAGE_SIZE;
}

static void shape_capabilities(struct step *s)
{
	uint64_t *a = s->a;

	switch (s->number) {
	case CALL_DERIVE:
		if (model_next(3) == 0)
			a[1] = selector(s->actor, model_next(2) ? OBJ_DC : any_type());
		a[2] = hostile() ? nonsense() : model_next(4) * units(s);
		a[3] = hostile() ? nonsense() : (model_next(3) ? 1 + model_next(3) : 76) * units(s);
		a[4] = some_rights();
		break;
	case CALL_DELEGATE:
		a[0] = selector(s->actor, any_type());
		a[1] = selector(s->actor, OBJ_PD);
		a[2] = hostile() ? SEL_MAX * model_next(2) : MODEL_FIRST + model_next(MODEL_SLOTS);
		a[3] = some_rights();
		break;
	default:
		a[0] = selector(s->actor, any_type());
		a[1] = hostile() ? nonsense() : model_next(3);
		break;
	}
}

static void shape_memory(struct step *s)
{
	uint64_t *a = s->a;
	bool ports = model_next(6) == 0;

	if (s->number == CALL_UNMAP) {
		a[0] = selector(s->actor, model_next(3) ? OBJ_PD : OBJ_SPACE);
		a[1] = page_va();
		a[2] = size_from(a[1], model_next(4) ? 8 : MODEL_PAGES);
		return;
	}
	if (ports)
		a[0] = slot_of(s->actor, OBJ_PIO);
	if (model_next(3) == 0)
		a[1] = selector(s->actor, OBJ_SPACE);
	if (ports && model.cap[s->actor * MODEL_SLOTS + a[0] - MODEL_FIRST].type == OBJ_PIO) {
		a[2] = hostile() ? PAGE_SIZE : 0;
		a[3] = model_next(MODEL_PORTS);
		a[4] = model_next(4);
		a[5] = hostile() ? RIGHT_R : RIGHT_RW;
		return;
	}
	a[2] = page_va();
	a[3] = hostile() ? nonsense() : model_next(5) * PAGE_SIZE;
	a[4] = size_from(a[2], model_next(5) ? 4 : 70);
	a[5] = hostile() ? nonsense() : model_next(8) | (model_next(8) ? 0 : MAP_UNCACHED);
}

/* A semaphore without a count would be waited for. */
static void shape_down(struct step *s)
{
	uint32_t slot = (uint32_t)s->a[0] - MODEL_FIRST;
	const struct cap *c = &model.cap[s->actor * MODEL_SLOTS + slot % MODEL_SLOTS];

	s->a[1] = hostile() ? 3 + model_next(2) : model_next(3);
	s->a[2] = slot < MODEL_SLOTS && c->type == OBJ_SM && model.obj[c->obj].count ? 0 : 1;
}

static void shape_control(struct step *s)
{
	uint64_t *a = s->a;

	switch (s->number) {
	case CALL_IPC_CALL:
		a[1] = hostile() ? nonsense() : model_next(UTCB_WORDS + 1);
		break;
	case CALL_CTRL_KMEM:
		a[2] = hostile() ? nonsense() : model_next(2) ? 0 : model_next(8);
		break;
	case CALL_CTRL_EC:
		a[1] = hostile() ? nonsense() : model_next(EC_STATE + 1);
		a[2] = model_next(4) ? selector(s->actor, OBJ_PT) : 0;
		break;
	case CALL_CTRL_SM:
		shape_down(s);
		break;
	case CALL_VCPU_RUN:
		a[1] = model_next(2) ? 0 : a[1];
		a[2] = model_next(2);
		break;
	case CALL_ATTACH:
		a[0] = hostile() ? a[0] : function_of(s->actor, false);
		break;
	case CALL_ASSIGN:
		a[0] = hostile() ? a[0] : function_of(s->actor, model.world->dma);
		a[1] = hostile() ? nonsense() : model_next(2050);
		a[3] = cpu_number();
		break;
	default:
		break;
	}
}

void model_shape(struct step *s)
{
	static const uint8_t often[] = { CALL_CREATE_VCPU, CALL_CREATE_SC, CALL_CREATE_PT,
					 CALL_IPC_CALL,    CALL_DERIVE,    CALL_DELEGATE,
					 CALL_MAP,         CALL_VCPU_RUN,  CALL_ASSIGN,
					 CALL_CREATE_EC,   CALL_DERIVE,    CALL_MAP };

	s->number = model_next(2) ? often[model_next(sizeof(often))]
				  : (uint32_t)model_next(CALL_COUNT + 1);
	for (unsigned int i = 0; i < 6; i++)
		s->a[i] = nonsense();
	if (s->number >= CALL_COUNT) {
		s->number += (uint32_t)nonsense() / 2;
		return;
	}
	for (unsigned int i = 0; i < selectors[s->number].count; i++)
		s->a[i] = selector(s->actor, selectors[s->number].type[i]);
	if (s->number >= CALL_CREATE_PD && s->number <= CALL_CREATE_SM)
		shape_create(s);
	else if (s->number == CALL_DERIVE || s->number == CALL_DELEGATE || s->number == CALL_REVOKE)
		shape_capabilities(s);
	else if (s->number == CALL_MAP || s->number == CALL_UNMAP)
		shape_memory(s);
	else
		shape_control(s);
}
