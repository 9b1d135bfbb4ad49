// SPDX-License-Identifier: Apache-2.0
/* The loader's own file, as firmware measures it before it starts it. */
#pragma once
#include <efi.h>
#include <stdint.h>

/* Fixed part of EFI_IMAGE_LOAD_EVENT, the event data of a started image (PFP 1.06, 10.2.3). */
struct image_load_event {
	uint64_t base;        /* physical */
	uint64_t size;        /* bytes in memory */
	uint64_t link_time;   /* address it was linked to; 0 here */
	uint64_t path_length; /* bytes of the device path that follows; 0 here */
};

/* Reads the file that `image` was loaded from; digest[] is its Authenticode digest. Refuses to boot if that cannot be done. */
void own_image_digest(const EFI_LOADED_IMAGE *image, uint8_t digest[32]);
