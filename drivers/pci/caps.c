// SPDX-License-Identifier: Apache-2.0
/* PCI Local Bus 3.0, 6.1 (header), 6.2.5.1 (BAR sizes), 6.7 (capabilities), 6.8.2 (MSI-X); virtio 1.2, 4.1.4. */
#include "drivers/pci/caps.h"

enum {
	REG_ID = 0x00,
	REG_COMMAND = 0x04,
	REG_CLASS = 0x08,
	REG_HEADER = 0x0c,
	REG_BAR = 0x10,
	REG_BUSES = 0x18,
	REG_CAPS = 0x34,
	HEADER_TYPE = 0x7f,
	HEADER_BRIDGE = 1,
	COMMAND_IO = 1 << 0,
	COMMAND_MEMORY = 1 << 1,
	COMMAND_MASTER = 1 << 2,
	COMMAND_INTX_OFF = 1 << 10,
	STATUS_CAPS = 1 << 20,
	CAP_VENDOR = 0x09,
	CAP_MSIX = 0x11,
	BAR_IO = 1 << 0,
	BAR_64 = 2 << 1,
	BAR_TYPE = 3 << 1,
	MAX_CAPS = 48,
};

#define MSIX_ENABLE   (1u << 31)
#define MSIX_MASK_ALL (1u << 30)

static uint32_t rd(const struct pci_config *c, unsigned offset)
{
	return c->read(c, (uint8_t)offset);
}

/* The next capability from pointer `at`; 0 at the end. Capabilities lie in 0x40..0xfc. */
static uint8_t cap_next(const struct pci_config *c, uint8_t at)
{
	uint8_t next = at ? (uint8_t)(rd(c, at) >> 8) : (uint8_t)rd(c, REG_CAPS);

	next &= 0xfc;
	return next >= 0x40 ? next : 0;
}

static uint8_t cap_first(const struct pci_config *c)
{
	return rd(c, REG_COMMAND) & STATUS_CAPS ? cap_next(c, 0) : 0;
}

uint8_t pci_msix(const struct pci_config *c)
{
	uint8_t at = cap_first(c);

	for (unsigned n = 0; at && n < MAX_CAPS; n++, at = cap_next(c, at))
		if ((rd(c, at) & 0xff) == CAP_MSIX)
			return at;
	return 0;
}

static void virtio_cap(const struct pci_config *c, uint8_t at, struct virtio_caps *v)
{
	uint32_t head = rd(c, at), type = head >> 24, bar;

	if (type < 1 || type > VIRTIO_REGIONS || at > 0xec)
		return;
	type--;
	bar = rd(c, at + 4u) & 0xff;
	if (bar > 5 || v->present & 1u << type)
		return; /* the first of each type counts */
	v->bar[type] = (uint8_t)bar;
	v->offset[type] = rd(c, at + 8u);
	v->length[type] = rd(c, at + 12u);
	v->present |= (uint8_t)(1u << type);
	if (type == VIRTIO_NOTIFY)
		v->notify_multiplier = rd(c, at + 16u);
}

static void capabilities(const struct pci_config *c, struct pci_function *f)
{
	uint8_t at = cap_first(c);

	for (unsigned n = 0; at && n < MAX_CAPS; n++, at = cap_next(c, at)) {
		uint32_t head = rd(c, at);

		if ((head & 0xff) == CAP_MSIX) {
			uint32_t table = rd(c, at + 4u);

			f->irqs = (uint16_t)((head >> 16 & 0x7ff) + 1);
			f->caps.msix_bar = table & 7;
			f->caps.msix_offset = table & ~7u;
		}
		if ((head & 0xff) == CAP_VENDOR && f->vendor == 0x1af4)
			virtio_cap(c, at, &f->caps);
	}
}

static uint32_t probe_size(const struct pci_config *c, unsigned reg)
{
	uint32_t old = rd(c, reg), mask;

	c->write(c, (uint8_t)reg, 0xffffffff);
	mask = rd(c, reg);
	c->write(c, (uint8_t)reg, old);
	return mask;
}

/* One memory BAR; returns how many registers it took. */
static unsigned bar(const struct pci_config *c, unsigned n, struct pci_bar *b)
{
	unsigned reg = REG_BAR + 4 * n;
	uint32_t low = rd(c, reg);
	bool wide = !(low & BAR_IO) && (low & BAR_TYPE) == BAR_64 && n < 5;
	uint64_t mask = probe_size(c, reg) & ~0xfu;

	if (low & BAR_IO)
		return 1;
	b->base = low & ~0xfu;
	if (wide) {
		b->base |= (uint64_t)rd(c, reg + 4) << 32;
		mask |= (uint64_t)probe_size(c, reg + 4) << 32;
	} else if (mask) {
		mask |= 0xffffffffull << 32;
	}
	b->size = b->base ? ~mask + 1 : 0;
	return wide ? 2 : 1;
}

bool pci_probe(const struct pci_config *c, struct pci_function *f)
{
	uint32_t id = rd(c, REG_ID), command = rd(c, REG_COMMAND) & 0xffff;

	*f = (struct pci_function){ .id = c->id,
				    .vendor = (uint16_t)id,
				    .device = (uint16_t)(id >> 16) };
	if (f->vendor == 0xffff)
		return false;
	f->class_code = (uint16_t)(rd(c, REG_CLASS) >> 16);
	if ((rd(c, REG_HEADER) >> 16 & HEADER_TYPE) == HEADER_BRIDGE)
		f->secondary = rd(c, REG_BUSES) >> 8 & 0xff;
	if (rd(c, REG_HEADER) >> 16 & HEADER_TYPE)
		return true; /* a bridge: no BARs of interest */
	c->write(c, REG_COMMAND, command & ~(uint32_t)(COMMAND_IO | COMMAND_MEMORY));
	for (unsigned n = 0; n < 6;)
		n += bar(c, n, &f->bar[n]);
	c->write(c, REG_COMMAND, command);
	capabilities(c, f);
	return true;
}

void pci_open_bridge(const struct pci_config *c)
{
	uint32_t command = rd(c, REG_COMMAND) & 0xffff;

	c->write(c, REG_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
}

void pci_switch(const struct pci_config *c, bool on, bool master)
{
	uint32_t command = rd(c, REG_COMMAND) & 0xffff;
	uint8_t msix = pci_msix(c);

	command &= ~(uint32_t)(COMMAND_MEMORY | COMMAND_MASTER);
	if (on)
		command |= COMMAND_MEMORY;
	if (on && master)
		command |= COMMAND_MASTER;
	c->write(c, REG_COMMAND, command | COMMAND_INTX_OFF);
	if (msix) {
		uint32_t head = rd(c, msix) & ~(MSIX_ENABLE | MSIX_MASK_ALL);

		c->write(c, msix, on ? head | MSIX_ENABLE : head);
	}
}
