// SPDX-License-Identifier: Apache-2.0
/* Linux bzImage, 64-bit boot protocol 2.12 and later. */
#include <string.h>
#include "services/vmm/acpi.h"
#include "services/vmm/boot.h"

enum {
	SETUP_SECTS = 0x1f1,
	HEADER_FIRST = 0x1f1,
	JUMP_LENGTH = 0x201,
	MAGIC = 0x202,
	VERSION = 0x206,
	LOADER_TYPE = 0x210,
	RAMDISK_IMAGE = 0x218,
	RAMDISK_SIZE = 0x21c,
	CMD_LINE_PTR = 0x228,
	RELOCATABLE = 0x234,
	XLOADFLAGS = 0x236,
	CMDLINE_SIZE = 0x238,
	PREF_ADDRESS = 0x258,
	INIT_SIZE = 0x260,
	HEADER_END = 0x268, /* of what is read here */
	HEADER_MOST = 0x290,
	ZP_RSDP = 0x70,
	ZP_E820_COUNT = 0x1e8,
	ZP_E820 = 0x2d0,
	E820_ENTRY = 20,
	XLF_KERNEL_64 = 1,
	MIN_VERSION = 0x20c,
	LOADER_UNDEFINED = 0xff,
	ENTRY_64 = 0x200,
	PAGE = 4096,
	SECTOR = 512,
};

static uint64_t get(const struct boot_image *img, unsigned at, unsigned bytes)
{
	uint64_t v = 0;

	memcpy(&v, img->kernel + at, bytes);
	return v;
}

bool boot_is_linux(const struct boot_image *img)
{
	return img->kernel_size > HEADER_MOST && memcmp(img->kernel + MAGIC, "HdrS", 4) == 0 &&
	       get(img, 0x1fe, 2) == 0xaa55;
}

static void put_e820(const struct guest_mem *gm, uint8_t *zp)
{
	struct boot_range r[BOOT_RANGES];
	unsigned n = boot_ranges(gm, r);

	zp[ZP_E820_COUNT] = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *e = zp + ZP_E820 + i * E820_ENTRY;

		memcpy(e, &r[i].base, 8);
		memcpy(e + 8, &r[i].size, 8);
		memcpy(e + 16, &r[i].type, 4);
	}
}

static bool put_parameters(const struct guest_mem *gm, const struct boot_image *img,
			   uint64_t initrd)
{
	uint8_t *zp = gm_ptr(gm, BOOT_PARAMS, PAGE);
	size_t end = MAGIC + (size_t)img->kernel[JUMP_LENGTH];
	uint64_t rsdp = ACPI_BASE;
	uint32_t cmdline = BOOT_CMDLINE_AT;

	if (zp == NULL)
		return false;
	if (end > HEADER_MOST)
		end = HEADER_MOST;
	memset(zp, 0, PAGE);
	memcpy(zp + HEADER_FIRST, img->kernel + HEADER_FIRST, end - HEADER_FIRST);
	zp[LOADER_TYPE] = LOADER_UNDEFINED;
	memcpy(zp + RAMDISK_IMAGE, &initrd, 4);
	memcpy(zp + RAMDISK_SIZE, &img->initrd_size, 4);
	memcpy(zp + CMD_LINE_PTR, &cmdline, 4);
	memcpy(zp + ZP_RSDP, &rsdp, 8);
	put_e820(gm, zp);
	return true;
}

/* Where the protected-mode kernel goes: where it wants to be, or lower if it can be moved. */
static uint64_t place(const struct boot_image *img, uint64_t size, uint64_t limit)
{
	uint64_t want = get(img, PREF_ADDRESS, 8);

	if (want >= BOOT_KERNEL_MIN && want < limit && size <= limit - want)
		return want;
	if (get(img, RELOCATABLE, 1) == 0 || size > limit - BOOT_KERNEL_MIN)
		return 0;
	return BOOT_KERNEL_MIN;
}

enum boot_error boot_linux(const struct guest_mem *gm, const struct boot_image *img,
			   struct vcpu_state *s)
{
	uint64_t sects = get(img, SETUP_SECTS, 1), setup = ((sects != 0 ? sects : 4) + 1) * SECTOR;
	uint64_t initrd, limit, payload, size, at;

	if (get(img, VERSION, 2) < MIN_VERSION || !(get(img, XLOADFLAGS, 2) & XLF_KERNEL_64))
		return BOOT_OLD;
	if (setup >= img->kernel_size)
		return BOOT_DAMAGED;
	if (!boot_put_cmdline(gm, img->cmdline, get(img, CMDLINE_SIZE, 4)))
		return BOOT_CMDLINE;
	if (!boot_put_initrd(gm, img, &initrd, &limit))
		return BOOT_NO_MEMORY;
	payload = img->kernel_size - setup;
	size = get(img, INIT_SIZE, 4) > payload ? get(img, INIT_SIZE, 4) : payload;
	at = place(img, size, limit);
	if (at == 0 || !put_parameters(gm, img, initrd) ||
	    !gm_write(gm, at, img->kernel + setup, payload))
		return BOOT_NO_MEMORY;
	if (!boot_enter64(gm, s, at + ENTRY_64))
		return BOOT_NO_MEMORY;
	s->gpr[VCPU_RSI] = BOOT_PARAMS;
	return BOOT_OK;
}
