// SPDX-License-Identifier: Apache-2.0
/* The loader's parsers: the first byte picks one, the rest is its input. Results are used as the loader uses them. */
#include "boot/bundle.h"
#include "boot/eventlog.h"
#include "abi/elf.h"
#include "boot/loader/iommu.h"
#include "boot/loader/pe.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const void *data, size_t size)
{
	if (size)
		sink = (uint8_t)(((const uint8_t *)data)[0] + ((const uint8_t *)data)[size - 1]);
}

static void fuzz_bundle(const uint8_t *data, size_t size)
{
	if (bundle_check(data, size))
		return;
	const struct bundle_header *h = (const void *)data;
	const struct bundle_entry *e = bundle_entries(data);

	for (uint32_t i = 0; i < h->count; i++)
		touch(data + e[i].offset, e[i].size);
}

static void fuzz_elf(const uint8_t *data, size_t size)
{
	struct elf image;

	if (elf_read(&image, data, size, 0xffff800000000000, 0xfffffffffffff000))
		return;
	for (uint32_t i = 0; i < image.count; i++) {
		const struct elf_segment *s = &image.segment[i];

		touch(data + s->offset, s->file_size);
		if (s->va < image.low || s->va + s->mem_size > image.end ||
		    (s->flags & ELF_W && s->flags & ELF_X))
			abort();
	}
}

static void fuzz_pe(const uint8_t *data, size_t size)
{
	const void *section;
	size_t length;

	if (pe_section(data, size, ".bundle", &section, &length) == 0)
		touch(section, length);
}

static void fuzz_eventlog(const uint8_t *data, size_t size)
{
	struct eventlog log;
	struct event e;
	uint32_t length;

	if (eventlog_open(&log, data, size))
		return;
	while (eventlog_next(&log, &e) == 1) {
		const char *name = eventlog_part_name(&e, &length);

		touch(e.data, e.size);
		touch(e.sha256, e.sha256 ? 32 : 0);
		touch(name, name ? length : 0);
	}
}

static void check_iommus(const struct bootinfo *info, enum iommu_table_error e)
{
	if (info->iommu_count > BOOTINFO_MAX_IOMMU || (e && info->iommu_count))
		abort();
	for (uint32_t i = 0; i < info->iommu_count; i++)
		if (!info->iommu[i].base || info->iommu[i].base % 4096 || !info->iommu[i].size)
			abort();
}

/* The sum over a damaged table would end every run: it is set right first. */
static void fuzz_iommus(const uint8_t *data, size_t size,
			enum iommu_table_error (*read)(const uint8_t *, size_t, struct bootinfo *))
{
	static struct bootinfo info;
	uint8_t *table = malloc(size), sum = 0;
	uint32_t length = 0;

	memcpy(table, data, size);
	if (size >= 36)
		memcpy(&length, table + 4, 4);
	for (uint32_t i = 0; i < length && length <= size; i++)
		sum = (uint8_t)(sum + table[i]);
	if (length > 9 && length <= size)
		table[9] = (uint8_t)(table[9] - sum);
	check_iommus(&info, read(table, size, &info));
	free(table);
}

static void fuzz_dmar(const uint8_t *data, size_t size)
{
	fuzz_iommus(data, size, dmar_read);
}

static void fuzz_ivrs(const uint8_t *data, size_t size)
{
	fuzz_iommus(data, size, ivrs_read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const uint8_t *, size_t) = { fuzz_bundle, fuzz_elf,
								    fuzz_pe,     fuzz_eventlog,
								    fuzz_dmar,   fuzz_ivrs };

	if (size == 0)
		return 0;
	/* a buffer of exactly this size, aligned as the loader's are: one byte over is caught */
	uint8_t *copy = malloc(size - 1);

	memcpy(copy, data + 1, size - 1);
	parsers[data[0] % 6](copy, size - 1);
	free(copy);
	return 0;
}
