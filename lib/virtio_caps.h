// SPDX-License-Identifier: Apache-2.0
/*
 * Where a PCI function keeps what its driver needs, found by `pci` in the capability list, passed by root as start_dev.cap.
 * Offsets are within the BAR (start_dev.mmio_va[bar]). virtio 1.2, 4.1.4; PCI 3.0, 6.8.2.
 */
#pragma once
#include <stdint.h>

enum virtio_region {
	VIRTIO_COMMON = 0,
	VIRTIO_NOTIFY = 1,
	VIRTIO_ISR = 2,
	VIRTIO_DEVICE = 3,
	VIRTIO_REGIONS = 4,
};

struct virtio_caps {
	uint8_t bar[VIRTIO_REGIONS];
	uint8_t present; /* bit per region; 0: no virtio device */
	uint8_t msix_bar;
	uint8_t pad[2];
	uint32_t offset[VIRTIO_REGIONS];
	uint32_t length[VIRTIO_REGIONS];
	uint32_t notify_multiplier;
	uint32_t msix_offset; /* of the MSI-X table */
};

_Static_assert(sizeof(struct virtio_caps) == 48, "fits start_dev.cap");
