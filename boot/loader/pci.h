// SPDX-License-Identifier: Apache-2.0
/* PCI devices must not write memory after the firmware is gone. */
#pragma once

/*
 * Turns bus mastering off for every function of PCI segment 0, bridges included, by configuration
 * mechanism 1. Call after ExitBootServices(): the firmware's drivers use it until then.
 */
void pci_stop_bus_masters(void);
