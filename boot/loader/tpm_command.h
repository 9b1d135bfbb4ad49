// SPDX-License-Identifier: Apache-2.0
/* The few TPM commands that a boot needs, as bytes (TPM 2.0 Library, part 3; section beside each). Integers are big-endian. */
#pragma once
#include <stdint.h>

enum {
	TPM_HEADER = 10, /* tag, size, command or response code */
	TPM_COMMAND_MAX =
		128, /* bytes of any command made here, and of its response unless said otherwise */
};

/* Each writes a whole command and returns its length. */
uint32_t tpm_startup_command(uint8_t *command);                /* 9.3: TPM2_Startup(CLEAR) */
uint32_t tpm_random_command(uint8_t *command, uint32_t bytes); /* 16.1: TPM2_GetRandom */
/* 22.2: TPM2_PCR_Extend of one bank, empty password; `size` is that of the bank's digests. */
uint32_t tpm_extend_command(uint8_t *command, uint32_t pcr, uint32_t alg, const uint8_t *digest,
			    uint32_t size);
/* 30.2: TPM2_GetCapability(TPM_CAP_PCRS); the response is at most TPM_COMMAND_MAX bytes with eight banks. */
uint32_t tpm_banks_command(uint8_t *command);

/* Fields of a whole response header. */
uint32_t tpm_response_size(const uint8_t *response);
uint32_t tpm_response_code(const uint8_t *response); /* 0: success */
