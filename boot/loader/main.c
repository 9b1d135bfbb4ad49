// SPDX-License-Identifier: Apache-2.0
/*
 * redoubt.efi: measure everything, then run it.
 *
 * The firmware has measured this image, bundle included, into PCR 4. From here on each part is measured by
 * name before any byte of it is used. Whatever goes wrong stops the machine with a reason; there is no
 * unmeasured way on.
 */
#include "boot/loader/clock.h"
#include "boot/loader/cpus.h"
#include "boot/loader/display.h"
#include "boot/loader/firmware.h"
#include "boot/loader/handover.h"
#include "boot/loader/iommu.h"
#include "boot/loader/log.h"
#include "boot/loader/parts.h"
#include "boot/loader/print.h"
#include "boot/loader/seed.h"
#include "boot/loader/tpm.h"
#include "boot/bundle.h"

EFI_STATUS efi_main(EFI_HANDLE handle, EFI_SYSTEM_TABLE *table);

static EFI_LOADED_IMAGE *own_image(EFI_HANDLE handle)
{
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *image;

	if (EFI_ERROR(BOOT->HandleProtocol(handle, &guid, (void **)&image)))
		refuse("the firmware does not say where the loader lies", "loaded image protocol",
		       "update the firmware");
	return image;
}

static void refuse_five_levels(void)
{
	uint64_t cr4;

	__asm__("mov %%cr4, %0" : "=r"(cr4));
	if (cr4 & 1 << 12)
		refuse("the firmware runs with five-level paging", "CR4.LA57",
		       "switch five-level paging off in the firmware setup");
}

static uint64_t acpi_root(void)
{
	EFI_GUID acpi2 = ACPI_20_TABLE_GUID, acpi1 = ACPI_TABLE_GUID;
	void *root = config_table(&acpi2);

	return (uintptr_t)(root ? root : config_table(&acpi1));
}

static struct bootinfo *new_bootinfo(void)
{
	struct bootinfo *info = alloc_pages(pages_of(sizeof(*info)));

	info->magic = BOOTINFO_MAGIC;
	info->version = BOOTINFO_VERSION;
	info->size = sizeof(*info);
	return info;
}

static void describe_machine(struct bootinfo *info)
{
	info->rsdp = acpi_root();
	info->tsc_khz = clock_tsc_khz();
	cpus_list(info);
	iommus_list(info);
	display_find(&info->fb);
	seed_fill(info->seed);
}

EFI_STATUS efi_main(EFI_HANDLE handle, EFI_SYSTEM_TABLE *table)
{
	struct handover handover;

	firmware = table;
	print_start();
	say("\nredoubt: loader, tick %u\n", __builtin_ia32_rdtsc());
	BOOT->SetWatchdogTimer(0, 0, 0, NULL);
	refuse_five_levels();
	EFI_LOADED_IMAGE *image = own_image(handle);

	tpm_start(image);
	const struct bundle_header *bundle = parts_bundle(image);
	struct bootinfo *info = new_bootinfo();

	info->flags = bundle->flags;
	tpm_cap_other_banks();
	parts_measure(info, bundle, image->DeviceHandle);
	say("redoubt: %u parts measured\n", (uint64_t)info->part_count);
	describe_machine(info);
	handover_prepare(&handover, info, (uint64_t)bundle->kpool_mib << 20);
	log_copy(info);
	handover_leave(&handover, handle);
}
