// SPDX-License-Identifier: Apache-2.0
/* Instances of the manifest's components and the channels between them. Root itself is instance 0. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/chan.h"
#include "services/root/engine.h"
#include "services/root/root.h"

#define INSTANCE_MAX   64u
#define LINK_MAX       512u
#define INSTANCE_AREAS (7u + START_MAX_THREADS + START_MAX_DEV)

enum instance_state {
	INST_FREE = 0,
	INST_WAITING, /* to be started at `due` */
	INST_RUNNING,
	INST_ENDED, /* ended for good, still listed */
};

struct link;

struct instance {
	uint32_t number; /* own index */
	enum instance_state state;
	const struct manifest_component *component;
	uint32_t kind; /* index of the component */
	uint64_t tag;
	struct instance *parent;
	char label[START_NAME];
	uint64_t mem_size;
	uint32_t arg_len;
	struct area arg, kept;
	uint32_t restarts;
	uint32_t quick; /* deaths in a row soon after the start: for the back-off */
	int32_t code;
	uint64_t due, started; /* ns */
	struct wake wake;
	struct domain domain;
	struct area info_area, area[INSTANCE_AREAS];
	uint32_t areas;
	struct start_info *info; /* in root's space while it runs; root's own for instance 0 */
	struct link *slot[START_MAX_CHAN];
	uint32_t serial[START_MAX_CHAN];
};

extern struct manifest manifest;
extern struct instance instances[INSTANCE_MAX];

void instances_begin(struct start_info *own, const struct wake *own_wake);
/* A new instance with its channels, waiting to be started. Reasons in CTL terms; *out on CS_OK. `arg` may be empty. */
enum chan_status instance_new(uint32_t kind, const struct ctl_start *s, const void *arg,
			      struct instance **out);
/* Starts it. NULL or what is wrong; then nothing of the attempt is left but the instance, still waiting. */
const char *instance_start(struct instance *i);
/* Memory it holds: its own, its kernel account's, and that of the channels it calls through. KiB. */
uint64_t instance_kib(const struct instance *i);
/* Takes its domain and memory away; channels and kept memory stay for the next start. */
void instance_halt(struct instance *i);
/* Takes everything away, children first. The other ends see their channels closed. */
void instance_delete(struct instance *i);
struct instance *instance_find(const char *template, uint64_t tag);
/* root.c: if that static component has died, starts it again now, before anybody else's turn. */
void root_revive(const char *name);
/* "vault/tvd-a" or "disk". Valid until the next call. */
const char *instance_title(const struct instance *i);

/* link.c: the channels of instances. */
bool links_make(
	struct instance *i); /* all that the manifest gives it, as far as the other ends exist */
bool links_tell(
	struct instance
		*i); /* maps and enters them into its new start info, next epoch for both ends */
uint64_t links_size(const struct instance *i); /* bytes of the channels it is the client of */
void links_drop(struct instance *i);           /* for good */
void links_forget(
	struct instance
		*i); /* its domain is gone: closed channels need no acknowledgement from it */
