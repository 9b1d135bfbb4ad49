// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/firmware.h"
#include "boot/loader/mem.h"
#include "boot/loader/print.h"

EFI_SYSTEM_TABLE *firmware;

void *alloc_below(uint64_t pages, uint64_t limit)
{
	EFI_PHYSICAL_ADDRESS base = limit - 1;

	if (EFI_ERROR(BOOT->AllocatePages(AllocateMaxAddress, EfiLoaderData, pages, &base)))
		refuse("not enough memory", "AllocatePages below 4 GiB",
		       "give the machine more memory");
	memset((void *)base, 0, pages * PAGE_SIZE);
	return (void *)base;
}

void *alloc_pages(uint64_t pages)
{
	return alloc_below(pages, 4 * GIB);
}

void *config_table(const EFI_GUID *guid)
{
	for (UINTN i = 0; i < firmware->NumberOfTableEntries; i++)
		if (guid_equal(&firmware->ConfigurationTable[i].VendorGuid, guid))
			return firmware->ConfigurationTable[i].VendorTable;
	return NULL;
}
