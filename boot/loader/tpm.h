// SPDX-License-Identifier: Apache-2.0
/* The TPM as the loader needs it, through the TCG2 protocol. Every function refuses on failure. */
#pragma once
#include <stdint.h>
#include <stddef.h>
#include <efi.h>

/* Finds the TPM 2.0 that measured `image`, the loader's own; refuses without one and without an active SHA-256 bank. */
void tpm_start(const EFI_LOADED_IMAGE *image);

/* Extends PCR 11 and 12 of every other active bank with all-FF, so that nothing can be sealed or quoted to them. */
void tpm_cap_other_banks(void);

/* Hashes, logs under `name` (EV_EVENT_TAG) and extends PCR `pcr` with [data, data + size). */
void tpm_measure(const char *name, const void *data, size_t size, uint32_t pcr);

/* 32 random bytes from the TPM. */
void tpm_random(uint8_t out[32]);

/* Location of the firmware's log and of its last entry. Firmware repeats later events in the final events table. */
void tpm_log(const uint8_t **log, const uint8_t **last);
