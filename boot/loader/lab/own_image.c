// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/lab/own_image.h"
#include "boot/loader/esp.h"
#include "boot/loader/firmware.h"
#include "boot/loader/print.h"
#include "boot/loader/sha256.h"

enum {
	DOS_PE_OFFSET = 0x3c,
	PE_CHECKSUM = 88,      /* from the signature, PE32+ */
	PE_CERTIFICATES = 168, /* data directory entry: offset and size */
	CHECKSUM_SIZE = 4,
	CERTIFICATES_SIZE = 8,
	MAX_HEADERS = 4096,
};

static _Noreturn void unreadable(void)
{
	refuse("the loader cannot read its own file to measure it", "EFI system partition",
	       "write the boot medium again");
}

static CHAR16 *own_path(const EFI_LOADED_IMAGE *image)
{
	const EFI_DEVICE_PATH *node = image->FilePath;

	if (!node || DevicePathType(node) != MEDIA_DEVICE_PATH ||
	    DevicePathSubType(node) != MEDIA_FILEPATH_DP)
		unreadable();
	return ((FILEPATH_DEVICE_PATH *)(uintptr_t)node)->PathName;
}

static uint8_t *read_whole(EFI_FILE_HANDLE file, size_t *size)
{
	UINT64 bytes;
	UINTN got;

	if (EFI_ERROR(file->SetPosition(file, UINT64_MAX)) || /* the end */
	    EFI_ERROR(file->GetPosition(file, &bytes)) || EFI_ERROR(file->SetPosition(file, 0)))
		unreadable();
	uint8_t *data = alloc_pages(pages_of(bytes));

	got = bytes;
	if (EFI_ERROR(file->Read(file, &got, data)) || got != bytes)
		unreadable();
	*size = bytes;
	return data;
}

/* Moves [data, data + length) up by `by` bytes. */
static void move_up(uint8_t *data, size_t length, size_t by)
{
	while (length--)
		data[length + by] = data[length];
}

/*
 * "Windows Authenticode Portable Executable Signature Format": an unsigned image that its sections fill, in order, is
 * hashed whole but for checksum and certificate entry. What stands before those is moved over them.
 */
static const uint8_t *close_gaps(uint8_t *data, size_t size)
{
	size_t pe = size > MAX_HEADERS ? data[DOS_PE_OFFSET] | (size_t)data[DOS_PE_OFFSET + 1] << 8
				       : MAX_HEADERS;

	if (pe + PE_CERTIFICATES + CERTIFICATES_SIZE > MAX_HEADERS)
		unreadable();
	move_up(data, pe + PE_CERTIFICATES, CERTIFICATES_SIZE);
	data += CERTIFICATES_SIZE;
	move_up(data, pe + PE_CHECKSUM, CHECKSUM_SIZE);
	return data + CHECKSUM_SIZE;
}

void own_image_digest(const EFI_LOADED_IMAGE *image, uint8_t digest[32])
{
	EFI_FILE_HANDLE root = esp_root(image->DeviceHandle), file;
	size_t size;

	if (!root || EFI_ERROR(root->Open(root, &file, own_path(image), EFI_FILE_MODE_READ, 0)))
		unreadable();
	uint8_t *data = read_whole(file, &size);

	sha256(close_gaps(data, size), size - CHECKSUM_SIZE - CERTIFICATES_SIZE, digest);
	BOOT->FreePages((uintptr_t)data, pages_of(size));
	file->Close(file);
	root->Close(root);
}
