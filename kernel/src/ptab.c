// SPDX-License-Identifier: Apache-2.0
#include "kernel/inc/ptab.h"
#include "abi/types.h"

enum {
	ENTRY_BITS = 9,
	PAGE_SHIFT = 12,
	ENTRIES = 1 << ENTRY_BITS,
};

static uint64_t level_size(unsigned int level)
{
	return 1ull << (PAGE_SHIFT + ENTRY_BITS * level);
}

static uint64_t *entry_at(uint64_t table, uint64_t va, unsigned int level)
{
	return (uint64_t *)pa_ptr(table) + (va >> (PAGE_SHIFT + ENTRY_BITS * level)) % ENTRIES;
}

static bool is_leaf(const struct ptab *t, uint64_t entry, unsigned int level)
{
	if (t->format->next_level)
		return !(entry & t->format->next_level);
	return level == 0 || (entry & t->format->large);
}

/* Bits of an entry at `level` that points to a table. */
static uint64_t table_bits(const struct ptab_format *f, unsigned int level)
{
	return f->table | level * (f->next_level & -f->next_level);
}

/* The entry for va at the lowest existing level not below `stop`; *level says which. */
static uint64_t *walk(const struct ptab *t, uint64_t va, unsigned int stop, unsigned int *level)
{
	uint64_t table = t->root;

	for (*level = PTAB_LEVELS - 1;; (*level)--) {
		uint64_t *e = entry_at(table, va, *level);

		if (*level == stop || !(*e & t->format->present) || is_leaf(t, *e, *level))
			return e;
		table = *e & PTAB_ADDR;
	}
}

/* Does a leaf of this level fit? An emptied table is not given up: smaller pages then. */
static bool fits(const struct ptab *t, uint64_t va, uint64_t pa, uint64_t size, unsigned int at)
{
	unsigned int level;
	uint64_t bytes = level_size(at);

	if (((va | pa) & (bytes - 1)) || size < bytes)
		return false;
	return !(*walk(t, va, at, &level) & t->format->present);
}

static enum ptab_result map_at(struct ptab *t, uint64_t va, uint64_t value, unsigned int stop)
{
	unsigned int level;
	uint64_t *e;

	while (e = walk(t, va, stop, &level), level != stop) {
		void *table;

		if (*e & t->format->present)
			return PTAB_TAKEN;
		table = frame_alloc(t->acct);
		if (!table)
			return PTAB_NO_MEM;
		*(volatile uint64_t *)e = ptr_pa(table) | table_bits(t->format, level);
	}
	if (*e & t->format->present)
		return PTAB_TAKEN;
	*(volatile uint64_t *)e = value;
	return PTAB_OK;
}

enum ptab_result ptab_map(struct ptab *t, uint64_t va, uint64_t pa, uint64_t size, uint32_t attr,
			  uint64_t *done)
{
	unsigned int level = *t->format->leaf_level;

	while (level && !fits(t, va, pa, size, level))
		level--;
	*done = level_size(level);
	return map_at(t, va, pa | t->format->leaf(attr, level), level);
}

uint64_t ptab_unmap(struct ptab *t, uint64_t va)
{
	unsigned int level;
	uint64_t *e = walk(t, va, 0, &level);

	if (!(*e & t->format->present))
		return 0;
	*(volatile uint64_t *)e = 0;
	return level_size(level);
}

uint64_t ptab_lookup(const struct ptab *t, uint64_t va, uint64_t *size)
{
	unsigned int level;
	uint64_t *e = walk(t, va, 0, &level);

	*size = level_size(level);
	return *e & t->format->present ? *e : 0;
}

/* First entry of a table that points to another table and maps addresses below limit, or NULL. */
static uint64_t *first_table(const struct ptab *t, uint64_t table, unsigned int level,
			     uint64_t limit)
{
	uint64_t *e = pa_ptr(table);
	uint64_t count = level == PTAB_LEVELS - 1 ? (limit - 1) / level_size(level) + 1 : ENTRIES;

	for (uint64_t i = 0; level > 0 && i < count; i++)
		if ((e[i] & t->format->present) && !is_leaf(t, e[i], level))
			return e + i;
	return NULL;
}

bool ptab_free_step(struct ptab *t, uint64_t limit)
{
	unsigned int level = PTAB_LEVELS - 1;
	uint64_t *last = NULL, *e = first_table(t, t->root, level, limit);

	while (e) {
		last = e;
		level--;
		e = first_table(t, *e & PTAB_ADDR, level, limit);
	}
	if (!last)
		return true;
	frame_free(t->acct, pa_ptr(*last & PTAB_ADDR));
	*last = 0;
	return false;
}
