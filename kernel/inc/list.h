// SPDX-License-Identifier: Apache-2.0
/* Circular doubly linked lists through the objects that are on them. A link that is on no list points to itself. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* Inserts n just before pos; with pos a list head: at the tail. */
static inline void list_insert(struct list *pos, struct list *n)
{
	n->next = pos;
	n->prev = pos->prev;
	pos->prev->next = n;
	pos->prev = n;
}

static inline void list_insert_head(struct list *head, struct list *n)
{
	list_insert(head->next, n);
}

/* Takes n off its list; harmless if it is on none. */
static inline void list_remove(struct list *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
	list_init(n);
}
