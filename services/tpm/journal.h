// SPDX-License-Identifier: Apache-2.0
/*
 * Journal of the PCR extensions at run time: the run-time log, and what is needed so that the log and the PCRs tell the same
 * although the broker may die between any two instructions. It lives in memory that survives the broker (start_info()->kept_va).
 *
 * Order of an extension: the record is written behind the log's end with the PCR's value before it; the PCR is extended; the
 * log's size moves over the record. A broker that finds a record in between compares the PCR with both possibilities.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/tpm/tpm.h"

#define JOURNAL_CLIENTS 2u /* those who extend: policy, disk */

/* How the journal reaches the PCRs; 0 or -1. */
struct journal_pcrs {
	int (*read)(void *arg, uint32_t pcr, uint8_t value[32]);
	int (*extend)(void *arg, uint32_t pcr, const uint8_t digest[32]);
	void (*sha256)(const void *a, size_t na, const void *b, size_t nb, uint8_t out[32]);
	void *arg;
};

struct journal_last { /* a client's last extension before the broker died */
	uint64_t id;
	uint64_t number;
	uint8_t digest[32];
	uint32_t valid;
	uint32_t pad;
};

struct journal_head {
	uint64_t magic;
	uint32_t version;
	uint32_t lost;    /* a PCR and the log disagree: only a reboot mends that */
	uint64_t boot_id; /* of the boot in which it was begun */
	uint64_t size;    /* bytes of the log */
	uint64_t count;   /* records in it */
	uint32_t pending; /* bytes of the record behind the end; 0: none */
	uint32_t pending_pcr;
	uint32_t pending_client;
	uint32_t pad;
	uint64_t pending_id;
	uint8_t pending_digest[32];
	uint8_t before[32]; /* value of pending_pcr before the extension */
	struct journal_last last[JOURNAL_CLIENTS];
};

struct journal {
	struct journal_head *head; /* at the start of the kept memory */
	uint8_t *log;
	size_t capacity; /* bytes of the log at most */
	struct journal_pcrs pcrs;
	bool again
		[JOURNAL_CLIENTS]; /* last[] is of an earlier run, and the client has not extended since */
};

enum journal_result { JOURNAL_OK = 0, JOURNAL_FULL, JOURNAL_TPM, JOURNAL_LOST, JOURNAL_CONTENT };

/*
 * Opens or begins the journal in `memory` (8-byte aligned). Settles an extension that was under way. JOURNAL_LOST: the log is
 * kept but does not match the PCR any more; it takes no further record.
 */
enum journal_result journal_open(struct journal *j, void *memory, size_t size, uint64_t boot_id,
				 const struct journal_pcrs *pcrs);

/* Extends and records. The same id and content as the client's last one before a restart: nothing is done. */
enum journal_result journal_extend(struct journal *j, unsigned client, uint64_t id, uint32_t pcr,
				   const uint8_t *content, size_t n, uint64_t *number);
