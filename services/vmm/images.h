// SPDX-License-Identifier: Apache-2.0
/* Where a vmm's kernel and initramfs come from: volumes of the vault, compared with their digests, or measured boot parts. */
#pragma once
#include "lib/chan.h"
#include "services/vmm/boot.h"
#include "services/vmm/vmm.h"

/* Read both into guest memory and compare their digests; logs what is wrong. */
bool images_from_vault(struct chan *blk, const struct vmm_args *a, const struct guest_mem *gm,
		       struct boot_image *img);
/* The VM's boot part of that kind: "guest.kernel", or another name with the same ending when a laboratory image has several VMs; NULL: none. */
const struct start_rom *images_part(const char *ending);
/* Boot parts guest.kernel, guest.initrd, guest.cmdline. */
bool images_from_roms(struct boot_image *img);
