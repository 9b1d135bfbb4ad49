// SPDX-License-Identifier: Apache-2.0
/*
 * ACPI tables of a guest, at E0000h: RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT. Sources: ACPI 6.5, chapter 5 and 20 (AML);
 * PCI Firmware 3.3, section 4.1.2 (MCFG).
 * The DSDT names S5, the PCI host bridge with its windows, the ECAM's place, COM1 and the clock.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "services/vmm/guest_mem.h"

#define ACPI_BASE 0xe0000u /* guest-physical; the RSDP is first */
#define ACPI_SIZE 0x2000u

/* Write the tables; false: no RAM there. */
bool acpi_build(const struct guest_mem *gm, uint32_t vcpus);
/* The AML of the DSDT (without table header) into out; its length. cap >= 512. */
size_t acpi_dsdt_aml(uint8_t *out, size_t cap);
