// SPDX-License-Identifier: Apache-2.0
/*
 * System store: the snapshot that is valid, and its way to the disk. A commit encrypts the whole snapshot under a key of its own
 * and writes it to the slot that is not valid; it counts once it is whole and flushed. So after a power cut at any sector either the
 * old or the new snapshot is found.
 */
#pragma once
#include "services/disk/device.h"
#include "services/disk/layout.h"
#include "services/disk/secret.h"
#include "services/disk/snapshot.h"

struct store {
	struct device device;
	uint8_t key[32];  /* of the store */
	uint8_t uuid[16]; /* of the disk */
	void (*random)(void *p, size_t n);
	struct snapshot valid, next; /* next: a change being prepared */
	uint64_t sequence;           /* highest one tried */
	unsigned slot;               /* holds `valid` */
	unsigned damaged; /* slots that were not intact when opened and not empty either */
	uint8_t *block;   /* DISK_SLOT_BLOCKS blocks, for I/O */
};

enum store_result { STORE_OK = 0, STORE_MEMORY, STORE_IO, STORE_DAMAGED, STORE_FULL, STORE_BAD };

enum store_result store_init(struct store *s, const struct device *d, const uint8_t key[DISK_KEY],
			     const uint8_t uuid[16], void (*random)(void *p, size_t n));
/* Writes an empty snapshot to both slots. */
enum store_result store_format(struct store *s);
/* Reads the slots. STORE_DAMAGED: neither is intact. */
enum store_result store_open(struct store *s);

int store_get(const struct store *s, const char *name, size_t name_size, struct record *out);
/* Sets several records at once: begin, any number of set, commit. A set that fails leaves the store as it was. */
void store_begin(struct store *s);
enum store_result store_set(struct store *s, const char *name, size_t name_size,
			    const uint8_t *value, size_t value_size);
enum store_result store_commit(struct store *s);
