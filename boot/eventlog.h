// SPDX-License-Identifier: Apache-2.0
/*
 * Reader of the TCG2 crypto-agile event log (TCG PC Client Platform Firmware Profile 1.06, section 10):
 * one TCG_PCClientPCREvent holding "Spec ID Event03", then TCG_PCR_EVENT2 records. Little-endian.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>

#define EVENTLOG_MAX_ALG 8u

enum event_type {
	EV_NO_ACTION = 0x3, /* not extended */
	EV_SEPARATOR = 0x4,
	EV_EVENT_TAG = 0x6,
	EV_S_CRTM_VERSION = 0x8,
	EV_EFI_BOOT_SERVICES_APPLICATION = 0x80000003u,
	EV_EFI_ACTION = 0x80000007u,
};

enum tpm_alg {
	TPM_ALG_SHA1 = 0x4,
	TPM_ALG_SHA256 = 0xb,
	TPM_ALG_SHA384 = 0xc,
	TPM_ALG_SHA512 = 0xd
};

/* EV_EVENT_TAG data of every part the loader measures: this tag, u32 length, the name in ASCII. */
#define REDOUBT_EVENT_TAG 0x54424452u /* "RDBT" */

enum redoubt_pcr {
	PCR_PARTS = 11,  /* kernel, manifest, components, then phase words */
	PCR_CONFIG = 12, /* binding, command line */
};

struct eventlog {
	const uint8_t *data; /* not owned */
	size_t size;
	size_t at; /* offset of the next record */
	uint32_t algs;
	uint16_t alg[EVENTLOG_MAX_ALG];
	uint16_t digest_size[EVENTLOG_MAX_ALG];
};

struct event {
	uint32_t pcr;
	uint32_t type;
	const uint8_t
		*sha256;     /* 32 bytes inside the log; NULL if the record has no SHA-256 digest */
	const uint8_t *data; /* inside the log */
	uint32_t size;       /* of data, bytes */
};

/* Reads the Spec ID record and stands at the first event. 0, or -1 if the log is not crypto-agile or is damaged. */
int eventlog_open(struct eventlog *log, const void *data, size_t size)
	__attribute__((warn_unused_result));

/* Next record: 1 and *e filled, 0 at the end, -1 if the record is damaged or cut short (log->at stays). */
int eventlog_next(struct eventlog *log, struct event *e) __attribute__((warn_unused_result));

/*
 * Name of a part the loader measured: pointer into the log and its length, or NULL if the event is not
 * ours. The name is a label only: identify a part by its digest.
 */
const char *eventlog_part_name(const struct event *e, uint32_t *length);
