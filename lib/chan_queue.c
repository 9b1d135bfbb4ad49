// SPDX-License-Identifier: Apache-2.0
#include "lib/chan_queue.h"
#include <stdlib.h>
#include <string.h>

void queue_clear(struct queue *q)
{
	while (q->first) {
		struct kept *k = q->first;

		q->first = k->next;
		free(k);
	}
	*q = (struct queue){ 0 };
}

bool queue_put(struct queue *q, const struct msg *m, const void *payload)
{
	size_t n = m->len - sizeof(*m);
	struct kept *k = q->count < CHAN_MAX_KEPT ? malloc(sizeof(*k) + n) : NULL;

	if (!k)
		return false;
	k->next = NULL;
	k->m = *m;
	if (n)
		memcpy(k->payload, payload, n);
	if (q->last)
		q->last->next = k;
	else
		q->first = k;
	q->last = k;
	q->count++;
	return true;
}

void queue_drop(struct queue *q)
{
	struct kept *k = q->first;

	q->first = k->next;
	if (!q->first)
		q->last = NULL;
	q->count--;
	free(k);
}
