// SPDX-License-Identifier: Apache-2.0
/*
 * PCI bus 0 behind configuration mechanism 1 (CF8h, CFCh) and, in memory, the enhanced one (ECAM). State: the address register and
 * each function's 256 bytes. Every device is a single function; there are no bridges, interrupt pins, ROMs or power management,
 * and nothing in extended configuration space (it reads 0). BARs are assigned before the guest runs, and can be moved by it.
 * Sources: PCI Local Bus 3.0, chapter 6; PCI Express Base 5.0, section 7.2.2.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/state.h"

#define PCI_ADDRESS_PORT 0xcf8u
#define PCI_DATA_PORT    0xcfcu
#define PCI_DEVICES      32u
#define PCI_BARS         6u
#define PCI_MEM_BASE     0xc0000000u /* where BARs are put at start */
#define PCI_MEM_END      0xdfffffffu
#define PCI_ECAM         0xe0000000u /* where firmware for q35 boards puts it */
#define PCI_ECAM_SIZE    0x100000u   /* of bus 0 */
#define PCI_IO_BASE      0xc000u
#define PCI_IO_END       0xefffu

enum pci_reg {
	PCI_COMMAND = 0x04,
	PCI_STATUS = 0x06,
	PCI_BAR0 = 0x10,
	PCI_CAP_POINTER = 0x34,
	PCI_CAPS = 0x40, /* first capability */
};

enum pci_command { PCI_COMMAND_IO = 1, PCI_COMMAND_MEM = 2, PCI_COMMAND_MASTER = 4 };

struct pci_func {
	uint8_t cfg[256];
	uint8_t mask[256];           /* bits the guest may write */
	uint32_t bar_size[PCI_BARS]; /* 0: none; power of two */
	bool bar_io[PCI_BARS];
	uint16_t cap_end;  /* where the next capability goes */
	uint16_t cap_last; /* place of the last one, 0: none */
	void *dev;
	/* Before a read and after a write of cfg[at, at + size); may be NULL. */
	void (*before_read)(void *dev, unsigned at, unsigned size);
	void (*after_write)(void *dev, unsigned at, unsigned size);
};

struct pci {
	uint32_t address;
	struct pci_func *func[PCI_DEVICES]; /* not owned */
	uint32_t mem_next, io_next;
	bool moved; /* a BAR or a command register changed: the owner maps windows anew and clears it */
};

void pci_init(struct pci *p);
/* Set up a function's header. class: 24 bits as in the header. */
void pci_func_init(struct pci_func *f, uint16_t vendor, uint16_t device, uint32_t class,
		   uint8_t revision);
void pci_add_bar(struct pci_func *f, unsigned bar, uint32_t size, bool io);
/* Append a capability of `size` bytes with the given first bytes (id included, next pointer set here); its place. */
unsigned pci_add_cap(struct pci_func *f, const void *bytes, unsigned size);
/* Put the function at a device number and give its BARs addresses. */
void pci_plug(struct pci *p, unsigned device, struct pci_func *f);
/* Address of a BAR if the guest has it switched on. */
bool pci_bar(const struct pci_func *f, unsigned bar, uint32_t *base);

uint32_t pci_read(struct pci *p, uint16_t port, unsigned size);
void pci_write(struct pci *p, uint16_t port, unsigned size, uint32_t value);
/* ECAM: at < PCI_ECAM_SIZE. */
uint32_t pci_ecam_read(struct pci *p, uint32_t at, unsigned size);
void pci_ecam_write(struct pci *p, uint32_t at, unsigned size, uint32_t value);
void pci_state(struct state *s, struct pci *p);

static inline uint32_t pci_get32(const struct pci_func *f, unsigned at)
{
	return (uint32_t)f->cfg[at] | (uint32_t)f->cfg[at + 1] << 8 |
	       (uint32_t)f->cfg[at + 2] << 16 | (uint32_t)f->cfg[at + 3] << 24;
}

static inline void pci_set(uint8_t *at, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}
