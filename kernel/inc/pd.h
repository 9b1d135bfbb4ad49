// SPDX-License-Identifier: Apache-2.0
/* Protection domains: a capability table, a host address space, I/O ports, and the account that pays for it all. */
#pragma once
#include "kernel/inc/kmem.h"
#include "kernel/inc/obj.h"
#include "kernel/inc/space.h"

enum {
	PD_NEST_MAX = 16,
	CAP_PAGES = 512,
	IO_BITMAP_FRAMES = 2,
};

struct pd {
	struct obj obj; /* acct: the domain whose quota gave the frames; NULL for root */
	struct account account;
	struct space space;
	struct slot **caps;            /* CAP_PAGES pointers to pages of slots */
	uint8_t *io[IO_BITMAP_FRAMES]; /* 1 = denied; NULL: no ports */
	struct list objects;           /* struct obj.acct_link: what its account pays for */
	uint32_t origins;              /* first capabilities of objects in its table */
	uint32_t nest;                 /* domains above it */
	uint32_t max_prio;
	uint32_t sweep; /* next selector to clear when dying */
	char name[NAME_BYTES];
};

/* A domain whose own frames come from its own account of that quota; NULL: the pool has none (root only). */
struct pd *pd_create(struct pd *parent, uint64_t frames, uint32_t max_prio);
enum reap_result pd_reap(struct pd *pd);

/* Gives I/O ports [first, first+count): S_BUSY if the domain has one of them already, S_NO_KMEM; and takes them. */
enum status pd_allow_ports(struct pd *pd, uint64_t first, uint64_t count);
void pd_deny_ports(struct pd *pd, uint64_t first, uint64_t count);
