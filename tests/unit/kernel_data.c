// SPDX-License-Identifier: Apache-2.0
/* Priority queues, accounts, slabs and page tables against models. */
#include "kernel/inc/heap.h"
#include "kernel/inc/kmem.h"
#include "kernel/inc/ptab.h"
#include "kernel/inc/x86_64/arch.h"
#include "tests/unit/kernel_host/world.h"
#include <stdlib.h>
#include <string.h>

const char *test_name = "kernel_data";

enum {
	NODES = 200,
	ROUNDS = 20000,
	OBJECTS = 400,
	PAGES = 2048,
};

static uint64_t seed = 88172645463325252ull;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t smallest(const struct heap_node *n)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int i = 0; i < NODES; i++)
		if (n[i].queued && n[i].key < best)
			best = n[i].key;
	return best;
}

static void test_heap(void)
{
	static struct heap_node n[NODES];
	struct heap h = { 0 };
	bool good = true;

	for (unsigned int i = 0; i < ROUNDS && good; i++) {
		struct heap_node *x = &n[next() % NODES];

		if (x->queued)
			heap_remove(&h, next() % 2 ? x : h.top);
		else
			heap_insert(&h, x, next() % 1000);
		good = smallest(n) == (h.top ? h.top->key : UINT64_MAX);
	}
	check(good, "the smallest key is always on top of a heap");
	for (unsigned int i = 0; i < NODES; i++)
		heap_remove(&h, &n[i]);
	check(!h.top, "an emptied heap is empty");
}

struct thing {
	uint8_t *p;
	uint64_t size;
	uint8_t fill;
	unsigned int owner;
};

static bool intact(const struct thing *t)
{
	for (uint64_t i = 0; i < t->size; i++)
		if (t->p[i] != t->fill)
			return false;
	return true;
}

static void test_slabs(void)
{
	static struct thing things[OBJECTS];
	struct account a[2];
	bool good = true, zero = true;

	account_init(&a[0], 60);
	account_init(&a[1], 60);
	for (unsigned int i = 0; i < ROUNDS && good; i++) {
		struct thing *t = &things[next() % OBJECTS];

		if (t->p) {
			good = intact(t);
			slab_free(&a[t->owner], t->p);
			t->p = NULL;
			continue;
		}
		*t = (struct thing){ NULL, 1 + next() % 512, (uint8_t)next(),
				     (unsigned int)(next() % 2) };
		t->p = slab_alloc(&a[t->owner], t->size);
		for (uint64_t k = 0; t->p && k < t->size; k++)
			zero &= t->p[k] == 0;
		if (t->p)
			memset(t->p, t->fill, t->size);
	}
	check(good, "slab objects do not overlap");
	check(zero, "and start as zero");
	check(a[0].used <= 60 && a[1].used <= 60, "no account goes over its quota");
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (things[i].p)
			slab_free(&a[things[i].owner], things[i].p);
	check(!a[0].used && !a[1].used, "all freed: whole frames come back");
}

static void test_quota(void)
{
	struct account a, b;
	void *frame[8];
	uint64_t before = pool_free_frames();

	account_init(&a, 8);
	account_init(&b, 0);
	for (unsigned int i = 0; i < 8; i++)
		frame[i] = frame_alloc(&a);
	check(frame[7] && !frame_alloc(&a), "the quota is exact");
	check(!account_move(&a, &b, 1), "frames in use do not move");
	frame_free(&a, frame[7]);
	check(account_move(&a, &b, 1) && !frame_alloc(&a), "a free one does, once");
	for (unsigned int i = 0; i < 7; i++)
		frame_free(&a, frame[i]);
	check(pool_free_frames() == before, "the pool has everything back");
}

/* A model of a range of pages: what each should show. */
static uint64_t model[PAGES];

static uint64_t page_shown(const struct ptab *t, uint64_t va)
{
	uint64_t size, e = ptab_lookup(t, va, &size);

	return e ? (e & PTAB_ADDR & ~(size - 1)) | (va & (size - 1)) : 0;
}

static void map_some(struct ptab *t, uint64_t base)
{
	uint64_t at = next() % PAGES, done, pa = 0x200000000ull + (next() % 64) * PTAB_LARGE_SIZE;
	uint64_t count = next() % 3 ? 1 : 512;

	if (count == 512)
		at &= ~511ull;
	else
		pa += at % 512 * FRAME_SIZE;
	if (ptab_map(t, base + at * FRAME_SIZE, pa, count * FRAME_SIZE, RIGHT_RW, &done) != PTAB_OK)
		return;
	for (uint64_t i = 0; i < done / FRAME_SIZE; i++)
		model[at + i] = pa + i * FRAME_SIZE;
}

static void unmap_some(struct ptab *t, uint64_t base)
{
	uint64_t at = next() % PAGES, size, first;

	ptab_lookup(t, base + at * FRAME_SIZE, &size);
	if (!ptab_unmap(t, base + at * FRAME_SIZE))
		return;
	first = at & ~(size / FRAME_SIZE - 1);
	for (uint64_t i = 0; i < size / FRAME_SIZE; i++)
		model[first + i] = 0;
}

static bool agrees(const struct ptab *t, uint64_t base)
{
	for (uint64_t i = 0; i < PAGES; i++)
		if (page_shown(t, base + i * FRAME_SIZE) != model[i])
			return false;
	return true;
}

static void test_page_tables(void)
{
	struct account a;
	struct ptab t = { .format = &ptab_host, .acct = &a };
	uint64_t base = 0x7f0000000000ull, steps = 0;
	bool good = true;

	account_init(&a, 1000);
	t.root = ptr_pa(frame_alloc(&a));
	for (unsigned int i = 0; i < 4000 && good; i++) {
		if (next() % 3)
			map_some(&t, base);
		else
			unmap_some(&t, base);
		if (i % 16 == 0)
			good = agrees(&t, base);
	}
	check(good, "page tables show what was mapped, small and large");
	while (!ptab_free_step(&t, ptab_host.limit))
		steps++;
	check(a.used == 1 && steps > 3, "and give all their frames back, one a step");
	frame_free(&a, pa_ptr(t.root));
}

/* Every frame in turn is the one that is missing. */
static void test_page_table_failure(void)
{
	bool good = true;

	for (uint64_t quota = 1; quota < 5; quota++) {
		struct account a;
		struct ptab t = { .format = &ptab_host, .acct = &a };
		uint64_t done;
		enum ptab_result r;

		account_init(&a, quota);
		t.root = ptr_pa(frame_alloc(&a));
		r = ptab_map(&t, 0x400000, 0x200001000, FRAME_SIZE, RIGHT_R, &done);
		good &= r == (quota < 4 ? PTAB_NO_MEM : PTAB_OK);
		good &= quota == 4 || page_shown(&t, 0x400000) == 0;
		while (!ptab_free_step(&t, ptab_host.limit))
			;
		good &= a.used == 1;
		frame_free(&a, pa_ptr(t.root));
	}
	check(good, "with any frame missing nothing is mapped and nothing is lost");
}

#define GIB UINT64_C(0x40000000)

/* Largest leaf for `size` bytes at va and pa; *frames = tables it took. */
static uint64_t leaf_of(uint64_t va, uint64_t pa, uint64_t size, uint64_t *frames)
{
	struct account a;
	struct ptab t = { .format = &ptab_host, .acct = &a };
	uint64_t done, shown, unmapped;

	account_init(&a, 5);
	t.root = ptr_pa(frame_alloc(&a));
	if (ptab_map(&t, va, pa, size, RIGHT_R, &done) != PTAB_OK)
		return 0;
	*frames = a.used - 1;
	if (!ptab_lookup(&t, va + done - 1, &shown) || shown != done)
		return 0;
	if (ptab_map(&t, va + done - FRAME_SIZE, pa, FRAME_SIZE, RIGHT_R, &shown) != PTAB_TAKEN)
		return 0;
	unmapped = ptab_unmap(&t, va + done / 2);
	while (!ptab_free_step(&t, ptab_host.limit))
		;
	if (a.used != 1)
		return 0;
	frame_free(&a, pa_ptr(t.root));
	return unmapped;
}

static void test_leaf_sizes(void)
{
	uint64_t frames;

	cpu_leaf_level = 2;
	check(leaf_of(GIB, 4 * GIB, 2 * GIB, &frames) == GIB && frames == 1,
	      "1 GiB is one leaf, with no table of its own");
	check(leaf_of(GIB, GIB + PTAB_LARGE_SIZE, GIB, &frames) == PTAB_LARGE_SIZE && frames == 2,
	      "2 MiB leaves where the addresses do not agree");
	check(leaf_of(GIB, GIB, GIB - FRAME_SIZE, &frames) == PTAB_LARGE_SIZE,
	      "and where the size is less");
	check(leaf_of(GIB, GIB + FRAME_SIZE, GIB, &frames) == FRAME_SIZE && frames == 3,
	      "4 KiB leaves where nothing else fits");
	cpu_leaf_level = 1;
	check(leaf_of(GIB, GIB, GIB, &frames) == PTAB_LARGE_SIZE,
	      "2 MiB leaves on a processor without 1 GiB pages");
	cpu_leaf_level = 2;
}

int main(void)
{
	world_make();
	test_leaf_sizes();
	test_heap();
	test_slabs();
	test_quota();
	test_page_tables();
	test_page_table_failure();
	return failures();
}
