// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/parts.h"
#include "boot/loader/esp.h"
#include "boot/loader/mem.h"
#include "boot/loader/pe.h"
#include "boot/loader/print.h"
#include "boot/loader/sha256.h"
#include "boot/loader/tpm.h"
#include "boot/bundle.h"
#include "boot/eventlog.h"

const void *parts_bundle(const EFI_LOADED_IMAGE *image)
{
	const char *advice = "the boot medium is damaged: write it again";
	const void *bundle;
	size_t size;

	if (pe_section(image->ImageBase, image->ImageSize, ".bundle", &bundle, &size))
		refuse("the boot image carries no bundle", "section .bundle of redoubt.efi",
		       advice);
	enum bundle_error error = bundle_check(bundle, size);

	if (error) {
		say("redoubt: bundle: %s\n", bundle_error_text(error));
		refuse("the bundle of the boot image is damaged", "section .bundle of redoubt.efi",
		       advice);
	}
	return bundle;
}

static void measure(struct bootinfo *info, const char *name, const void *data, size_t size,
		    uint32_t pcr)
{
	struct boot_part *part = &info->part[info->part_count++];

	memset(part, 0, sizeof(*part));
	for (size_t i = 0; name[i] && i + 1 < sizeof(part->name); i++)
		part->name[i] = name[i];
	part->base = (uintptr_t)data;
	part->size = size;
	part->pcr = pcr;
	sha256(data, size, part->digest);
	tpm_measure(name, data, size, pcr);
}

static void measure_file(struct bootinfo *info, EFI_HANDLE device, const char *name, CHAR16 *path,
			 const char *absent)
{
	void *data;
	size_t size;

	esp_read(device, path, &data, &size);
	if (size == 0)
		for (; absent[size]; size++)
			((char *)data)[size] = absent[size];
	measure(info, name, data, size, PCR_CONFIG);
}

void parts_measure(struct bootinfo *info, const void *bundle, EFI_HANDLE device)
{
	const struct bundle_header *header = bundle;
	const struct bundle_entry *entry = bundle_entries(bundle);

	for (uint32_t i = 0; i < header->count; i++)
		measure(info, entry[i].name, (const uint8_t *)bundle + entry[i].offset,
			entry[i].size, PCR_PARTS);
	measure_file(info, device, "binding", (CHAR16 *)L"\\redoubt\\binding", "unbound");
	measure_file(info, device, "cmdline", (CHAR16 *)L"\\redoubt\\cmdline", "");
}
