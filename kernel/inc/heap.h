// SPDX-License-Identifier: Apache-2.0
/*
 * Priority queue through the objects that wait in it: a leftist heap, smallest key first. Insert, take and remove of any
 * element take O(log n) steps, whatever a user does. Used for timers (key: TSC deadline) and wait queues (key: priority,
 * then order of arrival).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct heap_node {
	struct heap_node *parent, *left, *right;
	uint64_t key;
	uint32_t rank; /* 1 + distance to the nearest missing child */
	bool queued;
};

struct heap {
	struct heap_node *top;
};

/* n must not be queued; equal keys come out in no particular order. */
void heap_insert(struct heap *h, struct heap_node *n, uint64_t key);

/* Takes n out if it is queued. */
void heap_remove(struct heap *h, struct heap_node *n);
