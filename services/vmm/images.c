// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/images.h"
#include <mbedtls/sha256.h>
#include <string.h>
#include "lib/component.h"
#include "services/vmm/disk_chan.h"

/* Whole blocks of a volume go to guest memory at gpa; then the digest of its first `size` bytes. */
static const uint8_t *fetch(struct chan *blk, uint32_t volume, const struct guest_mem *gm,
			    uint64_t gpa, uint64_t size, const uint8_t expected[32])
{
	uint64_t blocks = (size + BLK_SIZE - 1) / BLK_SIZE;
	uint8_t *to = gpa != 0 ? gm_ptr(gm, gpa, blocks * BLK_SIZE) : NULL;
	uint8_t digest[32];

	if (to == NULL) {
		log_line("image %u: no room in guest memory", volume);
		return NULL;
	}
	if (!disk_chan_read(blk, volume, 0, blocks, to)) {
		log_line("image %u: cannot be read", volume);
		return NULL;
	}
	if (mbedtls_sha256(to, size, digest, 0) != 0 || memcmp(digest, expected, 32) != 0) {
		log_line("image %u: is not the one that was ordered (SHA-256 differs)", volume);
		memset(to, 0, blocks * BLK_SIZE);
		return NULL;
	}
	return to;
}

/* Sizes rounded to blocks, so that whole blocks fit at the places. */
static size_t rounded(uint64_t size)
{
	return (size_t)((size + BLK_SIZE - 1) & ~(uint64_t)(BLK_SIZE - 1));
}

static bool sane(const struct vmm_args *a, const struct guest_mem *gm)
{
	return a->kernel_size < gm->low && a->initrd_size < gm->low;
}

bool images_from_vault(struct chan *blk, const struct vmm_args *a, const struct guest_mem *gm,
		       struct boot_image *img)
{
	uint64_t initrd, staging;

	if (!sane(a, gm)) {
		log_line("images are larger than the VM's memory");
		return false;
	}
	initrd = boot_initrd_place(gm, rounded(a->initrd_size));
	staging = boot_staging(gm, rounded(a->initrd_size), rounded(a->kernel_size));
	*img = (struct boot_image){ .kernel_size = a->kernel_size,
				    .initrd_size = a->initrd_size,
				    .cmdline = a->cmdline };
	img->kernel = fetch(blk, VMM_VOLUME_KERNEL, gm, staging, a->kernel_size, a->kernel_digest);
	if (img->kernel == NULL)
		return false;
	if (a->initrd_size == 0)
		return true;
	img->initrd = fetch(blk, VMM_VOLUME_INITRD, gm, initrd, a->initrd_size, a->initrd_digest);
	return img->initrd != NULL;
}

const struct start_rom *images_part(const char *ending)
{
	const struct start_info *info = start_info();

	for (uint32_t i = 0; i < info->rom_count; i++) {
		size_t n = strlen(info->rom[i].name), e = strlen(ending);

		if (n > e && strcmp(info->rom[i].name + n - e, ending) == 0)
			return &info->rom[i];
	}
	return NULL;
}

/* The part as text: it must end with NUL or fit the buffer with one. */
static const char *command_line(const struct start_rom *rom)
{
	static char text[BOOT_CMDLINE_MAX];
	size_t n = rom != NULL ? rom->size : 0;

	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	if (n != 0)
		memcpy(text, (const void *)rom->va, n);
	text[n] = 0;
	return text;
}

bool images_from_roms(struct boot_image *img)
{
	const struct start_rom *kernel = images_part(".kernel");
	const struct start_rom *initrd = images_part(".initrd");

	if (kernel == NULL) {
		log_line("no image: neither a vault nor the part guest.kernel");
		return false;
	}
	*img = (struct boot_image){ .kernel = (const uint8_t *)kernel->va,
				    .kernel_size = kernel->size,
				    .cmdline = command_line(images_part(".cmdline")) };
	if (initrd != NULL) {
		img->initrd = (const uint8_t *)initrd->va;
		img->initrd_size = initrd->size;
	}
	return true;
}
