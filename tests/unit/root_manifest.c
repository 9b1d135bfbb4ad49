// SPDX-License-Identifier: Apache-2.0
/* services/root/manifest.c: the shipped manifest is accepted; each damaged byte is either harmless or refused, never believed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "services/root/manifest.h"

static unsigned failures;

static void check(int ok, const char *what)
{
	printf("%s root_manifest: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

/* Touches all that root would use. */
static int walk(const struct manifest *m)
{
	uint32_t sum = 0, n = m->header->components;

	for (uint32_t i = 0; i < m->header->channels; i++)
		sum += m->channel[i].client < n && m->channel[i].server < n;
	for (uint32_t i = 0; i < m->header->devices; i++)
		sum += m->device[i].component < n;
	for (uint32_t i = 0; i < m->header->roms; i++)
		sum += m->rom[i].component < n;
	return sum == m->header->channels + m->header->devices + m->header->roms;
}

static size_t load(uint8_t **data)
{
	FILE *f = fopen(MANIFEST_BIN, "rb");
	size_t n;

	*data = malloc(1 << 16);
	n = f && *data ? fread(*data, 1, 1 << 16, f) : 0;
	if (f)
		fclose(f);
	return n;
}

/* The first alternative of the shipped manifest: it must be one to the channel before it. */
static int alternatives_checked(uint8_t *data, size_t n)
{
	struct manifest m;
	struct manifest_channel *c, kept;
	uint32_t i = 0;
	int good;

	if (manifest_read(&m, data, n))
		return 0;
	while (i < m.header->channels && !m.channel[i].otherwise)
		i++;
	if (i == m.header->channels)
		return 0;
	c = (struct manifest_channel *)(uintptr_t)&m.channel[i];
	kept = *c;
	c->kib += 4;
	good = manifest_read(&m, data, n) != NULL;
	*c = kept;
	c->proto[0] = 'x';
	good &= manifest_read(&m, data, n) != NULL;
	*c = kept;
	c->otherwise = 2;
	good &= manifest_read(&m, data, n) != NULL;
	*c = kept;
	c = (struct manifest_channel *)(uintptr_t)&m.channel[0];
	c->otherwise = 1;
	good &= manifest_read(&m, data, n) != NULL;
	c->otherwise = 0;
	return good && !manifest_read(&m, data, n);
}

int main(void)
{
	uint8_t *data;
	size_t n = load(&data);
	struct manifest m;
	unsigned refused = 0;
	int good = 1;

	check(n && !manifest_read(&m, data, n) && m.header->components > 10,
	      "the shipped manifest is accepted");
	check(alternatives_checked(data, n), "an alternative to nothing is refused");
	for (size_t cut = 0; cut < n; cut += 3) {
		uint8_t *part = malloc(cut + 1);

		memcpy(part, data, cut);
		good &= manifest_read(&m, part, cut) != NULL;
		free(part);
	}
	check(good, "a shortened manifest is refused");
	srand(3);
	for (unsigned round = 0; round < 50000; round++) {
		size_t at = (size_t)rand() % n;
		uint8_t old = data[at];

		data[at] ^= (uint8_t)(1 + rand() % 255);
		if (manifest_read(&m, data, n))
			refused++;
		else
			good &= walk(&m);
		data[at] = old;
	}
	check(good && refused > 20000, "changed bytes are refused or within bounds");
	free(data);
	return failures ? 1 : 0;
}
