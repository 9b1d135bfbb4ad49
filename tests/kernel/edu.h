// SPDX-License-Identifier: Apache-2.0
/*
 * QEMU's "edu" device, driven from root: it raises a message interrupt when told to, and copies between a buffer of its own and any address that it is given. A driver that was taken over can do no more with a real one.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "abi/types.h"

struct edu {
	uint32_t rid;
	volatile uint32_t *regs;
	sel_t dc; /* of the last edu_attach() */
};

extern struct edu edu;

/* Finds it and lets it master the bus; false: this machine has none. */
bool edu_begin(void);
/* A fresh capability for it in edu.dc; with an IOMMU attached to a new, empty DMA space, which is returned. */
sel_t edu_attach(void);
/* What it writes where when it raises its interrupt; and that. */
void edu_message(uint64_t address, uint64_t data);
void edu_raise(void);
/* From memory into its buffer; from there to memory. At most a page. */
void edu_take(uint64_t address, uint64_t bytes);
void edu_put(uint64_t address, uint64_t bytes);
