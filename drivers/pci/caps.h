// SPDX-License-Identifier: Apache-2.0
/* Configuration space of one function: capabilities and BARs. Pure: over a reader of dwords, so tests bring their own space. */
#pragma once
#include <stdbool.h>
#include "drivers/pci/pci.h"

struct pci_config {
	uint32_t (*read)(const struct pci_config *c, uint8_t offset); /* offset: multiple of 4 */
	void (*write)(const struct pci_config *c, uint8_t offset, uint32_t value);
	uint32_t id; /* of the function, for the two above */
	void *user;
};

/* Offset of the MSI-X capability, 0: none. */
uint8_t pci_msix(const struct pci_config *c);
/* Identity, BARs (sized with memory decoding off), MSI-X and virtio capabilities. False: nothing there. */
bool pci_probe(const struct pci_config *c, struct pci_function *f);
/* Lets requests of the functions behind a bridge pass. */
void pci_open_bridge(const struct pci_config *c);
/* Command register and MSI-X enable bit. master: it may write to memory while it is on. */
void pci_switch(const struct pci_config *c, bool on, bool master);
