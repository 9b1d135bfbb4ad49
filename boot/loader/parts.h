// SPDX-License-Identifier: Apache-2.0
/* Boot parts: found, measured, and listed for the kernel, in this order and nothing in between. */
#pragma once
#include "boot/bootinfo.h"
#include "boot/loader/firmware.h"

/* Finds the bundle in the loader's own image and refuses if it is damaged. */
const void *parts_bundle(const EFI_LOADED_IMAGE *image);

/* Measures all parts of the bundle (PCR 11), then binding and command line (PCR 12), and fills part[]. */
void parts_measure(struct bootinfo *info, const void *bundle, EFI_HANDLE device);
