// SPDX-License-Identifier: Apache-2.0
/* The release's TPM: the firmware's, which has measured this image already. */
#include "boot/loader/firmware.h"
#include "boot/loader/tcg2.h"

EFI_TCG2_PROTOCOL *tcg2_find(const EFI_LOADED_IMAGE *image)
{
	EFI_GUID guid = EFI_TCG2_PROTOCOL_GUID;
	EFI_TCG2_PROTOCOL *tcg2;

	(void)image;
	return EFI_ERROR(BOOT->LocateProtocol(&guid, NULL, (void **)&tcg2)) ? NULL : tcg2;
}
