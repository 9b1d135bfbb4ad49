// SPDX-License-Identifier: Apache-2.0
/* No environment needed: the loader, the unit test and the fuzzer run this file. */
#include "boot/loader/iommu.h"

enum {
	PAGE = 4096,
	TABLE_LENGTH = 4, /* of every ACPI table: ACPI 6.4, 5.2.6 */
	TABLE_HEADER = 36,

	DMAR_FLAGS = 37,
	DMAR_FLAG_INTR_REMAP = 1,
	DMAR_FIRST = 48,
	DMAR_LENGTH = 2, /* of each structure: type (2), length (2), ... */
	DMAR_DRHD = 0,
	DMAR_DRHD_MIN = 16,
	DMAR_DRHD_SIZE = 5, /* low four bits: 2^n pages of registers */
	DMAR_DRHD_SEGMENT = 6,
	DMAR_DRHD_BASE = 8,
	DMAR_RMRR = 1,

	IVRS_FIRST = 48,
	IVRS_LENGTH = 2,  /* of each block: type (1), flags (1), length (2), ... */
	IVRS_IVHD = 0x10, /* three generations of one description; a unit may have all of them */
	IVRS_IVHD_EFR = 0x11,
	IVRS_IVHD_ACPI = 0x40,
	IVRS_IVHD_MIN = 24,
	IVRS_IVHD_BASE = 8,
	IVRS_IVHD_SEGMENT = 16,
	IVRS_IVMD_FIRST = 0x20,
	IVRS_IVMD_LAST = 0x22,
	AMDVI_REGISTERS = 16384,
};

static uint16_t read16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t read32(const uint8_t *p)
{
	return read16(p) | (uint32_t)read16(p + 2) << 16;
}

static uint64_t read64(const uint8_t *p)
{
	return read32(p) | (uint64_t)read32(p + 4) << 32;
}

static void none(struct bootinfo *info)
{
	info->iommu_count = 0;
	info->iommu_remap = 0;
	info->iommu_kept = 0;
}

/* Length and sum; *size becomes the table's own. */
static enum iommu_table_error check_table(const uint8_t *table, size_t *size, size_t first)
{
	uint8_t sum = 0;
	uint32_t length;

	if (*size < TABLE_HEADER)
		return IOMMU_TABLE_SHORT;
	length = read32(table + TABLE_LENGTH);
	if (length > *size || length < first)
		return IOMMU_TABLE_SHORT;
	for (uint32_t i = 0; i < length; i++)
		sum = (uint8_t)(sum + table[i]);
	*size = length;
	return sum ? IOMMU_TABLE_CHECKSUM : IOMMU_TABLE_OK;
}

static enum iommu_table_error add(struct bootinfo *info, const struct boot_iommu *unit)
{
	if (!unit->base || unit->base % PAGE || unit->base + unit->size < unit->base)
		return IOMMU_TABLE_REGISTERS;
	for (uint32_t i = 0; i < info->iommu_count; i++)
		if (info->iommu[i].base == unit->base)
			return IOMMU_TABLE_OK;
	if (info->iommu_count == BOOTINFO_MAX_IOMMU)
		return IOMMU_TABLE_MANY;
	info->iommu[info->iommu_count++] = *unit;
	return IOMMU_TABLE_OK;
}

static enum iommu_table_error dmar_structure(struct bootinfo *info, const uint8_t *s,
					     uint16_t length)
{
	struct boot_iommu unit = { .kind = BOOT_IOMMU_VTD };

	if (read16(s) == DMAR_RMRR)
		info->iommu_kept++;
	if (read16(s) != DMAR_DRHD)
		return IOMMU_TABLE_OK;
	if (length < DMAR_DRHD_MIN)
		return IOMMU_TABLE_SHORT;
	unit.base = read64(s + DMAR_DRHD_BASE);
	unit.size = (uint64_t)PAGE << (s[DMAR_DRHD_SIZE] & 0xf);
	unit.segment = read16(s + DMAR_DRHD_SEGMENT);
	return add(info, &unit);
}

static enum iommu_table_error ivrs_block(struct bootinfo *info, const uint8_t *b, uint16_t length)
{
	struct boot_iommu unit = { .kind = BOOT_IOMMU_AMDVI, .size = AMDVI_REGISTERS };

	if (b[0] >= IVRS_IVMD_FIRST && b[0] <= IVRS_IVMD_LAST)
		info->iommu_kept++;
	if (b[0] != IVRS_IVHD && b[0] != IVRS_IVHD_EFR && b[0] != IVRS_IVHD_ACPI)
		return IOMMU_TABLE_OK;
	if (length < IVRS_IVHD_MIN)
		return IOMMU_TABLE_SHORT;
	unit.base = read64(b + IVRS_IVHD_BASE);
	unit.segment = read16(b + IVRS_IVHD_SEGMENT);
	return add(info, &unit);
}

/* Both tables are a row of structures with a 16-bit length at offset 2. */
static enum iommu_table_error each(const uint8_t *table, size_t size, size_t first,
				   struct bootinfo *info,
				   enum iommu_table_error (*one)(struct bootinfo *, const uint8_t *,
								 uint16_t))
{
	enum iommu_table_error wrong = IOMMU_TABLE_OK;

	_Static_assert(DMAR_LENGTH == IVRS_LENGTH, "one walker for both");
	for (size_t at = first; at < size && !wrong;) {
		uint16_t length;

		if (size - at < 4)
			return IOMMU_TABLE_SHORT;
		length = read16(table + at + DMAR_LENGTH);
		if (length < 4 || length > size - at)
			return IOMMU_TABLE_SHORT;
		wrong = one(info, table + at, length);
		at += length;
	}
	return wrong;
}

enum iommu_table_error dmar_read(const uint8_t *table, size_t size, struct bootinfo *info)
{
	enum iommu_table_error wrong = check_table(table, &size, DMAR_FIRST);

	none(info);
	if (!wrong) {
		info->iommu_remap = table[DMAR_FLAGS] & DMAR_FLAG_INTR_REMAP;
		wrong = each(table, size, DMAR_FIRST, info, dmar_structure);
	}
	if (wrong)
		none(info);
	return wrong;
}

enum iommu_table_error ivrs_read(const uint8_t *table, size_t size, struct bootinfo *info)
{
	enum iommu_table_error wrong = check_table(table, &size, IVRS_FIRST);

	none(info);
	if (!wrong) {
		info->iommu_remap = 1;
		wrong = each(table, size, IVRS_FIRST, info, ivrs_block);
	}
	if (wrong)
		none(info);
	return wrong;
}

const char *iommu_table_error(enum iommu_table_error error)
{
	static const char *const text[] = {
		[IOMMU_TABLE_OK] = "good",
		[IOMMU_TABLE_SHORT] = "it is cut short",
		[IOMMU_TABLE_CHECKSUM] = "its checksum is wrong",
		[IOMMU_TABLE_REGISTERS] = "a unit has no usable register address",
		[IOMMU_TABLE_MANY] = "it lists more units than boot info can hold",
	};

	return text[error];
}
