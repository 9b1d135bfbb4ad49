// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/heap.h"
#include <stddef.h>

static uint32_t rank(const struct heap_node *n)
{
	return n ? n->rank : 0;
}

/* Restores order of rank between the children; true: n's rank changed. */
static bool settle(struct heap_node *n)
{
	uint32_t old = n->rank;

	if (rank(n->left) < rank(n->right)) {
		struct heap_node *t = n->left;

		n->left = n->right;
		n->right = t;
	}
	n->rank = rank(n->right) + 1;
	return n->rank != old;
}

/* Recursion goes down right children only: at most log2 of the number of elements deep in each heap. */
static struct heap_node *merge(struct heap_node *a, struct heap_node *b)
{
	if (!a || !b)
		return a ? a : b;
	if (b->key < a->key) {
		struct heap_node *t = a;

		a = b;
		b = t;
	}
	a->right = merge(a->right, b);
	a->right->parent = a;
	settle(a);
	return a;
}

void heap_insert(struct heap *h, struct heap_node *n, uint64_t key)
{
	*n = (struct heap_node){ .key = key, .rank = 1, .queued = true };
	h->top = merge(h->top, n);
	h->top->parent = NULL;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	struct heap_node *p = n->parent, *m;

	if (!n->queued)
		return;
	m = merge(n->left, n->right);
	if (m)
		m->parent = p;
	if (!p)
		h->top = m;
	else if (p->left == n)
		p->left = m;
	else
		p->right = m;
	while (p && settle(p))
		p = p->parent;
	n->queued = false;
}
