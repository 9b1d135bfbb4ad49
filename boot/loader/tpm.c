// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/tpm.h"
#include "boot/loader/firmware.h"
#include "boot/loader/mem.h"
#include "boot/loader/print.h"
#include "boot/loader/tcg2.h"
#include "boot/loader/tpm_command.h"
#include "boot/bundle.h"
#include "boot/eventlog.h"

enum { TPM_RANDOM = 32, MAX_DIGEST = 64, MAX_NAME = BUNDLE_NAME };

static EFI_TCG2_PROTOCOL *tcg2;
static uint32_t active_banks;

void tpm_start(const EFI_LOADED_IMAGE *image)
{
	EFI_TCG2_BOOT_SERVICE_CAPABILITY cap = { .Size = sizeof(cap) };
	const char *advice =
		"fit a TPM 2.0, or enable it (firmware TPM, PTT, fTPM) in the firmware setup";

	tcg2 = tcg2_find(image);
	if (!tcg2)
		refuse("this machine has no TPM 2.0", "the firmware offers no TCG2 protocol",
		       advice);
	if (EFI_ERROR(tcg2->GetCapability(tcg2, &cap)) || cap.StructureVersion.Major < 1)
		refuse("the TPM's capabilities cannot be read", "TCG2 GetCapability",
		       "update the firmware");
	if (!cap.TPMPresentFlag)
		refuse("this machine has no TPM 2.0", "TCG2 GetCapability: no TPM present", advice);
	active_banks = cap.ActivePcrBanks;
	if (!(active_banks & cap.HashAlgorithmBitmap & TCG2_BANK_SHA256))
		refuse("the TPM's SHA-256 PCR bank is not active",
		       "TCG2 GetCapability: active PCR banks",
		       "enable the SHA-256 bank in the firmware setup");
}

/* Sends a command; returns whether the TPM answered with success. */
static int submit(uint8_t *command, uint32_t length, uint8_t *response, uint32_t size)
{
	memset(response, 0xff, size);
	if (EFI_ERROR(tcg2->SubmitCommand(tcg2, length, command, size, response)))
		return 0;
	return tpm_response_size(response) <= size && tpm_response_code(response) == 0;
}

void tpm_random(uint8_t out[32])
{
	uint8_t command[TPM_COMMAND_MAX], response[TPM_COMMAND_MAX];
	uint32_t length = tpm_random_command(command, TPM_RANDOM);

	if (!submit(command, length, response, sizeof(response)) ||
	    tpm_response_size(response) != TPM_HEADER + 2 + TPM_RANDOM)
		refuse("the TPM gives no random numbers", "TPM2_GetRandom",
		       "power the machine off and on; "
		       "if it stays, replace the TPM");
	memcpy(out, response + TPM_HEADER + 2, TPM_RANDOM);
	memset(response, 0, sizeof(response));
}

static void cap_pcr(uint32_t alg, uint32_t digest_size, uint32_t pcr)
{
	uint8_t command[TPM_COMMAND_MAX], response[TPM_COMMAND_MAX], digest[MAX_DIGEST];

	memset(digest, 0xff, sizeof(digest));
	uint32_t length = tpm_extend_command(command, pcr, alg, digest, digest_size);

	if (!submit(command, length, response, sizeof(response)))
		refuse("a PCR bank other than SHA-256 cannot be capped", "TPM2_PCR_Extend",
		       "leave only the SHA-256 bank active in the firmware setup");
}

void tpm_cap_other_banks(void)
{
	static const struct {
		uint32_t bank, alg, digest_size;
		const char *name;
	} others[] = {
		{ TCG2_BANK_SHA1, TPM_ALG_SHA1, 20, "SHA-1" },
		{ TCG2_BANK_SHA384, TPM_ALG_SHA384, 48, "SHA-384" },
		{ TCG2_BANK_SHA512, TPM_ALG_SHA512, 64, "SHA-512" },
		{ TCG2_BANK_SM3, 0x12, 32, "SM3" },
	};

	for (uint32_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!(active_banks & others[i].bank))
			continue;
		cap_pcr(others[i].alg, others[i].digest_size, PCR_PARTS);
		cap_pcr(others[i].alg, others[i].digest_size, PCR_CONFIG);
		say("redoubt: PCR bank %s is active and not used: capped\n", others[i].name);
	}
}

void tpm_measure(const char *name, const void *data, size_t size, uint32_t pcr)
{
	static struct {
		EFI_TCG2_EVENT event;
		uint32_t tag, length;
		char name[MAX_NAME];
	} __attribute__((packed)) e;
	uint32_t length = 0;

	while (length < MAX_NAME && name[length])
		length++;
	e.event.Size = (uint32_t)offsetof(typeof(e), name) + length;
	e.event.Header.HeaderSize = sizeof(e.event.Header);
	e.event.Header.HeaderVersion = TCG2_EVENT_HEADER_VERSION;
	e.event.Header.PCRIndex = pcr;
	e.event.Header.EventType = EV_EVENT_TAG;
	e.tag = REDOUBT_EVENT_TAG;
	e.length = length;
	memcpy(e.name, name, length);
	EFI_STATUS status = tcg2->HashLogExtendEvent(tcg2, 0, (uintptr_t)data, size, &e.event);

	if (status == EFI_SUCCESS)
		return;
	say("redoubt: measuring %s into PCR %u: status %x\n", name, (uint64_t)pcr,
	    (uint64_t)status);
	refuse("a part could not be measured", "TCG2 HashLogExtendEvent (the part is named above)",
	       "clear the firmware's event log by a power cycle; if it stays, update the firmware");
}

void tpm_log(const uint8_t **log, const uint8_t **last)
{
	EFI_PHYSICAL_ADDRESS location = 0, entry = 0;
	BOOLEAN truncated = 0;

	if (EFI_ERROR(tcg2->GetEventLog(tcg2, TCG2_EVENT_LOG_FORMAT_2, &location, &entry,
					&truncated)) ||
	    !location || !entry)
		refuse("the event log cannot be read", "TCG2 GetEventLog, crypto-agile format",
		       "update the firmware");
	if (truncated)
		refuse("the event log is cut short: nobody could check what was started",
		       "TCG2 GetEventLog: truncated",
		       "remove option cards or drivers, or update the firmware");
	*log = (const uint8_t *)location;
	*last = (const uint8_t *)entry;
}
