// SPDX-License-Identifier: Apache-2.0
/* Channels: made when both ends exist, told to each end when it runs, closed with the acknowledgement of the end that stays. */
#include <stdatomic.h>
#include <string.h>
#include "services/root/choice.h"
#include "services/root/instance.h"

enum { SLOT_STRIDE = 128 << 20 };

struct link {
	bool used;
	const struct manifest_channel *channel;
	struct instance *end[2]; /* client, server; NULL: gone for good */
	uint32_t slot[2];
	uint32_t epoch;
	bool begun[2]; /* this end has run with this link */
	struct area memory;
	struct chan_mem *header;
};

static struct link links[LINK_MAX];

static void link_free(struct link *l)
{
	for (unsigned side = 0; side < 2; side++)
		if (l->end[side])
			l->end[side]->slot[l->slot[side]] = NULL;
	area_free(&l->memory);
	l->used = false;
}

static bool let_go(const struct link *l, unsigned side)
{
	const struct instance *i = l->end[side];

	return atomic_load(&l->header->closed[side]) == i->serial[l->slot[side]];
}

/* Frees closed links whose remaining end does not touch them any more. */
static void collect(void)
{
	for (struct link *l = links; l < links + LINK_MAX; l++)
		for (unsigned side = 0; side < 2 && l->used; side++)
			if (!l->end[1 - side] && (!l->end[side] || let_go(l, side)))
				link_free(l);
}

static uint32_t free_slot(const struct instance *i)
{
	uint32_t n = 0;

	while (n < START_MAX_CHAN && i->slot[n])
		n++;
	return n;
}

/* Enters link `l` into the start info of its end `side`, which has one. */
static bool tell(struct link *l, unsigned side)
{
	struct instance *i = l->end[side], *peer = l->end[1 - side];
	uint32_t slot = l->slot[side], count = atomic_load(&i->info->chan_count);
	struct start_chan *c = &i->info->chan[slot];
	uint32_t sel = wake_give(&peer->wake, i->number ? &i->domain : NULL, slot);
	uint64_t va = 0;

	if (!sel)
		return false;
	if (!i->number)
		va = (uintptr_t)area_window(&l->memory, l->memory.size);
	else if (!domain_give(&i->domain, &l->memory, LAYOUT_CHAN + slot * (uint64_t)SLOT_STRIDE,
			      GIVE_RW, &va))
		return false;
	if (!va)
		return false;
	l->begun[side] = true;
	atomic_store(&c->state, START_CHAN_EMPTY);
	memcpy(c->peer, peer->component->name, sizeof(c->peer));
	memcpy(c->instance, peer->label, sizeof(c->instance));
	memcpy(c->proto, l->channel->proto, sizeof(c->proto));
	c->va = va;
	c->size = l->memory.size;
	c->peer_wake = sel;
	c->side = side;
	c->serial = i->serial[slot];
	c->tag = peer->tag;
	atomic_store(&c->epoch, l->epoch);
	atomic_store(&c->state, START_CHAN_OPEN);
	if (slot >= count)
		atomic_store(&i->info->chan_count, slot + 1);
	return true;
}

static bool running(const struct instance *i)
{
	return i && i->info;
}

/* A fresh link, told to the ends that run. */
static bool link_new(const struct manifest_channel *channel, struct instance *client,
		     struct instance *server)
{
	struct instance *end[2] = { client, server };
	struct link *l = links;

	while (l < links + LINK_MAX && l->used)
		l++;
	if (l == links + LINK_MAX)
		return false;
	*l = (struct link){ .channel = channel,
			    .slot = { free_slot(client), free_slot(server) },
			    .epoch = 1 };
	if (l->slot[0] == START_MAX_CHAN || l->slot[1] == START_MAX_CHAN ||
	    !area_new(&l->memory, (uint64_t)channel->kib << 10, 4096))
		return false;
	l->used = true;
	l->header = area_window(&l->memory, 4096);
	for (unsigned side = 0; side < 2; side++) {
		l->end[side] = end[side];
		end[side]->slot[l->slot[side]] = l;
		end[side]->serial[l->slot[side]]++;
	}
	for (unsigned side = 0; side < 2 && l->header; side++) {
		if (!running(end[side]))
			continue;
		if (!tell(l, side))
			l->header = NULL;
		else
			wake_up(&end[side]->wake);
	}
	if (!l->header)
		link_free(l);
	return l->used;
}

/* Does manifest channel `c` join these two instances? */
static bool joins(const struct manifest_channel *c, const struct instance *client,
		  const struct instance *server)
{
	if (c->client != client->kind || c->server != server->kind)
		return false;
	if (client->component->flags & server->component->flags & MC_TEMPLATE)
		return client->parent == server;
	return true;
}

bool links_make(struct instance *i)
{
	collect();
	for (uint32_t n = 0; n < manifest.header->channels; n++) {
		const struct manifest_channel *c = &manifest.channel[n];

		for (struct instance *k = instances; k < instances + INSTANCE_MAX; k++) {
			if (k == i || (k->state == INST_FREE && k->number) ||
			    k->state == INST_ENDED)
				continue;
			if ((joins(c, i, k) || joins(c, k, i)) && !choice_takes(n))
				continue;
			if ((joins(c, i, k) && !link_new(c, i, k)) ||
			    (joins(c, k, i) && !link_new(c, k, i)))
				return false;
		}
	}
	return true;
}

bool links_tell(struct instance *i)
{
	for (uint32_t slot = 0; slot < START_MAX_CHAN; slot++) {
		struct link *l = i->slot[slot];
		unsigned side = l && l->end[1] == i;
		struct instance *peer = l ? l->end[1 - side] : NULL;

		if (!peer)
			continue;
		l->epoch += l->begun[side];
		if (l->begun[side] && running(peer)) {
			atomic_store(&peer->info->chan[l->slot[1 - side]].epoch, l->epoch);
			wake_up(&peer->wake);
		}
		if (!tell(l, side))
			return false;
	}
	return true;
}

uint64_t links_size(const struct instance *i)
{
	uint64_t bytes = 0;

	for (uint32_t slot = 0; slot < START_MAX_CHAN; slot++)
		if (i->slot[slot] && i->slot[slot]->end[0] == i)
			bytes += i->slot[slot]->memory.size;
	return bytes;
}

void links_drop(struct instance *i)
{
	for (uint32_t slot = 0; slot < START_MAX_CHAN; slot++) {
		struct link *l = i->slot[slot];
		unsigned side = l && l->end[1] == i;
		struct instance *peer;

		if (!l)
			continue;
		peer = l->end[1 - side];
		i->slot[slot] = NULL;
		l->end[side] = NULL;
		if (!running(peer)) {
			link_free(l);
			continue;
		}
		atomic_store(&peer->info->chan[l->slot[1 - side]].state, START_CHAN_CLOSED);
		wake_up(&peer->wake);
	}
}

void links_forget(struct instance *i)
{
	for (uint32_t slot = 0; slot < START_MAX_CHAN; slot++) {
		struct link *l = i->slot[slot];
		unsigned side = l && l->end[1] == i;

		if (l && !l->end[1 - side])
			link_free(l);
	}
}
