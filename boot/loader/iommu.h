// SPDX-License-Identifier: Apache-2.0
/*
 * The IOMMUs, as ACPI lists them. Two tables, one parser each, both of bytes that firmware wrote: DMAR (Intel VT-d specification, 8) and
 * IVRS (AMD IOMMU specification, 5.2). The parsers read nothing outside [table, table + size) and need no environment: the unit test and the
 * fuzzer run them.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "boot/bootinfo.h"

enum iommu_table_error {
	IOMMU_TABLE_OK = 0,
	IOMMU_TABLE_SHORT, /* shorter than its own length field, or a structure reaches over its end */
	IOMMU_TABLE_CHECKSUM,  /* the bytes do not add up to 0 */
	IOMMU_TABLE_REGISTERS, /* a unit without a page-aligned register address */
	IOMMU_TABLE_MANY,      /* more than BOOTINFO_MAX_IOMMU units: one of them would stay off */
};

/* Fill the iommu_* fields. On an error they say that there is none: half of the units protect nobody. */
enum iommu_table_error dmar_read(const uint8_t *table, size_t size, struct bootinfo *info)
	__attribute__((warn_unused_result));
enum iommu_table_error ivrs_read(const uint8_t *table, size_t size, struct bootinfo *info)
	__attribute__((warn_unused_result));

/* The error in words. */
const char *iommu_table_error(enum iommu_table_error error);

/* Finds the tables from info->rsdp in the machine's memory, reads them, says what is there. */
void iommus_list(struct bootinfo *info);
