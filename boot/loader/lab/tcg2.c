// SPDX-License-Identifier: Apache-2.0
/*
 * Laboratory: the TCG2 protocol over a TPM at a serial port, for firmware that has none, and the measurements that
 * such firmware would have made. Only the SHA-256 bank is extended and logged. What goes into PCR 0 and 4
 * says "laboratory", so no value of a release can come of it.
 */
#include "boot/loader/firmware.h"
#include "boot/loader/lab/log.h"
#include "boot/loader/lab/own_image.h"
#include "boot/loader/lab/serial.h"
#include "boot/loader/print.h"
#include "boot/loader/sha256.h"
#include "boot/loader/tcg2.h"
#include "boot/loader/tpm_command.h"
#include "boot/eventlog.h"

enum { DIGEST = 32, PCR_VERSION = 0, PCR_IMAGE = 4, FIRMWARE_PCRS = 8 };

static const char version_text[] = "Redoubt laboratory: firmware that measures nothing";
static const char calling_text[] = "Redoubt laboratory: the loader measures itself";

/* Sends the command of `length` bytes and leaves the response in place of it; whether the TPM answered with success. */
static int run(uint8_t command[TPM_COMMAND_MAX], uint32_t length)
{
	uint8_t response[TPM_COMMAND_MAX];

	if (serial_tpm_exchange(command, length, response, sizeof(response)) ||
	    tpm_response_code(response))
		return 0;
	for (uint32_t i = 0; i < sizeof(response); i++)
		command[i] = response[i];
	return 1;
}

static EFI_STATUS extend(uint32_t pcr, uint32_t type, const uint8_t digest[DIGEST],
			 const void *data, uint32_t size)
{
	uint8_t command[TPM_COMMAND_MAX];

	if (lab_log_append(pcr, type, digest, data, size))
		return EFI_VOLUME_FULL;
	if (!run(command, tpm_extend_command(command, pcr, TPM_ALG_SHA256, digest, DIGEST)))
		return EFI_DEVICE_ERROR;
	return EFI_SUCCESS;
}

/* TPML_PCR_SELECTION behind header, moreData and capability: algorithm, size and bitmap of the PCRs of each bank. */
static uint32_t active_banks(const uint8_t *response)
{
	static const uint16_t alg[] = { TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384,
					TPM_ALG_SHA512 };
	const uint8_t *p = response + TPM_HEADER + 1 + 4 + 4;
	const uint8_t *end = response + tpm_response_size(response);
	uint32_t banks = 0;

	for (; p + 3 <= end && p + 3 + p[2] <= end; p += 3 + p[2])
		for (uint32_t i = 0; i < sizeof(alg) / sizeof(alg[0]); i++)
			if (alg[i] == (p[0] << 8 | p[1]) && p[2] && p[3])
				banks |= 1u << i; /* enum tcg2_bank has the same order */
	return banks;
}

static EFI_STATUS EFIAPI get_capability(EFI_TCG2_PROTOCOL *self,
					EFI_TCG2_BOOT_SERVICE_CAPABILITY *c)
{
	uint8_t command[TPM_COMMAND_MAX];

	(void)self;
	if (!run(command, tpm_banks_command(command)))
		return EFI_DEVICE_ERROR;
	c->StructureVersion = (EFI_TCG2_VERSION){ 1, 1 };
	c->HashAlgorithmBitmap = TCG2_BANK_SHA256;
	c->TPMPresentFlag = 1;
	c->ActivePcrBanks = active_banks(command);
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI get_event_log(EFI_TCG2_PROTOCOL *self, UINT32 format,
				       EFI_PHYSICAL_ADDRESS *log, EFI_PHYSICAL_ADDRESS *last,
				       BOOLEAN *truncated)
{
	(void)self;
	if (format != TCG2_EVENT_LOG_FORMAT_2)
		return EFI_INVALID_PARAMETER;
	*log = (uintptr_t)lab_log_start();
	*last = (uintptr_t)lab_log_last();
	*truncated = 0;
	return EFI_SUCCESS;
}

static EFI_STATUS EFIAPI hash_log_extend(EFI_TCG2_PROTOCOL *self, UINT64 flags,
					 EFI_PHYSICAL_ADDRESS data, UINT64 size,
					 EFI_TCG2_EVENT *event)
{
	uint8_t digest[DIGEST];

	(void)self;
	if (flags || event->Size < sizeof(*event))
		return EFI_INVALID_PARAMETER;
	sha256((const void *)data, size, digest);
	return extend(event->Header.PCRIndex, event->Header.EventType, digest, event + 1,
		      event->Size - (uint32_t)sizeof(*event));
}

static EFI_STATUS EFIAPI submit_command(EFI_TCG2_PROTOCOL *self, UINT32 length, UINT8 *command,
					UINT32 size, UINT8 *response)
{
	(void)self;
	return serial_tpm_exchange(command, length, response, size) ? EFI_DEVICE_ERROR
								    : EFI_SUCCESS;
}

static EFI_TCG2_PROTOCOL serial_tcg2 = {
	.GetCapability = get_capability,
	.GetEventLog = get_event_log,
	.HashLogExtendEvent = hash_log_extend,
	.SubmitCommand = submit_command,
};

static void need(EFI_STATUS status, const char *where)
{
	if (EFI_ERROR(status))
		refuse("the laboratory's TPM does not extend its PCRs", where,
		       "look at the relay between the emulator and swtpm");
}

static void measure_text(uint32_t pcr, uint32_t type, const void *data, uint32_t size)
{
	uint8_t digest[DIGEST];

	sha256(data, size, digest);
	need(extend(pcr, type, digest, data, size), "firmware's part of the event log");
}

static void measure_own_image(const EFI_LOADED_IMAGE *image)
{
	struct image_load_event event = { .base = (uintptr_t)image->ImageBase,
					  .size = image->ImageSize };
	uint8_t digest[DIGEST];

	own_image_digest(image, digest);
	need(extend(PCR_IMAGE, EV_EFI_BOOT_SERVICES_APPLICATION, digest, &event, sizeof(event)),
	     "the loader's own image, PCR 4");
}

static void power_on(void)
{
	uint8_t command[TPM_COMMAND_MAX];

	serial_tpm_start();
	if (!run(command, tpm_startup_command(command)))
		refuse("the laboratory's TPM does not start", "TPM2_Startup(CLEAR)",
		       "reset the TPM together with the machine and look at the relay");
}

EFI_TCG2_PROTOCOL *tcg2_find(const EFI_LOADED_IMAGE *image)
{
	static const uint8_t separator[4];

	say("redoubt: LABORATORY loader, TPM at the third serial port\n");
	power_on();
	lab_log_open();
	measure_text(PCR_VERSION, EV_S_CRTM_VERSION, version_text, sizeof(version_text) - 1);
	measure_text(PCR_IMAGE, EV_EFI_ACTION, calling_text, sizeof(calling_text) - 1);
	for (uint32_t pcr = 0; pcr < FIRMWARE_PCRS; pcr++)
		measure_text(pcr, EV_SEPARATOR, separator, sizeof(separator));
	measure_own_image(image);
	return &serial_tcg2;
}
