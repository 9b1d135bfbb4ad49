// SPDX-License-Identifier: Apache-2.0
/* The kernel's first randomness. */
#pragma once
#include "boot/bootinfo.h"

/* Fills seed[]: the TPM's generator, XORed with the firmware's (EFI_RNG) where there is one. */
void seed_fill(uint8_t seed[BOOTINFO_SEED]);
