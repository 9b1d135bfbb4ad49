// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/kmem.h"
#include "kernel/inc/console.h"

struct slab {
	struct list link; /* on account.partial while it has room */
	void *free;       /* free objects, linked through their first word */
	uint32_t used;
	uint32_t class;
};

enum {
	SLAB_MIN_SHIFT = 6,
	SLAB_HEADER = 64,
};

_Static_assert(sizeof(struct slab) <= SLAB_HEADER, "slab header");

uint64_t pool_delta;
static uint64_t pool_next, pool_end; /* frames never used so far */
static uint64_t pool_list;           /* freed frames, linked through their first word; 0 ends */
static uint64_t pool_freed;

void pool_init(uint64_t base, uint64_t size)
{
	pool_next = base;
	pool_end = base + size;
	pool_list = 0;
	pool_freed = 0;
}

uint64_t pool_free_frames(void)
{
	return (pool_end - pool_next) / FRAME_SIZE + pool_freed;
}

static void *pool_take(void)
{
	uint64_t pa = pool_list;

	if (pa) {
		pool_list = *(uint64_t *)pa_ptr(pa);
		pool_freed--;
		return pa_ptr(pa);
	}
	if (pool_next == pool_end)
		return NULL;
	pool_next += FRAME_SIZE;
	return pa_ptr(pool_next - FRAME_SIZE);
}

void account_init(struct account *a, uint64_t quota)
{
	a->quota = quota;
	a->used = 0;
	for (unsigned int i = 0; i < SLAB_CLASSES; i++)
		list_init(&a->partial[i]);
}

void *frame_alloc(struct account *a)
{
	void *p;

	if (a && a->used >= a->quota)
		return NULL;
	p = pool_take();
	if (!p)
		return NULL;
	__builtin_memset(p, 0, FRAME_SIZE);
	if (a)
		a->used++;
	return p;
}

/* The pool has given nothing back yet, so frames follow one another. */
void *boot_frames(uint64_t bytes)
{
	char *first = frame_alloc(NULL), *last = first;
	uint64_t size = (bytes + FRAME_SIZE - 1) & ~(uint64_t)(FRAME_SIZE - 1);

	for (uint64_t at = FRAME_SIZE; last && at < size; at += FRAME_SIZE)
		last = frame_alloc(NULL);
	if (!last || last != first + size - FRAME_SIZE)
		panic("kernel pool too small");
	return first;
}

void frame_free(struct account *a, void *frame)
{
	*(uint64_t *)frame = pool_list;
	pool_list = ptr_pa(frame);
	pool_freed++;
	if (a)
		a->used--;
}

static uint32_t slab_class(uint64_t size)
{
	uint32_t class = 0;

	while (size > 1ull << (SLAB_MIN_SHIFT + class))
		class ++;
	assert(class < SLAB_CLASSES);
	return class;
}

static struct slab *slab_grow(struct account *a, uint32_t class)
{
	uint64_t size = 1ull << (SLAB_MIN_SHIFT + class);
	struct slab *s = frame_alloc(a);

	if (!s)
		return NULL;
	s->class = class;
	for (uint64_t at = SLAB_HEADER; at + size <= FRAME_SIZE; at += size) {
		void **object = (void **)((char *)s + at);

		*object = s->free;
		s->free = object;
	}
	list_insert_head(&a->partial[class], &s->link);
	return s;
}

void *slab_alloc(struct account *a, uint64_t size)
{
	uint32_t class = slab_class(size);
	struct slab *s;
	void **p;

	if (list_empty(&a->partial[class]))
		s = slab_grow(a, class);
	else
		s = container_of(a->partial[class].next, struct slab, link);
	if (!s)
		return NULL;
	p = s->free;
	s->free = *p;
	s->used++;
	if (!s->free)
		list_remove(&s->link);
	__builtin_memset(p, 0, 1ull << (SLAB_MIN_SHIFT + class));
	return p;
}

void slab_free(struct account *a, void *p)
{
	struct slab *s = (struct slab *)((uint64_t)p & ~(uint64_t)(FRAME_SIZE - 1));

	if (!s->free)
		list_insert_head(&a->partial[s->class], &s->link);
	*(void **)p = s->free;
	s->free = p;
	if (--s->used == 0) {
		list_remove(&s->link);
		frame_free(a, s);
	}
}

bool account_move(struct account *from, struct account *to, uint64_t frames)
{
	if (frames > from->quota - from->used)
		return false;
	from->quota -= frames;
	to->quota += frames;
	return true;
}
