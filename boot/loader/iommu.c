// SPDX-License-Identifier: Apache-2.0
/* From the ACPI root pointer to DMAR and IVRS. ACPI 6.4, 5.2.5 (root pointer), 5.2.7 and 5.2.8 (lists of tables). */
#include "boot/loader/iommu.h"
#include "boot/loader/mem.h"
#include "boot/loader/print.h"

enum {
	RSDP_REVISION = 15,
	RSDP_RSDT = 16, /* 32-bit address; its entries too */
	RSDP_XSDT = 24, /* 64-bit, from revision 2 on */
	TABLE_LENGTH = 4,
	TABLE_HEADER = 36,
	TABLE_MAX = 1 << 20,
};

/* Firmware keeps its tables below 4 GiB and anywhere: the loader runs with all memory mapped at its own address. */
static const uint8_t *at(uint64_t address)
{
	return (const uint8_t *)(uintptr_t)address;
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, bytes);
	return v;
}

static uint32_t table_size(const uint8_t *table)
{
	uint32_t size = (uint32_t)number(table + TABLE_LENGTH, 4);

	return size > TABLE_MAX ? TABLE_MAX : size;
}

/* The first table with this signature, or NULL. */
static const uint8_t *find(uint64_t rsdp, const char *signature)
{
	unsigned wide = rsdp && at(rsdp)[RSDP_REVISION] >= 2 ? 8 : 4;
	const uint8_t *list;

	if (!rsdp)
		return NULL;
	list = at(number(at(rsdp) + (wide == 8 ? RSDP_XSDT : RSDP_RSDT), wide));
	if (!list)
		return NULL;
	for (uint32_t i = TABLE_HEADER; i + wide <= table_size(list); i += wide) {
		const uint8_t *table = at(number(list + i, wide));

		if (table && !memcmp(table, signature, 4))
			return table;
	}
	return NULL;
}

static void report(const struct bootinfo *info, const char *name, enum iommu_table_error wrong)
{
	if (wrong)
		say("redoubt: ACPI table %s: %s: no IOMMU is used\n", name,
		    iommu_table_error(wrong));
	else
		say("redoubt: ACPI table %s: %u IOMMUs, interrupt remapping %s, %u memory ranges "
		    "that "
		    "firmware wants left open stay closed\n",
		    name, (uint64_t)info->iommu_count,
		    info->iommu_remap ? "allowed" : "not allowed", (uint64_t)info->iommu_kept);
}

void iommus_list(struct bootinfo *info)
{
	const uint8_t *dmar = find(info->rsdp, "DMAR"), *ivrs = find(info->rsdp, "IVRS");

	if (dmar)
		report(info, "DMAR", dmar_read(dmar, table_size(dmar), info));
	else if (ivrs)
		report(info, "IVRS", ivrs_read(ivrs, table_size(ivrs), info));
	else
		say("redoubt: this firmware lists no IOMMU\n");
}
