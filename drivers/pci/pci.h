// SPDX-License-Identifier: Apache-2.0
/*
 * PCI bus (proto "pci"): pci <- root. The component knows configuration space only; windows and interrupts are handed out by root.
 *
 *   request       arg        payload   answer payload
 *   PCI_LIST      0          -         n * struct pci_function
 *   PCI_ENABLE    function   -         -    memory decoding and MSI-X on, with PCI_MASTER bus mastering too; and the bridges above it
 *   PCI_DISABLE   function   -         -    all three off
 *
 * A function is named by its requester id: bus << 8 | device << 3 | function.
 */
#pragma once
#include <stdint.h>
#include "lib/virtio_caps.h"

#define PCI_MAX_FUNCTIONS 64u

enum pci_type { PCI_LIST = 1, PCI_ENABLE = 2, PCI_DISABLE = 3 };

/* In arg: it may write to memory, be it only its interrupt messages. */
#define PCI_MASTER (UINT64_C(1) << 16)

struct pci_bar {
	uint64_t base; /* physical */
	uint64_t size; /* bytes; 0: no memory BAR here */
};

struct pci_function {
	uint32_t id;
	uint16_t vendor;
	uint16_t device;
	uint16_t class_code; /* class << 8 | subclass */
	uint16_t irqs;       /* MSI-X vectors, 0: none */
	uint32_t secondary;  /* bridges: the bus behind; else 0 */
	struct pci_bar bar[6];
	struct virtio_caps caps;
};
