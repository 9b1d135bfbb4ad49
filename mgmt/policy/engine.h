// SPDX-License-Identifier: Apache-2.0
/*
 * The reconcile engine: a state machine without I/O. The owner tells it what happened; it says which request to send next.
 *
 *   loop: engine_vaults(), then engine_answer(), engine_restarted(), engine_submit() for what came;
 *         while (engine_next()) send the order;
 *         engine_verdict(), engine_status(); sleep until e->wake or something comes.
 *
 * There is no plan that could be lost: facts (what answers said) and the committed state alone decide the next step, and an event
 * that may have made a fact untrue takes that fact away. Each peer has one request under way at most. A peer that dies or does not
 * answer holds up only what needs it.
 */
#pragma once
#include "mgmt/policy/check.h"
#include "mgmt/policy/kept.h"
#include "mgmt/proto/msg.h"
#include "services/disk/disk.h"
#include "services/root/root.h"
#include "services/tpm/tpm.h"
#include "services/vault/vault.h"

#define ENGINE_ITEMS   96u /* instances root may list */
#define ENGINE_GONE    64u /* attachments and images that a newer state does not have */
#define ENGINE_ORDER   (SIGNED_STATE_MAX + 256u)
#define ENGINE_FOREVER UINT64_MAX

enum peer { PEER_DISK, PEER_TPM, PEER_ROOT, PEER_VAULT };

/* A request to send. */
struct order {
	enum peer peer;
	uint64_t tag; /* PEER_VAULT: which */
	uint16_t type;
	uint64_t id, arg;
	const uint8_t *payload; /* valid until the next call */
	size_t n;
};

enum step {
	STEP_NONE,
	STEP_LOAD,
	STEP_STORE,
	STEP_MEASURE_EPOCH,
	STEP_MEASURE_VM,
	STEP_LIST,
	STEP_STOP,
	STEP_START_VAULT,
	STEP_START_VM,
	STEP_VAULT_STATUS,
	STEP_DETACH,
	STEP_GONE,
	STEP_WANT,
	STEP_ENSURE,
	STEP_ATTACH,
	STEP_BUTTON,
};

/* What is under way to one peer. */
struct lane {
	enum step step; /* STEP_NONE: nothing */
	uint64_t id;
	size_t subject;      /* index the step is about */
	uint32_t generation; /* of the committed state it was about */
};

/* Something that is tried again, ever more slowly. */
struct attempt {
	unsigned failures;
	uint64_t retry_at; /* ns; 0: at once */
	char why[120];     /* of the last failure, "" after success */
};

struct tvd_fact {        /* beside state.tvds[i] */
	uint64_t serial; /* of the channel to its vault; 0: none */
	struct lane lane;
	enum vault_state state;
	uint64_t poll_at;
	char text[120];
	struct attempt start;
	uint8_t args[32];  /* SHA-256 of its start arguments */
	uint8_t given[32]; /* of those it was started with; zero: not known */
};

struct image_fact { /* beside state.images[i] */
	struct image_status status;
	uint64_t poll_at;
	char why[60];
};

struct vm_fact {              /* beside state.vms[i] */
	uint8_t config[32];   /* SHA-256 of what a running vmm cannot change */
	uint8_t measured[32]; /* the config that is in PCR 10 */
	bool ensured;         /* its volume is there */
	bool told, attached;  /* VM_ATTACH may have been sent; was answered */
	uint64_t started_at;
	uint64_t stopping_at; /* since when it shall stop; 0: it shall not */
	bool pressed;         /* its power button was; then it does stop */
	bool deaf;            /* it was to no effect */
	struct attempt setup;
	struct attempt run;
};

struct gone {         /* left behind by an older state */
	uint64_t tvd; /* 0: free slot; slots never move */
	uint64_t vm;  /* 0: an image */
	uint64_t retry_at;
	struct image_name image;
};

struct verdict {
	uint64_t token;
	enum chan_status status;
	char text[POLICY_TEXT];
};

struct commit {
	bool loaded;  /* the store was read */
	bool reload;  /* a put failed: what the store holds now is not known */
	bool held;    /* `next` is to be judged once the store was read */
	bool pending; /* `next` is to be stored */
	bool decided; /* `verdict` is to be told */
	uint64_t retry_at, give_up_at;
	char why[160]; /* not loaded, or nothing usable is stored */
	size_t size, next_size;
	uint8_t bytes[SIGNED_STATE_MAX]; /* what `state` was decoded from */
	uint8_t next[SIGNED_STATE_MAX];
	struct verdict verdict;
};

struct engine {
	const struct binding *binding;
	struct kept *kept;
	bool confined;                 /* this machine has an IOMMU; set it after engine_init() */
	void (*say)(const char *line); /* for the log */
	uint64_t now;                  /* ns, as of the last call that tells it */
	uint64_t wake;                 /* when engine_next() should be asked again */
	uint64_t last_id;
	uint32_t generation; /* of `state` */
	int64_t utc;         /* seconds since 1970 at time 0; 0: not known */
	struct commit commit;
	struct state state, other; /* committed; candidate or predecessor */
	struct attempt tpm;
	struct lane disk_lane, tpm_lane, root_lane;
	uint8_t tpm_event[TPM_EVENT_MAX]; /* last one sent */
	size_t tpm_event_size;
	struct lane
		tpm_again; /* has a step: unanswered when the broker died, to be sent again so */
	bool listed;       /* items are as root has them */
	uint64_t root_retry_at;
	size_t item_count;
	struct ctl_item items[ENGINE_ITEMS];
	struct tvd_fact tvds[STATE_TVDS];
	struct image_fact images[STATE_IMAGES];
	struct vm_fact vms[STATE_VMS];
	struct gone gone[ENGINE_GONE];
	uint8_t out[ENGINE_ORDER];
};

/* `first_id`: ids of requests are above it. `kept` survives restarts of policy in one boot. */
void engine_init(struct engine *e, const struct binding *binding, struct kept *kept,
		 uint64_t first_id, void (*say)(const char *line));
/* All channels to vaults as they are now. A serial is never 0; it changes when the channel's other end began anew. */
void engine_vaults(struct engine *e, const uint64_t *tags, const uint64_t *serials, size_t count);
/* The peer (not a vault) began anew: what was under way is lost. */
void engine_restarted(struct engine *e, enum peer peer);
/* Root sent CTL_EVENT. */
void engine_instances_changed(struct engine *e);
void engine_answer(struct engine *e, uint64_t now, enum peer peer, uint64_t tag, uint64_t id,
		   enum chan_status status, const uint8_t *payload, size_t n);
/* The next request; false: nothing to do before e->wake. */
bool engine_next(struct engine *e, uint64_t now, struct order *out);
/* The order that was just given could not be sent. */
void engine_unsent(struct engine *e, const struct order *o);

/* A signed state from the TOM; its verdict comes with engine_verdict(). False: another one is being committed. */
bool engine_submit(struct engine *e, uint64_t now, const uint8_t *p, size_t n, uint64_t token);
/* Takes the verdict, once. */
bool engine_verdict(struct engine *e, struct verdict *out);
void engine_status(const struct engine *e, struct tmc_status *out);
