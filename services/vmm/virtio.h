// SPDX-License-Identifier: Apache-2.0
/*
 * virtio 1.2 over PCI, modern only, with MSI-X: what all virtio devices share. Source: virtio 1.2, section 4.1.
 *
 * BAR 0 (memory, 16 KiB): common configuration, ISR (always 0), device configuration, MSI-X table and pending bits.
 * BAR 1 (I/O, 32 bytes): notification, one 32-bit place a queue. Ports exit faster than memory.
 * Missing: INTx, legacy interface, queue reset, packed queues.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/guest_mem.h"
#include "services/vmm/pci.h"
#include "services/vmm/state.h"
#include "services/vmm/virtq.h"

#define VIRTIO_QUEUES   4u
#define VIRTIO_VECTORS  (VIRTIO_QUEUES + 1)
#define VIRTIO_BAR_SIZE 0x4000u
#define VIRTIO_IO_SIZE  32u

#define VIRTIO_F_INDIRECT  (UINT64_C(1) << 28)
#define VIRTIO_F_EVENT_IDX (UINT64_C(1) << 29)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

enum virtio_kind { VIRTIO_NET = 1, VIRTIO_BLOCK = 2, VIRTIO_CONSOLE = 3, VIRTIO_RNG = 4 };

struct virtio;

struct virtio_ops {
	/* The guest rang: requests may wait in queue q. */
	void (*notify)(struct virtio *v, unsigned q);
	/* The guest reset the device: forget what is under way. */
	void (*reset)(struct virtio *v);
};

struct virtio_vector {
	uint64_t addr;
	uint32_t data, control; /* control bit 0: masked */
};

/* The machine's side: deliver a message interrupt. */
struct virtio_host {
	void (*msi)(struct virtio_host *host, uint64_t addr, uint32_t data);
};

struct virtio {
	struct pci_func pci;
	const struct virtio_ops *ops;
	struct virtio_host *host;
	const struct guest_mem *gm;
	const void *config; /* device configuration, read-only */
	uint32_t config_size;
	uint64_t offered, accepted; /* feature bits */
	uint32_t feature_select, guest_feature_select;
	uint16_t config_vector, queue_select, queues;
	uint8_t status;
	uint8_t generation;           /* of *config: counts its changes */
	uint8_t msix_cap, window_cap; /* places in configuration space */
	struct virtq queue[VIRTIO_QUEUES];
	struct virtio_vector vector[VIRTIO_VECTORS];
	uint32_t pending; /* vectors that wait for their mask to go */
};

void virtio_init(struct virtio *v, enum virtio_kind kind, uint32_t class, unsigned queues,
		 uint64_t features, const struct virtio_ops *ops);
/* BAR 0 */
uint32_t virtio_read(struct virtio *v, uint32_t offset, unsigned size);
void virtio_write(struct virtio *v, uint32_t offset, unsigned size, uint32_t value);
/* BAR 1 */
void virtio_notify(struct virtio *v, uint32_t offset);
/* Requests of queue q were pushed: interrupt the guest if it wants that. */
void virtio_interrupt(struct virtio *v, unsigned q);
/* *config has changed: tell the guest. */
void virtio_config_changed(struct virtio *v);
/* May the device touch its queues? */
bool virtio_live(const struct virtio *v);
void virtio_state(struct state *s, struct virtio *v);
