// SPDX-License-Identifier: Apache-2.0
/* The few commands the broker sends by itself (TPM 2.0 Part 3: PCR_Extend 22.2, PCR_Read 22.4, GetCapability 30.2, FlushContext 28.4). */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "services/tpm/tpm.h"

struct chip {
	/* One command, one response of at most TPM_CMD_MAX bytes: 0 and *size, or -1. */
	int (*exchange)(void *arg, const uint8_t *command, size_t n, uint8_t *response,
			size_t *size);
	void *arg;
	uint8_t response[TPM_CMD_MAX];
};

/* All return 0, or -1: no answer, or a response code other than success. */
int chip_extend(struct chip *c, uint32_t pcr, const uint8_t digest[32]);
int chip_pcr(struct chip *c, uint32_t pcr, uint8_t value[32]);
/* Flushes every transient object and every loaded or saved session. *flushed: how many. */
int chip_flush_all(struct chip *c, unsigned *flushed);
