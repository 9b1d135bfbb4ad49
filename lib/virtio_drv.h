// SPDX-License-Identifier: Apache-2.0
/*
 * Driver side of a virtio 1.2 device behind PCI, split rings (virtio 1.2, 2.7 and 4.1). All rings and buffers lie in the
 * device's DMA memory (start_dev.dma_*). All interrupts of the device wake the component (message 0).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/start.h"
#include "lib/virtio_caps.h"

#define VIRTIO_F_VERSION_1       (1ull << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ull << 33) /* its DMA goes through the IOMMU */
#define VIRTQ_MAX                256u

struct virtio {
	const struct start_dev *dev;
	volatile uint8_t *common;
	volatile uint8_t *notify;
	volatile uint8_t *isr;
	volatile uint8_t *config; /* device-specific */
	uint32_t multiplier;
	uint64_t dma_used; /* bytes given out by virtio_dma() */
};

/* One piece of a request, in DMA memory. */
struct virtq_buf {
	void *p;
	uint32_t len;
	bool device_writes;
};

struct virtq_desc;
struct virtq_avail;
struct virtq_used;

struct virtq {
	struct virtio *v;
	volatile uint16_t *doorbell;
	uint16_t index;
	uint16_t size;
	uint16_t free_first; /* chain of free descriptors through `next` */
	uint16_t free_count;
	uint16_t seen;             /* used entries taken */
	uint16_t next[VIRTQ_MAX];  /* private copy of the chains: the device cannot bend them */
	uint16_t chain[VIRTQ_MAX]; /* by head: descriptors of the request under way, 0: none */
	struct virtq_desc *desc;
	struct virtq_avail *avail;
	struct virtq_used *used;
};

/*
 * Resets the device and agrees on VERSION_1, ACCESS_PLATFORM and those of `features` it offers, which come back. Where there is an IOMMU a device that
 * goes round it is refused. NULL or what is wrong.
 */
const char *virtio_begin(struct virtio *v, const struct start_dev *dev, uint64_t *features);
/* lib/virtio_irq.c: message 0 of the function ups our semaphore from now on. NULL or what is wrong. */
const char *virtio_interrupt(const struct virtio *v, const struct virtio_caps *c);
/* Zeroed DMA memory at a multiple of `align` (power of two); NULL if there is no more. */
void *virtio_dma(struct virtio *v, uint64_t size, uint64_t align);
/* Sets up queue `index` with at most `max` entries (power of two <= VIRTQ_MAX). NULL or what is wrong. */
const char *virtq_begin(struct virtq *q, struct virtio *v, uint16_t index, uint16_t max);
/* The driver is ready: the device may work. */
void virtio_ready(struct virtio *v);

/* Queues a request of n pieces. Its head, which comes back when it is done, or -1: not enough descriptors. */
int virtq_put(struct virtq *q, const struct virtq_buf *bufs, unsigned n);
/* Tells the device that there is something. */
void virtq_kick(struct virtq *q);
/* The next request done: its head, and how many bytes the device wrote; -1: none. A head the device made up is dropped. */
int virtq_take(struct virtq *q, uint32_t *written);
