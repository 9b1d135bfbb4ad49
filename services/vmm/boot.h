// SPDX-License-Identifier: Apache-2.0
/*
 * Puts a kernel into guest memory and says how to enter it: Linux bzImage by its 64-bit entry, ELF by PVH or Multiboot 1.
 * Pure; the image is untrusted. Sources: Linux Documentation/x86/boot.rst, Xen PVH start info, Multiboot Specification 0.6.96.
 *
 * Guest memory below 1 MiB while booting: 7000h parameters, 8000h lists, 9000h page tables (6 pages),
 * F000h GDT, 20000h command line, E0000h ACPI tables.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "abi/vcpu.h"
#include "services/vmm/guest_mem.h"

enum boot_error {
	BOOT_OK = 0,
	BOOT_UNKNOWN,   /* none of the three formats */
	BOOT_DAMAGED,   /* the format is clear, its fields are not */
	BOOT_OLD,       /* a bzImage without 64-bit entry */
	BOOT_NO_MEMORY, /* kernel or initramfs does not fit */
	BOOT_CMDLINE,   /* longer than the kernel takes */
};

struct boot_image {
	const uint8_t *kernel; /* may lie in guest memory, then at boot_staging() */
	size_t kernel_size;
	const uint8_t *initrd; /* may lie in guest memory, then at boot_initrd_place() */
	size_t initrd_size;    /* 0: none */
	const char *cmdline;
};

struct boot_range {
	uint64_t base, size;
	uint32_t type; /* 1 RAM, 2 reserved */
};

#define BOOT_RANGES      6u
#define BOOT_CMDLINE_MAX 2048u
#define BOOT_PARAMS      0x7000u
#define BOOT_LISTS       0x8000u
#define BOOT_TABLES      0x9000u
#define BOOT_GDT         0xf000u
#define BOOT_CMDLINE_AT  0x20000u
#define BOOT_KERNEL_MIN  0x100000u

/* Loads the image and sets the whole state of the first vCPU. */
enum boot_error boot_load(const struct guest_mem *gm, const struct boot_image *img,
			  struct vcpu_state *s);
const char *boot_error_text(enum boot_error e);
/* Guest-physical places for an initramfs and below it a kernel image of these sizes; 0: no room. */
uint64_t boot_initrd_place(const struct guest_mem *gm, size_t initrd_size);
uint64_t boot_staging(const struct guest_mem *gm, size_t initrd_size, size_t kernel_size);
/* The memory map as firmware would tell it; the number of ranges. */
unsigned boot_ranges(const struct guest_mem *gm, struct boot_range r[BOOT_RANGES]);

/* Shared by the three protocols. */
void boot_reset_state(struct vcpu_state *s);
/* Real mode at page << 12: what a start-up message asks for. */
void boot_enter16(struct vcpu_state *s, uint8_t page);
void boot_enter32(struct vcpu_state *s, uint32_t entry);
bool boot_enter64(const struct guest_mem *gm, struct vcpu_state *s, uint64_t entry);
bool boot_put_cmdline(const struct guest_mem *gm, const char *cmdline, size_t most);
/* Copies the initramfs to its place; *gpa 0 without one. Everything below *limit is free for the kernel. */
bool boot_put_initrd(const struct guest_mem *gm, const struct boot_image *img, uint64_t *gpa,
		     uint64_t *limit);

bool boot_is_linux(const struct boot_image *img);
enum boot_error boot_linux(const struct guest_mem *gm, const struct boot_image *img,
			   struct vcpu_state *s);
enum boot_error boot_elf(const struct guest_mem *gm, const struct boot_image *img,
			 struct vcpu_state *s);
bool boot_is_multiboot(const struct boot_image *img);
enum boot_error boot_multiboot(const struct guest_mem *gm, const struct boot_image *img,
			       struct vcpu_state *s);
/* Load the segments of an ELF below `limit` at their physical addresses; *entry becomes physical. */
struct elf;
enum boot_error boot_load_elf(const struct guest_mem *gm, const struct elf *e, uint64_t limit,
			      uint64_t *entry);
