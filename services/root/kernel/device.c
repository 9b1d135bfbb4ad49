// SPDX-License-Identifier: Apache-2.0
/*
 * Devices: I/O ports, fixed windows, PCI functions. Capabilities once derived are kept for restarts of the driver. With an IOMMU each function gets a DMA
 * space of its own, with its driver's DMA memory in it and nothing else; it goes before the driver's memory does.
 */
#include <string.h>
#include "drivers/pci/pci.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/runtime.h"
#include "services/root/instance.h"
#include "services/root/kernel/kernel.h"

#define PCI_ANSWER_NS 10000000000ull
#define PCI_STEP_NS   5000000ull

/* Where a function sees its DMA memory: below 4 GiB for devices of 32 bits, and not where any memory of that size is likely to be. */
#define DMA_IOVA 0x10000000ull

static struct {
	sel_t mo[6];
	sel_t dc;
	sel_t dma; /* the DMA space while the driver runs */
} granted[MANIFEST_MAX_DEVICES];

static struct pci_function functions[PCI_MAX_FUNCTIONS];
static uint32_t function_count;

/* A call to `pci`, which may die meanwhile; gives up when it does not answer. */
static bool pci_call(uint16_t type, uint64_t arg, void *out, size_t cap, size_t *n)
{
	static uint64_t id;
	struct chan *c = chan_open("pci", "pci");
	struct msg m = { .type = type, .id = ++id, .arg = arg }, a;
	uint64_t end = now_ns() + PCI_ANSWER_NS;

	if (!c)
		return false;
	while (chan_send(c, &m, NULL, 0) == CHAN_RESTARTED)
		;
	while (now_ns() < end) {
		enum chan_result r = chan_recv(c, &a, out, cap);

		if (r == CHAN_OK && a.id == m.id) {
			*n = a.len - sizeof(a);
			return a.status == CS_OK;
		}
		if (r == CHAN_RESTARTED)
			chan_send(c, &m, NULL, 0);
		if (r == CHAN_EMPTY && chan_arm())
			runtime_sleep(now_ns() + PCI_STEP_NS);
		root_revive("pci");
	}
	return false;
}

static void list_functions(void)
{
	size_t n = 0;

	if (function_count || !pci_call(PCI_LIST, 0, functions, sizeof(functions), &n))
		return;
	function_count = (uint32_t)(n / sizeof(functions[0]));
	log_line("pci has %u functions", function_count);
}

static const struct pci_function *match(const struct manifest_device *m)
{
	uint32_t skip = m->index;

	for (const struct pci_function *f = functions; f < functions + function_count; f++)
		if ((m->vendor == MANIFEST_NONE || m->vendor == f->vendor) &&
		    (m->device == MANIFEST_NONE || m->device == f->device) &&
		    (m->class_code == MANIFEST_NONE || m->class_code == f->class_code) && !skip--)
			return f;
	return NULL;
}

bool engine_has(const struct manifest_device *m)
{
	if (m->kind != MD_PCI)
		return true;
	list_functions();
	return match(m) != NULL;
}

static sel_t derived(sel_t *slot, sel_t from, uint64_t offset, uint64_t size, uint64_t rights)
{
	if (*slot)
		return *slot;
	*slot = sel_new();
	if (*slot && sys_derive(*slot, from, offset, size, rights) == S_OK)
		return *slot;
	sel_free(*slot);
	*slot = SEL_NULL;
	return SEL_NULL;
}

static const char *give_ports(struct domain *d, const struct manifest_device *m, sel_t *slot,
			      struct start_dev *dev)
{
	sel_t pio = derived(slot, root->pio_all, m->base, m->size, RIGHT_ALL);

	if (!pio || sys_map(pio, d->pd, 0, 0, m->size, RIGHT_RW) != S_OK)
		return "ports cannot be mapped";
	dev->port_base = (uint16_t)m->base;
	dev->port_count = (uint16_t)m->size;
	return NULL;
}

static const char *give_window(struct domain *d, uint64_t base, uint64_t size, uint64_t va,
			       sel_t *slot)
{
	sel_t mo = derived(slot, root->mo_dev, base, size, RIGHT_ALL);

	if (!mo)
		return "window is not device memory";
	return sys_map(mo, d->pd, va, 0, size, RIGHT_RW | MAP_UNCACHED) == S_OK
		       ? NULL
		       : "window cannot be mapped";
}

/* The function reaches nothing before, and this from now on. */
static const char *give_space(struct domain *d, sel_t dc, const struct area *dma, sel_t *space,
			      struct start_dev *dev)
{
	if (!(root->flags & ROOT_IOMMU))
		return NULL;
	*space = sel_new();
	if (!*space || sys_create_space(*space, d->pd, SPACE_DMA) != S_OK) {
		sel_free(*space);
		*space = SEL_NULL;
		return "no kernel memory for a DMA space";
	}
	if (dma->size && sys_map(dma->sel, *space, DMA_IOVA, 0, dma->size, RIGHT_RW) != S_OK)
		return "DMA memory cannot be mapped for the device";
	if (dma->size)
		dev->dma_addr = DMA_IOVA;
	return sys_attach(dc, *space) == S_OK ? NULL : "the function is not its own";
}

static const char *give_function(struct domain *d, uint32_t n, const struct pci_function *f,
				 uint32_t index, struct start_dev *dev, const struct area *dma)
{
	sel_t dc = derived(&granted[index].dc, root->dc_all, f->id, 1, RIGHT_ALL);
	const char *wrong = NULL;
	size_t none;

	for (unsigned b = 0; b < 6 && !wrong; b++) {
		uint64_t va = LAYOUT_DEV + n * LAYOUT_DEV_STRIDE + b * (16ull << 20);

		if (!f->bar[b].size || f->bar[b].size > 16u << 20)
			continue;
		dev->mmio_va[b] = va;
		dev->mmio_size[b] = (f->bar[b].size + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1ull);
		wrong = f->bar[b].base % PAGE_SIZE
				? "BAR is not page-aligned"
				: give_window(d, f->bar[b].base, dev->mmio_size[b], va,
					      &granted[index].mo[b]);
	}
	if (wrong)
		return wrong;
	wrong = dc ? give_space(d, dc, dma, &granted[index].dma, dev) : "no device context";
	if (wrong)
		return wrong;
	if (sys_delegate(dc, d->pd, START_SEL_DEV + n, RIGHT_ASSIGN) != S_OK)
		return "no device context";
	dev->dc = START_SEL_DEV + n;
	dev->irqs = f->irqs;
	dev->pci = 1u << 31 | f->id;
	dev->vendor = f->vendor;
	dev->device = f->device;
	memcpy(dev->cap, &f->caps, sizeof(f->caps));
	return pci_call(PCI_ENABLE, f->id | (dma->size || f->irqs ? PCI_MASTER : 0), NULL, 0, &none)
		       ? NULL
		       : "pci does not enable it";
}

static const char *give_dma(struct domain *d, uint32_t n, uint64_t size, struct start_dev *dev,
			    struct area *dma)
{
	if (!area_new(dma, size, size >= 2u << 20 ? 2u << 20 : PAGE_SIZE) ||
	    !domain_give(d, dma, LAYOUT_DEV + n * LAYOUT_DEV_STRIDE + 6 * (16ull << 20), GIVE_RW,
			 &dev->dma_va))
		return "no memory for DMA";
	dev->dma_addr = dma->base;
	dev->dma_size = dma->size;
	return NULL;
}

const char *domain_device(struct domain *d, uint32_t n, const struct manifest_device *m,
			  struct start_dev *dev, struct area *dma)
{
	uint32_t index = (uint32_t)(m - manifest.device);
	const struct pci_function *f;
	const char *wrong = NULL;

	memcpy(dev->name, m->name, sizeof(dev->name));
	if (m->dma_kib)
		wrong = give_dma(d, n, (m->dma_kib + 3ull) / 4 * PAGE_SIZE, dev, dma);
	if (wrong)
		return wrong;
	if (m->kind == MD_PORTS)
		return give_ports(d, m, &granted[index].mo[0], dev);
	if (m->kind == MD_MMIO) {
		dev->mmio_va[0] = LAYOUT_DEV + n * LAYOUT_DEV_STRIDE;
		dev->mmio_size[0] = m->size;
		return give_window(d, m->base, m->size, dev->mmio_va[0], &granted[index].mo[0]);
	}
	list_functions();
	f = match(m);
	wrong = f ? give_function(d, n, f, index, dev, dma) : "absent";
	if (wrong)
		sel_drop(&granted[index].dma);
	return wrong;
}

/* True: there was one, and the device reaches nothing any more, whatever it does. */
static bool drop_space(const struct start_dev *dev)
{
	for (uint32_t i = 0; i < manifest.header->devices; i++)
		if (granted[i].dma && !strcmp(manifest.device[i].name, dev->name)) {
			sel_drop(&granted[i].dma);
			return true;
		}
	return false;
}

bool domain_device_off(struct domain *d, const struct start_dev *dev)
{
	size_t none;
	bool closed = drop_space(dev);

	if (!dev->pci || pci_call(PCI_DISABLE, dev->pci & 0xffff, NULL, 0, &none))
		return true;
	log_line("%s: pci does not switch %s off%s", d->label, dev->name,
		 closed ? "; it reaches nothing" : "");
	return closed;
}
