// SPDX-License-Identifier: Apache-2.0
/*
 * Who owns which units of the data area: volumes of TVDs, each a list of runs of 1 MiB units. Pure: a table in memory, read from and
 * written to one record of the store.
 *
 *   u32 version 1, u32 count; per volume: uuid 16, u64 tag, u64 blocks, u32 number, u16 runs, u16 flags; per run: u32 first unit, u32 units
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/disk/disk.h"
#include "services/disk/layout.h"

#define VOLUMES_MAX   256u
#define VOLUME_RUNS   32u
#define VOLUMES_BYTES (8u + VOLUMES_MAX * (40u + VOLUME_RUNS * 8u))

struct run {
	uint32_t first, units;
};

struct volume {
	uint8_t uuid[16];
	uint64_t tag;    /* of the TVD whose it is */
	uint64_t blocks; /* asked for; its units hold at least as many */
	uint32_t number; /* never 0, unique */
	uint16_t runs;
	uint16_t flags; /* VOLUME_FRESH or 0 */
	struct run run[VOLUME_RUNS];
};

struct volumes {
	uint32_t units; /* in the data area */
	uint32_t count;
	struct volume volume[VOLUMES_MAX];
};

enum volumes_result { VOLUMES_OK = 0, VOLUMES_BAD, VOLUMES_EXISTS, VOLUMES_FULL, VOLUMES_ABSENT };

/* An empty table for a device of that many blocks. */
void volumes_init(struct volumes *v, uint64_t device_blocks);
/* VOLUMES_BAD: malformed, or units doubled or outside; *v is then empty. */
enum volumes_result volumes_parse(struct volumes *v, const uint8_t *data, size_t size);
/* `out` has VOLUMES_BYTES; returns the bytes written. */
size_t volumes_write(const struct volumes *v, uint8_t *out);

/* Same uuid, tag and size again: VOLUMES_OK and the volume that is there; other size or tag: VOLUMES_EXISTS. */
enum volumes_result volumes_create(struct volumes *v, uint64_t tag, const uint8_t uuid[16],
				   uint64_t blocks, struct volume **out);
enum volumes_result volumes_delete(struct volumes *v, uint64_t tag, const uint8_t uuid[16]);
/* Removes all of that TVD; how many. */
uint32_t volumes_purge(struct volumes *v, uint64_t tag);
/* Not fresh any more. */
enum volumes_result volumes_ready(struct volumes *v, uint64_t tag, const uint8_t uuid[16]);
uint32_t volumes_free_units(const struct volumes *v);

/* The volume with that number if it is that TVD's, else NULL. */
const struct volume *volumes_find(const struct volumes *v, uint64_t tag, uint32_t number);
/*
 * Where block `block` of the volume is on the device, and how many blocks from there lie side by side (at most `count`).
 * False: outside of the volume.
 */
bool volume_locate(const struct volume *volume, uint64_t block, uint32_t count,
		   uint64_t *device_block, uint32_t *run);
