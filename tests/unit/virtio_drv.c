// SPDX-License-Identifier: Apache-2.0
/* lib/virtio_drv.c against a device in memory: an honest one, and one that writes what it likes into the used ring. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/component.h"
#include "lib/virtio_drv.h"

enum {
	DMA = 1 << 16,
	SIZE = 16,
	QUEUE_SIZE = 0x18,
	FEATURES = 0x04,
	QUEUE_DESC = 0x20,
	QUEUE_DEVICE = 0x30
};

static _Alignas(4096) uint8_t registers[0x4000], dma[DMA];
static struct start_info info;
static struct start_dev dev;
static struct virtio v;
static struct virtq q;
static uint16_t used_idx;
static unsigned failures;

void component_wait(uint64_t deadline_ns)
{
	(void)deadline_ns;
}

const struct start_info *start_info(void)
{
	return &info;
}

uint64_t now_ns(void)
{
	return 0;
}

const char *virtio_interrupt(const struct virtio *d, const struct virtio_caps *c)
{
	return d->common && c->present ? NULL : "no";
}

static void check(int ok, const char *what)
{
	printf("%s virtio_drv: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static const char *begin(void)
{
	struct virtio_caps caps = { .bar = { 4, 4, 4, 4 },
				    .present = 15,
				    .offset = { 0, 0x3000, 0x1000, 0x2000 },
				    .length = { 0x1000, 0x1000, 0x1000, 0x1000 },
				    .notify_multiplier = 4 };
	uint64_t features = 1 << 9;

	memset(registers, 0, sizeof(registers));
	registers[FEATURES] = 0xff; /* the selector is not looked at: both halves read the same */
	registers[FEATURES + 1] = 0xff;
	registers[QUEUE_SIZE] = SIZE;
	dev = (struct start_dev){ .dma_va = (uintptr_t)dma,
				  .dma_addr = 0x10000000,
				  .dma_size = DMA };
	dev.mmio_va[4] = (uintptr_t)registers;
	dev.mmio_size[4] = sizeof(registers);
	memcpy(dev.cap, &caps, sizeof(caps));
	used_idx = 0;
	return virtio_begin(&v, &dev, &features) ? "begin" : virtq_begin(&q, &v, 0, 128);
}

static uint64_t register64(unsigned reg)
{
	uint64_t x;

	memcpy(&x, registers + reg, 8);
	return x;
}

/* The device says that the request with this head is done. */
static void complete(uint32_t id, uint32_t len)
{
	uint8_t *used = dma + (register64(QUEUE_DEVICE) - dev.dma_addr);
	uint32_t entry[2] = { id, len };

	memcpy(used + 4 + used_idx % SIZE * 8, entry, 8);
	used_idx++;
	memcpy(used + 2, &used_idx, 2);
}

static void test_honest(void)
{
	uint8_t *p = virtio_dma(&v, 8192, 4096);
	struct virtq_buf b[3] = { { p, 16, false }, { p + 4096, 4096, true }, { p + 16, 1, true } };
	int head[SIZE], n = 0, order = 1;
	uint32_t written;

	check(p && !((uintptr_t)p & 4095) && !virtio_dma(&v, DMA, 1),
	      "DMA memory is aligned and ends");
	while ((head[n] = virtq_put(&q, b, 3)) >= 0)
		n++;
	check(n == SIZE / 3, "a full ring refuses");
	for (int i = n - 1; i >= 0; i--) { /* any order */
		complete((uint32_t)head[i], 4097);
		order &= virtq_take(&q, &written) == head[i] && written == 4097;
	}
	check(order && virtq_take(&q, &written) == -1, "requests come back in the device's order");
	n = 0;
	while (virtq_put(&q, b, 1) >= 0)
		n++;
	check(n == SIZE, "all descriptors are free again");
}

static void test_hostile(void)
{
	uint8_t *p;
	unsigned taken = 0, put = 0;
	uint32_t written;

	begin();
	p = virtio_dma(&v, 4096, 4096);
	srand(7);
	for (unsigned round = 0; round < 100000; round++) {
		struct virtq_buf b[2] = { { p, 8, false }, { p + 8, 8, true } };

		if (virtq_put(&q, b, 1 + (unsigned)rand() % 2) >= 0)
			put++;
		complete((uint32_t)rand() % (rand() % 4 ? SIZE : 100000), (uint32_t)rand());
		memset(dma + (register64(QUEUE_DESC) - dev.dma_addr), rand(), SIZE * 16);
		while (virtq_take(&q, &written) >= 0)
			taken++;
	}
	check(taken && taken <= put, "made-up completions give back no more than was asked");
	check(q.free_count <= SIZE, "and leave the free list whole");
}

/* Both halves of the features read 0x0001: VERSION_1, but not ACCESS_PLATFORM. */
static void test_iommu(void)
{
	uint64_t features = 0;

	begin();
	registers[FEATURES] = 1;
	registers[FEATURES + 1] = 0;
	check(!virtio_begin(&v, &dev, &features), "without an IOMMU it need not obey one");
	info.iommu = START_IOMMU_VTD;
	check(virtio_begin(&v, &dev, &features) != NULL,
	      "one that goes round the IOMMU is refused");
	check(!begin(), "one that obeys it is not");
}

int main(void)
{
	check(!begin(), "the device is set up");
	test_honest();
	test_hostile();
	test_iommu();
	dev.mmio_size[4] = 0x2000;
	check(virtio_begin(&v, &dev, &(uint64_t){ 0 }) != NULL,
	      "registers outside of the BAR are refused");
	return failures ? 1 : 0;
}
