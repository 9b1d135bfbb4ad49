// SPDX-License-Identifier: Apache-2.0
/*
 * Appraisal of a server's evidence against what the TOM knows of it. No system calls, no state: the same evidence and
 * expectations always give the same verdict, so stored evidence can be judged again at any time. Parts are known by
 * their digests; names in logs only label messages.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "mgmt/proto/msg.h"
#include "mgmt/tom/tpm_types.h"

#define VERIFY_PARTS 64u
#define VERIFY_PCRS  16u /* PCR 0 to 15 are quoted and replayed */

struct verify_part {
	char name[32];
	uint8_t digest[32];
};

struct verify_expect {
	const char *release; /* its name, for messages */
	uint8_t binder[32];  /* the quote's extraData */
	struct tpm_ecc_key ak;
	uint8_t pcr4[32];
	uint8_t record[32];  /* SHA-256 of the binding record */
	uint8_t cmdline[32]; /* SHA-256 of the kernel command line */
	bool know_pcr7;
	uint8_t pcr7[32];
	uint64_t reset_count; /* last seen */
	size_t part_count;
	struct verify_part parts[VERIFY_PARTS]; /* in bundle order */
};

struct verdict {
	bool good;
	char text[200];               /* why not: which PCR, which event, which part; "" if good */
	uint8_t pcr[VERIFY_PCRS][32]; /* replayed */
	uint8_t loaded_pcr11[32];     /* PCR 11 as the loader left it */
	uint64_t reset_count;
	unsigned boot_events;
	unsigned run_records;
	bool disk_open; /* the word "disk-open" is in PCR 11 */
};

/* The logs alone: replayed into v->pcr, each event against the release. True if all of it is as it must be. */
bool verify_logs(const struct verify_expect *want, const struct tmc_evidence *got,
		 struct verdict *v);
void verify_evidence(const struct verify_expect *want, const struct tmc_evidence *got,
		     struct verdict *v);
