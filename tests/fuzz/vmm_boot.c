// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a kernel image, and as the arguments of a vmm. The first byte picks a magic, so that each format is reached. */
#include <stdlib.h>
#include <string.h>
#include "services/vmm/args.h"
#include "services/vmm/boot.h"
#include "tests/unit/vmm_harness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct harness h;

static void set_magic(uint8_t *image, size_t size, uint8_t kind)
{
	static const uint32_t multiboot[] = { 0x1badb002, 1 << 16, 0u - 0x1badb002u - (1 << 16) };

	if (size < 0x2a0)
		return;
	if (kind % 3 == 0) {
		memcpy(image + 0x1fe, "\x55\xaaxxHdrS", 8);
		memcpy(image + 0x206, "\x0f\x02", 2);
		image[0x236] |= 1;
	} else if (kind % 3 == 1) {
		memcpy(image, "\177ELF\2\1\1", 7);
		memcpy(image + 18, "\x3e\0", 2);
	} else {
		memcpy(image + 4, multiboot, sizeof(multiboot));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_image img = { .cmdline = "console=ttyS0" };
	struct vmm_args args;
	const char *why;
	uint8_t *image;

	if (h.ram == NULL)
		harness_start(&h, false);
	(void)args_read(data, size, &args, &why);
	if (size < 2)
		return 0;
	image = malloc(size - 1);
	memcpy(image, data + 1, size - 1);
	set_magic(image, size - 1, data[0]);
	img.kernel = image;
	img.kernel_size = size - 1;
	(void)boot_load(&h.m.gm, &img, &h.state);
	free(image);
	return 0;
}
