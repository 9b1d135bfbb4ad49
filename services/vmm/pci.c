// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/pci.h"

void pci_init(struct pci *p)
{
	*p = (struct pci){ .mem_next = PCI_MEM_BASE, .io_next = PCI_IO_BASE };
}

void pci_func_init(struct pci_func *f, uint16_t vendor, uint16_t device, uint32_t class,
		   uint8_t revision)
{
	*f = (struct pci_func){ .cap_end = PCI_CAPS };
	pci_set(f->cfg, 2, vendor);
	pci_set(f->cfg + 2, 2, device);
	pci_set(f->cfg + 8, 4, class << 8 | revision);
	pci_set(f->cfg + 0x2c, 2, vendor);
	pci_set(f->cfg + 0x2e, 2, device);
	pci_set(f->mask + PCI_COMMAND, 2, 0x0407); /* io, memory, master, no INTx */
	f->mask[0x0c] = 0xff;                      /* cache line size */
	f->mask[0x3c] = 0xff;                      /* interrupt line */
}

void pci_add_bar(struct pci_func *f, unsigned bar, uint32_t size, bool io)
{
	unsigned at = PCI_BAR0 + 4 * bar;

	f->bar_size[bar] = size;
	f->bar_io[bar] = io;
	f->cfg[at] = io;
	pci_set(f->mask + at, 4, ~(size - 1));
}

unsigned pci_add_cap(struct pci_func *f, const void *bytes, unsigned size)
{
	const uint8_t *in = bytes;
	unsigned at = f->cap_end;

	for (unsigned i = 0; i < size; i++)
		f->cfg[at + i] = in[i];
	f->cfg[at + 1] = 0;
	f->cfg[f->cap_last != 0 ? f->cap_last + 1u : (unsigned)PCI_CAP_POINTER] = (uint8_t)at;
	f->cfg[PCI_STATUS] |= 0x10;
	f->cap_last = (uint16_t)at;
	f->cap_end = (uint16_t)(at + ((size + 3) & ~3u));
	return at;
}

static void place_bar(struct pci *p, struct pci_func *f, unsigned bar)
{
	uint32_t *next = f->bar_io[bar] ? &p->io_next : &p->mem_next;
	uint32_t size = f->bar_size[bar], base = (*next + size - 1) & ~(size - 1);

	pci_set(f->cfg + PCI_BAR0 + 4 * bar, 4, base | f->bar_io[bar]);
	*next = base + size;
}

void pci_plug(struct pci *p, unsigned device, struct pci_func *f)
{
	p->func[device] = f;
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (f->bar_size[i] != 0)
			place_bar(p, f, i);
	f->cfg[PCI_COMMAND] = PCI_COMMAND_IO | PCI_COMMAND_MEM;
	p->moved = true;
}

bool pci_bar(const struct pci_func *f, unsigned bar, uint32_t *base)
{
	uint8_t needed = f->bar_io[bar] ? PCI_COMMAND_IO : PCI_COMMAND_MEM;

	*base = pci_get32(f, PCI_BAR0 + 4 * bar) & ~(f->bar_size[bar] - 1);
	return f->bar_size[bar] != 0 && (f->cfg[PCI_COMMAND] & needed);
}

/* The function and the byte in it that the address register and the data port name. */
static struct pci_func *target(struct pci *p, uint16_t port, unsigned *at)
{
	uint32_t a = p->address;

	*at = (a & 0xfc) | (port & 3);
	if (!(a & 0x80000000u) || (a & 0x00ff0700) != 0)
		return NULL;
	return p->func[(a >> 11) & 31];
}

static uint32_t all_ones(unsigned size)
{
	return size == 4 ? UINT32_MAX : (UINT32_C(1) << 8 * size) - 1;
}

static uint32_t func_read(struct pci_func *f, unsigned at, unsigned size)
{
	uint32_t value = 0;

	if (f->before_read != NULL)
		f->before_read(f->dev, at, size);
	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)f->cfg[at + i] << 8 * i;
	return value;
}

static void func_write(struct pci *p, struct pci_func *f, unsigned at, unsigned size,
		       uint32_t value)
{
	for (unsigned i = 0; i < size; i++) {
		uint8_t m = f->mask[at + i];

		f->cfg[at + i] = (uint8_t)((f->cfg[at + i] & ~m) | ((value >> 8 * i) & m));
	}
	if (at < PCI_BAR0 + 4 * PCI_BARS)
		p->moved = true;
	if (f->after_write != NULL)
		f->after_write(f->dev, at, size);
}

uint32_t pci_read(struct pci *p, uint16_t port, unsigned size)
{
	struct pci_func *f;
	unsigned at;

	if (port < PCI_DATA_PORT)
		return port == PCI_ADDRESS_PORT && size == 4 ? p->address : all_ones(size);
	f = target(p, port, &at);
	if (f == NULL || (port & 3) + size > 4)
		return all_ones(size);
	return func_read(f, at, size);
}

void pci_write(struct pci *p, uint16_t port, unsigned size, uint32_t value)
{
	struct pci_func *f;
	unsigned at;

	if (port < PCI_DATA_PORT) {
		if (port == PCI_ADDRESS_PORT && size == 4)
			p->address = value & 0x80fffffc;
		return;
	}
	f = target(p, port, &at);
	if (f != NULL && (port & 3) + size <= 4)
		func_write(p, f, at, size, value);
}

/* The function and the byte in it; NULL: function number other than 0, or nobody there. */
static struct pci_func *ecam_target(const struct pci *p, uint32_t at, unsigned *reg)
{
	*reg = at & 0xfff;
	return (at & 0x7000) == 0 ? p->func[(at >> 15) & 31] : NULL;
}

uint32_t pci_ecam_read(struct pci *p, uint32_t at, unsigned size)
{
	unsigned reg;
	struct pci_func *f = ecam_target(p, at, &reg);

	if (f == NULL)
		return all_ones(size);
	return reg + size <= sizeof(f->cfg) ? func_read(f, reg, size) : 0;
}

void pci_ecam_write(struct pci *p, uint32_t at, unsigned size, uint32_t value)
{
	unsigned reg;
	struct pci_func *f = ecam_target(p, at, &reg);

	if (f != NULL && reg + size <= sizeof(f->cfg))
		func_write(p, f, reg, size, value);
}

void pci_state(struct state *s, struct pci *p)
{
	state_section(s, 0x20494350, 1); /* "PCI " */
	state_u32(s, &p->address);
	for (unsigned i = 0; i < PCI_DEVICES; i++)
		if (p->func[i] != NULL)
			state_bytes(s, p->func[i]->cfg, sizeof(p->func[i]->cfg));
	if (s->loading)
		p->moved = true;
}
