// SPDX-License-Identifier: Apache-2.0
#include "lib/virtio_drv.h"
#include <stdatomic.h>
#include <string.h>
#include "lib/component.h"

enum { /* struct virtio_pci_common_cfg, 4.1.4.3 */
       DEVICE_FEATURE_SELECT = 0x00,
       DEVICE_FEATURE = 0x04,
       DRIVER_FEATURE_SELECT = 0x08,
       DRIVER_FEATURE = 0x0c,
       CONFIG_VECTOR = 0x10,
       DEVICE_STATUS = 0x14,
       QUEUE_SELECT = 0x16,
       QUEUE_SIZE = 0x18,
       QUEUE_VECTOR = 0x1a,
       QUEUE_ENABLE = 0x1c,
       QUEUE_NOTIFY_OFF = 0x1e,
       QUEUE_DESC = 0x20,
       QUEUE_DRIVER = 0x28,
       QUEUE_DEVICE = 0x30,
       COMMON_SIZE = 0x38,
       STATUS_ACKNOWLEDGE = 1,
       STATUS_DRIVER = 2,
       STATUS_DRIVER_OK = 4,
       STATUS_FEATURES_OK = 8,
       RESET_TRIES = 1000,
       DESC_NEXT = 1,
       DESC_WRITE = 2,
};

struct virtq_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct virtq_avail {
	uint16_t flags;
	_Atomic uint16_t idx;
	uint16_t ring[VIRTQ_MAX];
};

struct virtq_used {
	uint16_t flags;
	_Atomic uint16_t idx;
	struct {
		uint32_t id;
		uint32_t len;
	} ring[VIRTQ_MAX];
};

static volatile uint8_t *region(const struct start_dev *dev, const struct virtio_caps *c,
				enum virtio_region r, uint32_t least)
{
	uint64_t size = c->bar[r] < 6 ? dev->mmio_size[c->bar[r]] : 0;

	if (!(c->present >> r & 1) || c->length[r] < least || c->offset[r] > size ||
	    c->length[r] > size - c->offset[r])
		return NULL;
	return (volatile uint8_t *)(uintptr_t)(dev->mmio_va[c->bar[r]] + c->offset[r]);
}

static void put8(struct virtio *v, unsigned reg, uint8_t x)
{
	v->common[reg] = x;
}

static void put16(struct virtio *v, unsigned reg, uint16_t x)
{
	*(volatile uint16_t *)(v->common + reg) = x;
}

static void put32(struct virtio *v, unsigned reg, uint32_t x)
{
	*(volatile uint32_t *)(v->common + reg) = x;
}

static void put64(struct virtio *v, unsigned reg, uint64_t x)
{
	put32(v, reg, (uint32_t)x);
	put32(v, reg + 4, (uint32_t)(x >> 32));
}

static uint16_t get16(struct virtio *v, unsigned reg)
{
	return *(volatile uint16_t *)(v->common + reg);
}

static uint32_t get32(struct virtio *v, unsigned reg)
{
	return *(volatile uint32_t *)(v->common + reg);
}

static const char *reset(struct virtio *v)
{
	put8(v, DEVICE_STATUS, 0);
	for (unsigned i = 0; i < RESET_TRIES; i++) {
		if (!v->common[DEVICE_STATUS])
			return NULL;
		component_wait(now_ns() + 1000000);
	}
	return "the device does not reset";
}

static uint64_t offered(struct virtio *v)
{
	uint64_t f;

	put32(v, DEVICE_FEATURE_SELECT, 1);
	f = (uint64_t)get32(v, DEVICE_FEATURE) << 32;
	put32(v, DEVICE_FEATURE_SELECT, 0);
	return f | get32(v, DEVICE_FEATURE);
}

static const char *negotiate(struct virtio *v, uint64_t *features)
{
	*features &= offered(v);
	if (!(*features & VIRTIO_F_VERSION_1))
		return "the device is older than virtio 1.0";
	if (start_info()->iommu && !(*features & VIRTIO_F_ACCESS_PLATFORM))
		return "the device does not obey the IOMMU (in QEMU: iommu_platform=on)";
	put32(v, DRIVER_FEATURE_SELECT, 0);
	put32(v, DRIVER_FEATURE, (uint32_t)*features);
	put32(v, DRIVER_FEATURE_SELECT, 1);
	put32(v, DRIVER_FEATURE, (uint32_t)(*features >> 32));
	put8(v, DEVICE_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	return v->common[DEVICE_STATUS] & STATUS_FEATURES_OK ? NULL
							     : "the device refuses the features";
}

const char *virtio_begin(struct virtio *v, const struct start_dev *dev, uint64_t *features)
{
	struct virtio_caps c;
	const char *wrong;

	memcpy(&c, dev->cap, sizeof(c));
	*v = (struct virtio){ .dev = dev, .multiplier = c.notify_multiplier };
	v->common = region(dev, &c, VIRTIO_COMMON, COMMON_SIZE);
	v->notify = region(dev, &c, VIRTIO_NOTIFY, 2);
	v->isr = region(dev, &c, VIRTIO_ISR, 1);
	v->config = region(dev, &c, VIRTIO_DEVICE, 8);
	if (!v->common || !v->notify || !v->isr || !v->config)
		return "no modern virtio device";
	wrong = reset(v);
	if (wrong)
		return wrong;
	put8(v, DEVICE_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	*features |= VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM;
	wrong = negotiate(v, features);
	if (wrong)
		return wrong;
	wrong = virtio_interrupt(v, &c);
	put16(v, CONFIG_VECTOR, 0);
	return wrong;
}

void *virtio_dma(struct virtio *v, uint64_t size, uint64_t align)
{
	uint64_t at = (v->dma_used + align - 1) & ~(align - 1);

	if (at > v->dev->dma_size || size > v->dev->dma_size - at)
		return NULL;
	v->dma_used = at + size;
	memset((void *)(uintptr_t)(v->dev->dma_va + at), 0, size);
	return (void *)(uintptr_t)(v->dev->dma_va + at);
}

static uint64_t bus(const struct virtio *v, const void *p)
{
	return (uintptr_t)p - v->dev->dma_va + v->dev->dma_addr;
}

const char *virtq_begin(struct virtq *q, struct virtio *v, uint16_t index, uint16_t max)
{
	uint16_t size;
	uint64_t doorbell;
	struct virtio_caps c;

	memcpy(&c, v->dev->cap, sizeof(c));
	put16(v, QUEUE_SELECT, index);
	size = get16(v, QUEUE_SIZE);
	size = size < max ? size : max;
	doorbell = (uint64_t)get16(v, QUEUE_NOTIFY_OFF) * v->multiplier;
	if (!size || size & (size - 1) || doorbell + 2 > c.length[VIRTIO_NOTIFY])
		return "the device lacks a queue";
	*q = (struct virtq){ .v = v, .index = index, .size = size, .free_count = size };
	q->doorbell = (volatile uint16_t *)(v->notify + doorbell);
	for (uint16_t i = 0; i < size; i++)
		q->next[i] = (uint16_t)(i + 1);
	q->desc = virtio_dma(v, size * sizeof(struct virtq_desc), 16);
	q->avail = virtio_dma(v, sizeof(struct virtq_avail), 2);
	q->used = virtio_dma(v, sizeof(struct virtq_used), 4);
	if (!q->desc || !q->avail || !q->used)
		return "too little DMA memory";
	put16(v, QUEUE_SIZE, size);
	put16(v, QUEUE_VECTOR, 0);
	put64(v, QUEUE_DESC, bus(v, q->desc));
	put64(v, QUEUE_DRIVER, bus(v, q->avail));
	put64(v, QUEUE_DEVICE, bus(v, q->used));
	put16(v, QUEUE_ENABLE, 1);
	return NULL;
}

void virtio_ready(struct virtio *v)
{
	put8(v, DEVICE_STATUS,
	     STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

int virtq_put(struct virtq *q, const struct virtq_buf *bufs, unsigned n)
{
	uint16_t head = q->free_first, at = head, last = head;
	uint16_t idx = atomic_load_explicit(&q->avail->idx, memory_order_relaxed);

	if (!n || n > q->free_count)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		bool more = i + 1 < n;

		q->desc[at] =
			(struct virtq_desc){ bus(q->v, bufs[i].p), bufs[i].len,
					     (uint16_t)((more ? DESC_NEXT : 0) |
							(bufs[i].device_writes ? DESC_WRITE : 0)),
					     more ? q->next[at] : 0 };
		last = at;
		at = q->next[at];
	}
	q->free_first = q->next[last];
	q->free_count = (uint16_t)(q->free_count - n);
	q->chain[head] = (uint16_t)n;
	q->avail->ring[idx & (q->size - 1)] = head;
	atomic_store_explicit(&q->avail->idx, (uint16_t)(idx + 1), memory_order_release);
	return head;
}

void virtq_kick(struct virtq *q)
{
	atomic_thread_fence(memory_order_seq_cst);
	*q->doorbell = q->index;
}

static void release(struct virtq *q, uint16_t head)
{
	uint16_t last = head;

	for (uint16_t i = 1; i < q->chain[head]; i++)
		last = q->next[last];
	q->next[last] = q->free_first;
	q->free_first = head;
	q->free_count = (uint16_t)(q->free_count + q->chain[head]);
	q->chain[head] = 0;
}

int virtq_take(struct virtq *q, uint32_t *written)
{
	while (q->seen != atomic_load_explicit(&q->used->idx, memory_order_acquire)) {
		uint32_t id = q->used->ring[q->seen & (q->size - 1)].id;

		*written = q->used->ring[q->seen & (q->size - 1)].len;
		q->seen++;
		if (id >= q->size || !q->chain[id])
			continue;
		release(q, (uint16_t)id);
		return (int)id;
	}
	return -1;
}
