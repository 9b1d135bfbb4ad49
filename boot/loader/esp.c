// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/esp.h"
#include "boot/loader/print.h"

EFI_FILE_HANDLE esp_root(EFI_HANDLE device)
{
	EFI_GUID guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root;

	if (EFI_ERROR(BOOT->HandleProtocol(device, &guid, (void **)&volume)))
		return NULL;
	return EFI_ERROR(volume->OpenVolume(volume, &root)) ? NULL : root;
}

/* Asks for one byte more than is allowed: a larger file shows without its size being asked for. */
static EFI_STATUS read_file(EFI_FILE_HANDLE file, void **data, size_t *size)
{
	UINTN bytes = ESP_MAX_FILE + 1;
	EFI_STATUS status;

	*data = alloc_pages(pages_of(bytes));
	status = file->Read(file, &bytes, *data);
	*size = bytes;
	return !EFI_ERROR(status) && bytes > ESP_MAX_FILE ? EFI_BAD_BUFFER_SIZE : status;
}

void esp_read(EFI_HANDLE device, CHAR16 *path, void **data, size_t *size)
{
	EFI_FILE_HANDLE root = esp_root(device), file;
	EFI_STATUS status =
		root ? root->Open(root, &file, path, EFI_FILE_MODE_READ, 0) : EFI_NOT_FOUND;

	*size = 0;
	*data = NULL;
	if (!EFI_ERROR(status)) {
		status = read_file(file, data, size);
		file->Close(file);
	} else if (status == EFI_NOT_FOUND) {
		*data = alloc_pages(1);
		status = EFI_SUCCESS;
	}
	if (root)
		root->Close(root);
	if (EFI_ERROR(status))
		refuse("a boot configuration file cannot be read or is larger than 64 KiB",
		       "\\redoubt\\binding or \\redoubt\\cmdline on the EFI system partition",
		       "write the boot medium again");
}
