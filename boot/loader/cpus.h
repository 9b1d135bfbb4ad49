// SPDX-License-Identifier: Apache-2.0
/* The processors, as the MP services protocol lists them (UEFI PI specification, volume 2, 13.4). */
#pragma once
#include "boot/bootinfo.h"

/* Fills cpu_count and apic_id[], the boot CPU first; without the protocol, the boot CPU alone. */
void cpus_list(struct bootinfo *info);
