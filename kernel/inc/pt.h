// SPDX-License-Identifier: Apache-2.0
/* Portals and the calls through them. */
#pragma once
#include "kernel/inc/ec.h"

struct pt {
	struct obj obj;
	struct ec *ec; /* NULL: gone */
	struct list ec_link;
	struct list fault_users; /* struct ec.fault_link */
	uint64_t ip;
	uint64_t id;
};

enum reap_result pt_reap(struct pt *pt);

/* Sends the exception of the current thread e to its fault portal: false: it has none that can take it. */
bool ipc_send_fault(struct ec *e, uint64_t vector, uint64_t error, uint64_t cr2);

/* One queued caller of a thread that became free (status S_OK: its call is run again) or that dies. */
bool ipc_release_caller(struct ec *handler, enum status s);
