// SPDX-License-Identifier: Apache-2.0
/*
 * Instance control (proto "ctl"): policy -> root. Root starts and stops instances of the manifest's templates and reports what
 * became of them. Little-endian, fixed width; text fields are NUL-terminated and NUL-padded.
 *
 *   request     payload                       answer payload
 *   CTL_START   struct ctl_start, arguments   -              CS_EXISTS: that template runs under that tag already
 *   CTL_STOP    struct ctl_id                 -              CS_NOT_FOUND: it does not run. Answered when it is gone
 *   CTL_LIST    -                             n * struct ctl_item (all instances of templates)
 *   root -> policy, no answer:
 *   CTL_EVENT   struct ctl_event
 *
 * Other answers: CS_BAD_REQUEST (malformed), CS_DENIED (no such template, or not this client's), CS_NO_SPACE (memory),
 * CS_STATE (the parent does not run). A failed START leaves nothing behind. An instance is named by its template and its
 * tag; the label is for people.
 *
 * Channels of an instance follow its template: to static components, each of which sees `tag` as the channel's tag, and
 * to the instance of the template's parent ("vault" for "vmm") whose tag is `parent`.
 * When a parent ends for good its children are stopped first. A restarted instance keeps tag, label and arguments.
 */
#pragma once
#include <stdint.h>

#define CTL_VERSION 1u
#define CTL_NAME    32u
#define CTL_MAX_ARG 8192u

enum ctl_type { CTL_START = 1, CTL_STOP = 2, CTL_LIST = 3, CTL_EVENT = 16 };

struct ctl_id {
	char template[CTL_NAME]; /* "vault", "vmm" */
	uint64_t tag;            /* TVD number or VM number, not 0 */
};

struct ctl_start {
	uint32_t version; /* CTL_VERSION */
	uint32_t
		arg_len; /* bytes behind this struct, <= CTL_MAX_ARG: the instance's start_info()->arg */
	struct ctl_id id;
	uint64_t parent;         /* tag of the parent instance; 0 if the template has none */
	char instance[CTL_NAME]; /* label: "tvd-a", "vm-web" */
	uint64_t mem_mib; /* start_info()->mem_size (guest memory); 0: what the template says */
};

enum ctl_state {
	CTL_RUNNING = 1,
	CTL_RESTARTING = 2, /* died, starts again after its back-off */
	CTL_ENDED = 3,      /* ended and its template says so be it; stays listed until CTL_STOP */
};

struct ctl_item {
	struct ctl_id id;
	uint64_t parent;
	char instance[CTL_NAME];
	uint32_t state;    /* enum ctl_state */
	uint32_t restarts; /* so far */
	int32_t code;      /* with CTL_ENDED: what main() returned; -1: died of a fault */
	uint32_t pad;
};

enum ctl_event_kind {
	CTL_STARTED = 1, /* also after a restart */
	CTL_DIED = 2,    /* fault or non-zero exit of what is restarted */
	CTL_FINISHED = 3 /* now CTL_ENDED: code as in ctl_item */
};

struct ctl_event {
	struct ctl_id id;
	char instance[CTL_NAME];
	uint32_t kind; /* enum ctl_event_kind */
	int32_t code;
	uint32_t restarts;
	uint32_t pad;
};

_Static_assert(sizeof(struct ctl_id) == 40, "ctl_id");
_Static_assert(sizeof(struct ctl_start) == 96, "ctl_start");
_Static_assert(sizeof(struct ctl_item) == 96, "ctl_item");
_Static_assert(sizeof(struct ctl_event) == 88, "ctl_event");
