// SPDX-License-Identifier: Apache-2.0
/* abi/elf.h on a component of this build, cut and changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "abi/elf.h"

#define LOW  0x10000ull
#define HIGH 0x100000000ull

static unsigned failures;

static void check(int ok, const char *what)
{
	printf("%s root_elf: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

/* All that the loader would touch lies in the file and in the component's range. */
static int sane(const struct elf *e, size_t size)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < e->count; i++) {
		const struct elf_segment *s = &e->segment[i];

		if (s->offset + s->file_size > size || s->va < last || s->va + s->mem_size > HIGH ||
		    s->file_size > s->mem_size || (s->flags & ELF_W && s->flags & ELF_X))
			return 0;
		last = s->va + s->mem_size;
	}
	return 1;
}

int main(void)
{
	uint8_t *file = malloc(1 << 20);
	FILE *f = fopen(IMAGE, "rb");
	size_t size = f ? fread(file, 1, 1 << 20, f) : 0;
	unsigned refused = 0;
	struct elf e;
	int good = 1;

	check(size && !elf_read(&e, file, size, LOW, HIGH) && e.count == 3 && sane(&e, size),
	      "a component's image is accepted");
	for (size_t cut = 0; cut < size; cut += 1 + cut / 16) {
		uint8_t *part = malloc(cut + 8);

		memcpy(part, file, cut);
		if (!elf_read(&e, part, cut, LOW, HIGH))
			good &= sane(&e, cut);
		free(part);
	}
	check(good, "a shortened image is refused or still whole");
	srand(5);
	for (unsigned round = 0; round < 100000; round++) {
		size_t at = (size_t)rand() % 400;
		uint8_t old = file[at];

		file[at] = (uint8_t)rand();
		if (elf_read(&e, file, size, LOW, HIGH))
			refused++;
		else
			good &= sane(&e, size);
		file[at] = old;
	}
	check(good && refused > 30000, "changed headers are refused or within bounds");
	if (f)
		fclose(f);
	free(file);
	return failures ? 1 : 0;
}
