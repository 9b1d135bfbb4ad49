// SPDX-License-Identifier: Apache-2.0
/* Writer of a crypto-agile event log with SHA-256 digests alone (PFP 1.06, section 10); boot/eventlog.h reads it. */
#pragma once
#include <stdint.h>

/* A log that holds its header record. */
void lab_log_open(void);

/* Appends a record; 0, or -1 when there is no room (nothing is written). */
int lab_log_append(uint32_t pcr, uint32_t type, const uint8_t digest[32], const void *data,
		   uint32_t size) __attribute__((warn_unused_result));

const uint8_t *lab_log_start(void);
const uint8_t *lab_log_last(void); /* the last record */
