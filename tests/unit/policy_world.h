// SPDX-License-Identifier: Apache-2.0
/*
 * A simulated server around policy's engine: disk, TPM broker, root, vaults, each with one queue of requests, each able to die before
 * or after it does what it was asked. Checks at every step what must never be violated.
 */
#pragma once
#include "mgmt/policy/engine.h"

#define WORLD_TVDS      3u
#define WORLD_IMAGES    4u /* of each TVD */
#define WORLD_VMS       5u
#define WORLD_INSTANCES 24u
#define WORLD_RECORDS   4096u

enum victim { KILL_POLICY, KILL_DISK, KILL_TPM, KILL_VAULT, KILL_VMM, CUT_POWER, VICTIMS };

struct request {
	bool waiting;
	enum peer peer;
	uint64_t tag;
	uint16_t type;
	uint64_t id, arg;
	uint64_t serial, epoch; /* of the vault's channel, of the state: as the engine saw them */
	size_t n;
	uint8_t payload[ENGINE_ORDER];
};

struct instance {
	bool used;
	struct ctl_item item;
	size_t arg_size;
	uint8_t arg[CTL_MAX_ARG];
	uint64_t restart_at;
	uint64_t obey_at; /* when its guest obeys the power button; 0: not pressed */
};

struct vault {
	uint64_t serial, open_at; /* serial 0: no channel */
	size_t want_count, attach_count;
	struct image_name want[16];
	struct vm_attach attach[16];
};

/* What lies on the disk; survives everything. */
struct medium {
	size_t size; /* of the record, 0: none */
	uint8_t record[SIGNED_STATE_MAX];
	size_t volume_count;
	struct vault_volume volumes[64];
	uint64_t volume_tvd[64];
	size_t image_count;
	struct image_name images[64];
	uint64_t image_tvd[64];
	uint32_t chunks[64];
};

struct world {
	uint32_t random;
	uint64_t now, serials, boots;
	struct engine engine;
	bool unconfined; /* this machine has no IOMMU */
	struct kept kept;
	struct binding binding;
	struct medium medium;
	uint64_t disk_open_at;
	struct request disk, tpm, root, vault[WORLD_TVDS];
	size_t record_count;
	struct {
		size_t n;
		uint8_t payload[160];
	} records[WORLD_RECORDS];
	uint64_t tpm_last_id;
	struct instance instances[WORLD_INSTANCES];
	struct vault vaults[WORLD_TVDS];
	struct verdict last;
	uint64_t acknowledged; /* highest epoch */
	size_t sent_size;
	uint8_t sent[SIGNED_STATE_MAX]; /* last state that was submitted */
	unsigned errors_per_1000;       /* requests that fail for no reason */
	bool upload;                    /* images arrive */
	unsigned steps;
	const char *broken; /* first violated rule, NULL: none */
};

uint32_t world_random(struct world *w, uint32_t below);
void world_init(struct world *w, uint32_t seed);
/* One thing happens: the engine acts, a request is done and answered, or time passes. */
void world_step(struct world *w);
void world_kill(struct world *w, enum victim victim);
/* A vmm ends by itself with that code (enum vmm_end). False if none runs. */
bool world_end_vm(struct world *w, int32_t code);
/* Runs without faults until nothing more can happen. */
void world_settle(struct world *w);
/* After world_settle(): NULL if the server is as the committed state says, else the difference. */
const char *world_wrong(const struct world *w);
/* Builds, signs and submits a state; its epoch is s->epoch. Returns the verdict if it is there already, else CS_BUSY. */
enum chan_status world_submit(struct world *w, const struct state *s, char text[POLICY_TEXT]);
/* A valid random state of that epoch. */
void world_state(struct world *w, uint64_t epoch, struct state *out);
/* Signs *s so that policy accepts it; returns the size. */
size_t world_sign(const struct world *w, const struct state *s, uint8_t out[SIGNED_STATE_MAX]);

/* ---- between the files of the simulation ---- */

struct reply {
	enum chan_status status;
	size_t n;
	uint8_t payload[SIGNED_STATE_MAX];
};

#define WORLD_CHUNKS 4u

void world_broken(struct world *w, const char *rule);
struct instance *world_instance(struct world *w, const char *template_name, uint64_t tag);
/* TVD number i is eight bytes of i + 1. */
unsigned world_slot(uint64_t tvd);
void world_vault_begins(struct world *w, uint64_t tag);
bool world_has_volume(const struct world *w, uint64_t tvd, const uint8_t uuid[16]);
/* The image is wanted of that vault and whole. */
bool world_image_usable(const struct world *w, uint64_t tvd, const struct image_name *m);
/* Index in the medium, or its count. */
size_t world_find_image(const struct world *w, uint64_t tvd, const uint8_t digest[32]);
void world_ask_disk(struct world *w, const struct request *q, struct reply *r);
void world_ask_tpm(struct world *w, const struct request *q, struct reply *r);
void world_ask_vault(struct world *w, const struct request *q, struct reply *r);
void world_ask_root(struct world *w, const struct request *q, struct reply *r);
