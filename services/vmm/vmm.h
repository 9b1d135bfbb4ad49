// SPDX-License-Identifier: Apache-2.0
/*
 * What the starter of a vmm instance (policy through root; in the laboratory root alone) tells it: one
 * struct vmm_args as start_info()->arg. Little-endian, fixed width; a vmm refuses every other version or size.
 *
 * Where the images come from:
 *   - with a "blk" channel to `vault`: volume 1 is the root disk (read-write), 2 the kernel image, 3 the
 *     initramfs (both read-only). Their sizes and SHA-256 are below; nothing of the guest runs unless both match;
 *   - without: start_rom("guest.kernel"), start_rom("guest.initrd") (optional), start_rom("guest.cmdline")
 *     (optional; else `cmdline` below). Measured boot parts, so no digest is compared. Without argument
 *     bytes at all, the defaults are used: all guest memory root gave, one vCPU.
 * The console is the channel of proto "console" (lib/console.h), to `vault` or in the laboratory to `uart` or `tty`.
 *
 * How it ends: main() returns one of enum vmm_end, after one log line that says why.
 */
#pragma once
#include <stdint.h>

#define VMM_ARGS_MAGIC   0x53475241204d4d56ull /* "VMM ARGS" */
#define VMM_ARGS_VERSION 1u
#define VMM_CMDLINE_MAX  1024u

/* start_rom("guest.lab"), in a laboratory image only: what arguments would say, and more. */
struct vmm_lab {
	uint32_t vcpus; /* 1..8 */
	uint32_t
		mem_mib; /* of the guest; 0: all that root gave. What is behind it is room for an image of the machine */
	uint32_t
		renew_ms; /* not 0: so often the machine is paused, saved, destroyed, made anew and restored */
	int32_t spoil; /* N > 0: byte N of the first such image is changed; N < 0: its last -N bytes are missing */
};

enum vmm_volume { VMM_VOLUME_DISK = 1, VMM_VOLUME_KERNEL = 2, VMM_VOLUME_INITRD = 3 };

enum vmm_end {
	VMM_POWERED_OFF = 0, /* the guest switched itself off */
	VMM_RESET = 1,       /* the guest wants to start again */
	VMM_FAILED = 2,      /* it could not start or did what no machine can answer */
};

struct vmm_args {
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* sizeof(struct vmm_args) */
	uint64_t vm;   /* VM number */
	uint64_t utc;  /* seconds since 1970 at the start of the VM, for its clock; 0: not known */
	uint32_t mem_mib;
	uint32_t vcpus;       /* 1..8 */
	uint64_t kernel_size; /* bytes, > 0 */
	uint64_t initrd_size; /* bytes, 0: none */
	uint8_t kernel_digest[32];
	uint8_t initrd_digest[32];
	uint8_t volume[16];   /* UUID of volume 1, all 0: no disk */
	uint32_t cmdline_len; /* bytes, < VMM_CMDLINE_MAX */
	uint32_t pad;
	char cmdline[VMM_CMDLINE_MAX]; /* kernel command line, NUL-terminated */
};

_Static_assert(sizeof(struct vmm_args) == 144 + VMM_CMDLINE_MAX, "vmm_args");
