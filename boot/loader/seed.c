// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/seed.h"
#include "boot/loader/firmware.h"
#include "boot/loader/tpm.h"

static void mix_firmware(uint8_t seed[BOOTINFO_SEED])
{
	EFI_GUID guid = EFI_RNG_PROTOCOL_GUID;
	EFI_RNG_PROTOCOL *rng;
	uint8_t bytes[BOOTINFO_SEED];

	if (EFI_ERROR(BOOT->LocateProtocol(&guid, NULL, (void **)&rng)) ||
	    EFI_ERROR(rng->GetRNG(rng, NULL, sizeof(bytes), bytes)))
		return;
	for (uint32_t i = 0; i < BOOTINFO_SEED; i++) {
		seed[i] ^= bytes[i];
		((volatile uint8_t *)bytes)[i] = 0;
	}
}

void seed_fill(uint8_t seed[BOOTINFO_SEED])
{
	for (uint32_t i = 0; i < BOOTINFO_SEED; i += 32)
		tpm_random(seed + i);
	mix_firmware(seed);
}
