// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/sched.h"

void runq_init(struct runq *q)
{
	for (unsigned int i = 0; i < 4; i++)
		q->bitmap[i] = 0;
	for (unsigned int i = 0; i < 256; i++)
		list_init(&q->queue[i]);
}

void runq_put(struct runq *q, struct sc *sc, bool head)
{
	if (head)
		list_insert_head(&q->queue[sc->prio], &sc->rq_link);
	else
		list_insert(&q->queue[sc->prio], &sc->rq_link);
	q->bitmap[sc->prio / 64] |= 1ull << sc->prio % 64;
}

void runq_take(struct runq *q, struct sc *sc)
{
	list_remove(&sc->rq_link);
	if (list_empty(&q->queue[sc->prio]))
		q->bitmap[sc->prio / 64] &= ~(1ull << sc->prio % 64);
}

struct sc *runq_best(const struct runq *q)
{
	if (!(q->bitmap[0] | q->bitmap[1] | q->bitmap[2] | q->bitmap[3]))
		return NULL;
	for (int i = 3; i >= 0; i--) {
		int bit = 63 - __builtin_clzll(q->bitmap[i] | 1);

		if (q->bitmap[i])
			return container_of(q->queue[64 * i + bit].next, struct sc, rq_link);
	}
	return NULL;
}
