// SPDX-License-Identifier: Apache-2.0
/* No environment needed: the loader, the unit test and the fuzzer run this file. */
#include "boot/loader/pe.h"

enum {
	DOS_PE_OFFSET = 0x3c,
	COFF_SECTIONS = 6,
	COFF_OPTIONAL_SIZE = 20,
	COFF_SIZE = 24, /* with the signature "PE\0\0" */
	SECTION_SIZE = 40,
	SECTION_VSIZE = 8,
	SECTION_VADDR = 12,
};

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
	return get16(p) | get16(p + 2) << 16;
}

static int named(const uint8_t *section, const char *name)
{
	for (int i = 0; i < 8; i++) {
		if (section[i] != (uint8_t)*name)
			return 0;
		if (*name)
			name++;
	}
	return *name == 0;
}

/* Offset of the first section header, or 0; *count gets how many there are, all inside the image. */
static size_t section_table(const uint8_t *p, size_t size, uint32_t *count)
{
	size_t pe, table;

	if (size < DOS_PE_OFFSET + 4 || p[0] != 'M' || p[1] != 'Z')
		return 0;
	pe = get32(p + DOS_PE_OFFSET);
	if (pe > size || size - pe < COFF_SIZE || get32(p + pe) != 0x4550)
		return 0;
	*count = get16(p + pe + COFF_SECTIONS);
	table = pe + COFF_SIZE + get16(p + pe + COFF_OPTIONAL_SIZE);
	if (table > size || (size - table) / SECTION_SIZE < *count)
		return 0;
	return table;
}

int pe_section(const void *image, size_t size, const char *name, const void **data, size_t *length)
{
	const uint8_t *p = image;
	uint32_t count = 0;
	size_t at = section_table(p, size, &count);

	if (at == 0)
		return -1;
	for (; count; count--, at += SECTION_SIZE) {
		uint32_t address = get32(p + at + SECTION_VADDR);
		uint32_t bytes = get32(p + at + SECTION_VSIZE);

		if (!named(p + at, name))
			continue;
		if (address > size || bytes > size - address)
			return -1;
		*data = p + address;
		*length = bytes;
		return 0;
	}
	return -1;
}
