// SPDX-License-Identifier: Apache-2.0
/*
 * Random calls on memory capabilities by three domains against a small model: a tree of capabilities, and for each domain what each page shows. After every
 * call the status, all slots and all pages must be what the model says.
 */
#include "kernel/inc/pd.h"
#include "kernel/inc/x86_64/arch.h"
#include "tests/unit/kernel_host/world.h"
#include <stdlib.h>

const char *test_name = "kernel_model";

enum {
	DOMAINS = 3,
	SLOTS = 24, /* selectors FIRST .. FIRST + SLOTS of each domain */
	FIRST = 64,
	PAGES = 32, /* pages of each domain that are looked at, and of the memory */
	CALLS = 40000,
	SEL_OF_PD = 1000, /* + domain: in every table, a capability to each domain */
};

#define VA 0x40000000ull

struct node {
	bool alive;
	int parent; /* domain * SLOTS + slot, or -1 */
	uint32_t rights;
	uint64_t base, size; /* pages */
};

struct page {
	int by; /* node it is mapped through, or -1 */
	unsigned int record;
	uint64_t pa;
};

static struct node node[DOMAINS * SLOTS];
static struct page page[DOMAINS][PAGES];
static struct ec *thread[DOMAINS];
static struct pd *domain[DOMAINS];
static unsigned int records;
static uint64_t seed;

static uint64_t next(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 11) % below;
}

static void model_unmap(int by)
{
	for (unsigned int d = 0; d < DOMAINS; d++)
		for (unsigned int i = 0; i < PAGES; i++)
			if (page[d][i].by == by)
				page[d][i] = (struct page){ -1, 0, 0 };
}

static void model_kill(int n);

static void model_kill_children(int n)
{
	for (int i = 0; i < DOMAINS * SLOTS; i++)
		if (node[i].alive && node[i].parent == n)
			model_kill(i);
}

static void model_kill(int n)
{
	node[n].alive = false;
	model_unmap(n);
	model_kill_children(n);
}

static uint32_t call(unsigned int d, uint32_t number, uint64_t a, uint64_t b, uint64_t c,
		     uint64_t e, uint64_t f, uint64_t g)
{
	uint32_t r;

	host_cpu->ec = thread[d];
	r = world_call_as(thread[d], number, (const uint64_t[6]){ a, b, c, e, f, g });
	host_cpu->ec = world.ec;
	return r;
}

static uint64_t some_rights(void)
{
	return RIGHT_RX | (next(4) ? RIGHT_W : 0) | (next(4) ? RIGHT_DELEGATE : 0);
}

static bool step_derive(unsigned int d)
{
	int s = (int)(d * SLOTS + next(SLOTS)), t = (int)(d * SLOTS + next(SLOTS));
	uint64_t off = next(6), size = next(6), rights = some_rights();
	uint32_t want = S_OK, got;

	if (!node[s].alive)
		want = S_BAD_CAP;
	else if (!size || off + size > node[s].size)
		want = S_BAD_PARAM;
	else if (node[t].alive)
		want = S_BUSY;
	got = call(d, CALL_DERIVE, FIRST + (uint64_t)t % SLOTS, FIRST + (uint64_t)s % SLOTS,
		   off * FRAME_SIZE, size * FRAME_SIZE, rights, 0);
	if (got == S_OK && want == S_OK)
		node[t] = (struct node){ true, s, (uint32_t)rights & node[s].rights,
					 node[s].base + off, size };
	return got == want;
}

static bool step_delegate(unsigned int d)
{
	unsigned int to = (unsigned int)next(DOMAINS);
	int s = (int)(d * SLOTS + next(SLOTS)), t = (int)(to * SLOTS + next(SLOTS));
	uint64_t rights = some_rights();
	uint32_t want = S_OK, got;

	if (!node[s].alive)
		want = S_BAD_CAP;
	else if (!(node[s].rights & RIGHT_DELEGATE))
		want = S_RIGHTS;
	else if (node[t].alive)
		want = S_BUSY;
	got = call(d, CALL_DELEGATE, FIRST + (uint64_t)s % SLOTS, SEL_OF_PD + to,
		   FIRST + (uint64_t)t % SLOTS, rights, 0, 0);
	if (got == S_OK && want == S_OK)
		node[t] = (struct node){ true, s, (uint32_t)rights & node[s].rights, node[s].base,
					 node[s].size };
	return got == want;
}

static bool room(unsigned int d, uint64_t at, uint64_t size)
{
	for (uint64_t i = at; i < at + size; i++)
		if (page[d][i].by >= 0)
			return false;
	return true;
}

static bool step_map(unsigned int d)
{
	unsigned int to = (unsigned int)next(DOMAINS);
	int s = (int)(d * SLOTS + next(SLOTS));
	uint64_t at = next(PAGES), size = next(4), off = next(5), rights = next(8);
	uint32_t want = S_OK, got;

	if (at + size > PAGES)
		return true;
	if (!node[s].alive)
		want = S_BAD_CAP;
	else if (!size || off + size > node[s].size || !rights ||
		 (rights & RIGHT_W && rights & RIGHT_X))
		want = S_BAD_PARAM;
	else if (rights & ~(uint64_t)node[s].rights)
		want = S_RIGHTS;
	else if (!room(to, at, size))
		want = S_BUSY;
	got = call(d, CALL_MAP, FIRST + (uint64_t)s % SLOTS, SEL_OF_PD + to, VA + at * FRAME_SIZE,
		   off * FRAME_SIZE, size * FRAME_SIZE, rights);
	records++;
	for (uint64_t i = 0; i < size && got == S_OK; i++)
		page[to][at + i] =
			(struct page){ s, records,
				       RAM_BASE + (node[s].base + off + i) * FRAME_SIZE };
	return got == want;
}

static bool crosses(unsigned int d, uint64_t at, uint64_t size)
{
	bool low = at && page[d][at].by >= 0 && page[d][at - 1].record == page[d][at].record &&
		   page[d][at - 1].by >= 0;
	uint64_t end = at + size;
	bool high = end < PAGES && page[d][end].by >= 0 && page[d][end - 1].by >= 0 &&
		    page[d][end - 1].record == page[d][end].record;

	return low || high;
}

static bool step_unmap(unsigned int d)
{
	unsigned int to = (unsigned int)next(DOMAINS);
	uint64_t at = next(PAGES), size = 1 + next(8);
	uint32_t want, got;

	if (at + size > PAGES)
		return true;
	want = crosses(to, at, size) ? S_BAD_PARAM : S_OK;
	got = call(d, CALL_UNMAP, SEL_OF_PD + to, VA + at * FRAME_SIZE, size * FRAME_SIZE, 0, 0, 0);
	for (uint64_t i = 0; i < size && got == S_OK; i++)
		page[to][at + i] = (struct page){ -1, 0, 0 };
	return got == want;
}

static bool step_revoke(unsigned int d)
{
	int s = (int)(d * SLOTS + next(SLOTS));
	uint64_t self = next(2);
	uint32_t got = call(d, CALL_REVOKE, FIRST + (uint64_t)s % SLOTS, self, 0, 0, 0, 0);

	if (!node[s].alive)
		return got == S_BAD_CAP;
	if (self && node[s].parent >= 0) {
		model_kill(s);
	} else if (self) {
		model_kill(s); /* the first one of all: put a new one there */
		got |= world_call(CALL_DERIVE, FIRST, ROOT_MO, 0, PAGES * FRAME_SIZE, RIGHT_ALL, 0);
		node[0] = (struct node){ true, -1, RIGHT_ALL, 0, PAGES };
	} else {
		model_unmap(s);
		model_kill_children(s);
	}
	return got == S_OK;
}

static void make_domain(unsigned int d)
{
	struct ec_start start = { 0, 0x10000, 0x20000, 0x30000 };
	enum status s;

	if (d && world_call(CALL_CREATE_PD, ROOT_FREE + d, ROOT_PD, 300, 0, 0, 0) != S_OK)
		abort();
	domain[d] = d ? world_pd((sel_t)(ROOT_FREE + d)) : world.root;
	thread[d] = d ? ec_create(domain[d], &start, &s) : world.ec;
}

/* Every domain knows every other. */
static void introduce(void)
{
	for (unsigned int d = 0; d < DOMAINS; d++)
		for (unsigned int k = 0; k < DOMAINS; k++)
			if (!world_slot(domain[d], SEL_OF_PD + k)) {
				sel_t to = d ? (sel_t)(ROOT_FREE + d) : (sel_t)ROOT_PD;

				world_call(CALL_DELEGATE, k ? ROOT_FREE + k : ROOT_PD, to,
					   SEL_OF_PD + k, RIGHT_ALL, 0, 0);
			}
}

static bool step_death(void)
{
	unsigned int d = 1 + (unsigned int)next(DOMAINS - 1);
	uint32_t got = world_call(CALL_REVOKE, ROOT_FREE + d, next(2) ? REVOKE_SELF : REVOKE_OBJECT,
				  0, 0, 0, 0);

	for (int i = 0; i < SLOTS; i++)
		if (node[(int)d * SLOTS + i].alive)
			model_kill((int)d * SLOTS + i);
	for (unsigned int i = 0; i < PAGES; i++)
		page[d][i] = (struct page){ -1, 0, 0 };
	make_domain(d);
	introduce();
	return got == S_OK;
}

static bool slots_agree(void)
{
	for (int i = 0; i < DOMAINS * SLOTS; i++) {
		const struct slot *s = world_slot(domain[i / SLOTS], (sel_t)(FIRST + i % SLOTS));

		if (!s != !node[i].alive)
			return false;
		if (s && (s->base != RAM_BASE + node[i].base * FRAME_SIZE ||
			  s->size != node[i].size * FRAME_SIZE || s->rights != node[i].rights))
			return false;
	}
	return true;
}

static bool pages_agree(void)
{
	for (unsigned int d = 0; d < DOMAINS; d++)
		for (uint64_t i = 0; i < PAGES; i++) {
			uint64_t size,
				e = ptab_lookup(&domain[d]->space.ptab, VA + i * FRAME_SIZE, &size);

			if ((e & PTAB_ADDR) != (page[d][i].by >= 0 ? page[d][i].pa : 0))
				return false;
		}
	return true;
}

static bool step(void)
{
	unsigned int d = (unsigned int)next(DOMAINS), what = (unsigned int)next(101);

	if (what < 25)
		return step_derive(d);
	if (what < 50)
		return step_delegate(d);
	if (what < 75)
		return step_map(d);
	if (what < 88)
		return step_unmap(d);
	return what < 100 ? step_revoke(d) : step_death();
}

static void start(uint64_t with)
{
	seed = with;
	world_make();
	for (int i = 0; i < DOMAINS * SLOTS; i++)
		node[i] = (struct node){ 0 };
	for (unsigned int d = 0; d < DOMAINS; d++)
		for (unsigned int i = 0; i < PAGES; i++)
			page[d][i] = (struct page){ -1, 0, 0 };
	for (unsigned int d = 0; d < DOMAINS; d++)
		make_domain(d);
	introduce();
	world_call(CALL_DERIVE, FIRST, ROOT_MO, 0, PAGES * FRAME_SIZE, RIGHT_ALL, 0);
	node[0] = (struct node){ true, -1, RIGHT_ALL, 0, PAGES };
}

static void run(uint64_t with)
{
	const char *wrong = NULL;
	unsigned int i;
	char text[120];
	bool status = true, slots = true, pages = true;

	start(with);
	for (i = 0; i < CALLS && status && slots && pages && !wrong; i++) {
		status = step();
		slots = slots_agree();
		pages = pages_agree();
		wrong = i % 64 ? NULL : world_check();
	}
	snprintf(text, sizeof(text),
		 "seed %llu: %u calls by three domains, and the kernel agrees with the model",
		 (unsigned long long)with, i);
	if (!check(status && slots && pages && !wrong, text))
		printf("# status %d, slots %d, pages %d, %s\n", status, slots, pages,
		       wrong ? wrong : "sound");
}

int main(void)
{
	for (uint64_t s = 1; s <= 5; s++)
		run(s * 1000003);
	return failures();
}
