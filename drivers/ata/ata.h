// SPDX-License-Identifier: Apache-2.0
/*
 * The first drive of one IDE channel (ATA/ATAPI-7, volume 1: commands; volume 2: registers, 5). Programmed I/O, polled
 * with sleeps, one command at a time: no DMA, so no memory that the device could reach; no line interrupt, which
 * this kernel does not have.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define ATA_SECTOR      512u
#define ATA_MAX_SECTORS 256u /* per command, with 28-bit addresses too */

struct ata {
	uint16_t command; /* first of eight ports */
	uint16_t control; /* one port */
	bool wide;        /* 48-bit addresses */
	uint64_t sectors;
};

/* All return NULL or what is wrong. */

/* Resets the channel and asks its first drive what it is; fills `wide` and `sectors`. */
const char *ata_begin(struct ata *a) __attribute__((warn_unused_result));
/* `count` sectors (1..ATA_MAX_SECTORS, inside the drive) from `lba`. A failure leaves the drive in need of ata_begin(). */
const char *ata_read(const struct ata *a, uint64_t lba, uint32_t count, void *to)
	__attribute__((warn_unused_result));
const char *ata_write(const struct ata *a, uint64_t lba, uint32_t count, const void *from)
	__attribute__((warn_unused_result));
/* What was written is on the medium. */
const char *ata_flush(const struct ata *a) __attribute__((warn_unused_result));
