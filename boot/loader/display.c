// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/display.h"
#include "boot/loader/firmware.h"

void display_find(struct boot_fb *fb)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;

	if (EFI_ERROR(BOOT->LocateProtocol(&guid, NULL, (void **)&gop)) || !gop->Mode ||
	    !gop->Mode->Info)
		return;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode = gop->Mode->Info;

	if (mode->PixelFormat != PixelBlueGreenRedReserved8BitPerColor &&
	    mode->PixelFormat != PixelRedGreenBlueReserved8BitPerColor)
		return;
	fb->base = gop->Mode->FrameBufferBase;
	fb->width = mode->HorizontalResolution;
	fb->height = mode->VerticalResolution;
	fb->stride = mode->PixelsPerScanLine;
	fb->format = mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor;
}
