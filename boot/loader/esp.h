// SPDX-License-Identifier: Apache-2.0
/* Files of the EFI system partition that the loader was started from. */
#pragma once
#include "boot/loader/firmware.h"

#define ESP_MAX_FILE (64u << 10)

/* Root folder of the file system on `device`, or NULL; the caller closes it. */
EFI_FILE_HANDLE esp_root(EFI_HANDLE device);

/*
 * Reads `path` whole into fresh pages: *data and *size. A file that is not there gives size 0. One that
 * cannot be read, or is larger than ESP_MAX_FILE, refuses to boot.
 */
void esp_read(EFI_HANDLE device, CHAR16 *path, void **data, size_t *size);
