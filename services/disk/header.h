// SPDX-License-Identifier: Apache-2.0
/* The two copies of the disk header: which is valid, and how a change reaches the disk so that a power cut leaves one intact. */
#pragma once
#include "services/disk/device.h"
#include "services/disk/layout.h"
#include "services/disk/secret.h"

enum header_state {
	HEADER_INTACT = 0,
	HEADER_BLANK, /* copy A is zero and copy B not intact: never formatted, or the format was cut short */
	HEADER_DAMAGED, /* neither */
	HEADER_VERSION, /* a version this code does not know */
	HEADER_IO,
};

/* One block is a header: HEADER_INTACT, _VERSION or _DAMAGED (its SHA-256 or a field is wrong). */
enum header_state header_check(const struct disk_header *h);

/* Reads both copies; the valid one to *h. */
enum header_state header_read(const struct device *d, struct disk_header *h);

/* The header was written by who has this disk key. */
int header_authentic(const struct disk_header *h, const uint8_t key[DISK_KEY]);

/*
 * Writes the next version of the header: sequence, MAC and sum are filled in. A header whose sequence is 0 is written to both copies.
 * 0, or -1: the device failed, and the header on the disk is the old or the new one.
 */
int header_write(const struct device *d, struct disk_header *h, const uint8_t key[DISK_KEY]);
