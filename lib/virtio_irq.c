// SPDX-License-Identifier: Apache-2.0
#include "abi/calls.h"
#include "lib/component.h"
#include "lib/virtio_drv.h"

/* Message 0 of the function ups our semaphore. PCI 3.0, 6.8.2.6: table entries. */
const char *virtio_interrupt(const struct virtio *v, const struct virtio_caps *c)
{
	const struct start_dev *dev = v->dev;
	uint64_t address, data, size = c->msix_bar < 6 ? dev->mmio_size[c->msix_bar] : 0;
	volatile uint32_t *entry;

	if (!dev->irqs || c->msix_offset > size || size - c->msix_offset < 16)
		return "no message interrupts";
	if (sys_assign(dev->dc, 0, START_SEL_WAKE, start_info()->cpu, &address, &data) != S_OK)
		return "the kernel assigns no interrupt";
	entry = (volatile uint32_t *)(uintptr_t)(dev->mmio_va[c->msix_bar] + c->msix_offset);
	entry[0] = (uint32_t)address;
	entry[1] = (uint32_t)(address >> 32);
	entry[2] = (uint32_t)data;
	entry[3] = 0; /* not masked */
	return NULL;
}
