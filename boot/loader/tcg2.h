// SPDX-License-Identifier: Apache-2.0
/*
 * EFI TCG2 protocol, written from the TCG EFI Protocol Specification, family 2.0, revision 00.13.
 * Section 6 is the protocol, section 7 the final events table.
 */
#pragma once
#include <efi.h>

#define EFI_TCG2_PROTOCOL_GUID                                         \
	{                                                              \
		0x607f766c, 0x7455, 0x42be,                            \
		{                                                      \
			0x93, 0x0b, 0xe4, 0xd7, 0x6d, 0xb2, 0x72, 0x0f \
		}                                                      \
	}
#define EFI_TCG2_FINAL_EVENTS_TABLE_GUID                               \
	{                                                              \
		0x1e2ed096, 0x30e2, 0x4254,                            \
		{                                                      \
			0xbd, 0x89, 0x86, 0x3b, 0xbe, 0xf8, 0x23, 0x25 \
		}                                                      \
	}

/* Bits of the bank bitmaps (EFI_TCG2_EVENT_ALGORITHM_BITMAP). */
enum tcg2_bank {
	TCG2_BANK_SHA1 = 0x01,
	TCG2_BANK_SHA256 = 0x02,
	TCG2_BANK_SHA384 = 0x04,
	TCG2_BANK_SHA512 = 0x08,
	TCG2_BANK_SM3 = 0x10,
};

enum { TCG2_EVENT_LOG_FORMAT_2 = 2, TCG2_EVENT_HEADER_VERSION = 1 };

typedef struct {
	UINT8 Major;
	UINT8 Minor;
} EFI_TCG2_VERSION;

typedef struct {
	UINT8 Size; /* of this structure; the caller sets it */
	EFI_TCG2_VERSION StructureVersion;
	EFI_TCG2_VERSION ProtocolVersion;
	UINT32 HashAlgorithmBitmap;
	UINT32 SupportedEventLogs;
	BOOLEAN TPMPresentFlag;
	UINT16 MaxCommandSize;
	UINT16 MaxResponseSize;
	UINT32 ManufacturerID;
	UINT32 NumberOfPcrBanks;
	UINT32 ActivePcrBanks;
} EFI_TCG2_BOOT_SERVICE_CAPABILITY;

typedef struct {
	UINT32 HeaderSize;
	UINT16 HeaderVersion;
	UINT32 PCRIndex;
	UINT32 EventType;
} __attribute__((packed)) EFI_TCG2_EVENT_HEADER;

typedef struct {
	UINT32 Size; /* of this structure and the event data that follows it */
	EFI_TCG2_EVENT_HEADER Header;
} __attribute__((packed)) EFI_TCG2_EVENT;

typedef struct {
	UINT64 Version; /* 1 */
	UINT64 NumberOfEvents;
	UINT8 Event[]; /* TCG_PCR_EVENT2 */
} EFI_TCG2_FINAL_EVENTS_TABLE;

typedef struct EFI_TCG2_PROTOCOL EFI_TCG2_PROTOCOL;
struct EFI_TCG2_PROTOCOL {
	EFI_STATUS(EFIAPI *GetCapability)
	(EFI_TCG2_PROTOCOL *This, EFI_TCG2_BOOT_SERVICE_CAPABILITY *Capability);
	EFI_STATUS(EFIAPI *GetEventLog)
	(EFI_TCG2_PROTOCOL *This, UINT32 Format, EFI_PHYSICAL_ADDRESS *Location,
	 EFI_PHYSICAL_ADDRESS *LastEntry, BOOLEAN *Truncated);
	EFI_STATUS(EFIAPI *HashLogExtendEvent)
	(EFI_TCG2_PROTOCOL *This, UINT64 Flags, EFI_PHYSICAL_ADDRESS Data, UINT64 DataSize,
	 EFI_TCG2_EVENT *Event);
	EFI_STATUS(EFIAPI *SubmitCommand)
	(EFI_TCG2_PROTOCOL *This, UINT32 CommandSize, UINT8 *Command, UINT32 ResponseSize,
	 UINT8 *Response);
	EFI_STATUS(EFIAPI *GetActivePcrBanks)(EFI_TCG2_PROTOCOL *This, UINT32 *Banks);
	EFI_STATUS(EFIAPI *SetActivePcrBanks)(EFI_TCG2_PROTOCOL *This, UINT32 Banks);
	EFI_STATUS(EFIAPI *GetResultOfSetActivePcrBanks)
	(EFI_TCG2_PROTOCOL *This, UINT32 *Present, UINT32 *Response);
};

_Static_assert(sizeof(EFI_TCG2_BOOT_SERVICE_CAPABILITY) == 36, "capability");
_Static_assert(sizeof(EFI_TCG2_EVENT_HEADER) == 14, "event header");
_Static_assert(sizeof(EFI_TCG2_EVENT) == 18, "event");

/*
 * The protocol by which `image` (the loader) was measured before it ran; NULL without one. The release asks the
 * firmware (boot/loader/release). In the laboratory the loader brings its own and plays the firmware's
 * part: it measures itself (boot/loader/lab).
 */
EFI_TCG2_PROTOCOL *tcg2_find(const EFI_LOADED_IMAGE *image);
