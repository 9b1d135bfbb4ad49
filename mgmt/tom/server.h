// SPDX-License-Identifier: Apache-2.0
/* One server as the TOM knows it: the row of the database, and what follows from it. */
#pragma once
#include "mgmt/proto/binding.h"
#include "mgmt/proto/keys.h"
#include "mgmt/tom/tom.h"
#include "mgmt/tom/verify.h"

enum server_state { SERVER_NEW = 0, SERVER_ARMED, SERVER_BINDING, SERVER_BOUND };

struct server {
	char name[32];
	uint8_t id[16];
	char release[32];
	char next_release[32]; /* approved as well, not seen yet; "" if none */
	enum server_state state;
	uint8_t token[32];
	uint8_t record[BINDING_MAX]; /* the binding record's bytes */
	size_t record_size;
	uint8_t ak[512]; /* TPMT_PUBLIC; size 0 until enrolled */
	size_t ak_size;
	uint8_t srk[512];
	size_t srk_size;
	bool have_pcr7;
	uint8_t pcr7[32];
	int64_t reset_count;
	int64_t sequence; /* of the last signed command */
	int64_t iommu;    /* enum tmc_iommu as it last proved; -1: it never has */
	int64_t allow_no_iommu; /* when the operator allowed VMs there without one, seconds since 1970; 0: not */
};

/* May VMs be placed and run there? NULL, or why not and what to do. Valid until the next call. */
const char *server_refuses_vms(const struct server *s);

const char *server_state_name(enum server_state state);
bool server_load(struct tom *t, const char *name, struct server *s);
bool server_by_id(struct tom *t, const uint8_t id[16], struct server *s);
void server_set_state(struct tom *t, struct server *s, enum server_state state);
/* The server runs its next release now: that one counts from here on. */
void server_promote(struct tom *t, struct server *s);
/* Next command sequence, stored before it is used. */
uint64_t server_next_sequence(struct tom *t, struct server *s);

/* What its evidence must look like; binder is the caller's to fill. False: its release is unknown. */
bool server_expect(struct tom *t, const struct server *s, struct verify_expect *want);
/* PCR 12 of a server with this binding record and an empty command line (docs/boot.md). */
void server_pcr12(const struct server *s, uint8_t pcr[32]);
/*
 * Approvals of `release` for this server (kind disk: over PCR 11 as the loader leaves it; TVD: after "disk-open").
 * PCR 7 must be known. False: the release is unknown.
 */
bool server_approval(struct tom *t, const struct server *s, const char *release,
		     enum approval_kind kind, const uint8_t id[KEYS_ID], struct approval *out);
