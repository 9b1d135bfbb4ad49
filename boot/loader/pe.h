// SPDX-License-Identifier: Apache-2.0
/* Section table of a PE32+ image as it lies in memory (Microsoft PE/COFF specification, sections 2 to 4). */
#pragma once
#include <stdint.h>
#include <stddef.h>

/*
 * Finds the section `name` (at most 8 characters) of the image loaded at [image, image + size): 0 with
 * *data pointing into the image and *length its VirtualSize, or -1 if there is none or a header is damaged.
 */
int pe_section(const void *image, size_t size, const char *name, const void **data, size_t *length)
	__attribute__((warn_unused_result));
