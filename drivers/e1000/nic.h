// SPDX-License-Identifier: Apache-2.0
/*
 * Intel 82540EM ("PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual", 317453): one ring each
 * way of legacy descriptors (3.2.3, 3.3.3), no offloads, no interrupts: the owner polls. Whatever the card writes
 * into its rings, only the owner's own buffers are ever touched.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/start.h"

#define NIC_RING   64u   /* descriptors each way; a power of two */
#define NIC_BUFFER 2048u /* bytes */
#define NIC_DMA    (2 * NIC_RING * (16 + NIC_BUFFER))

struct nic_desc {
	uint64_t address; /* on the device's side */
	uint16_t length;
	uint16_t checksum; /* tx: offset and, in the high byte, command */
	uint8_t status;
	uint8_t errors;
	uint16_t special;
};

_Static_assert(sizeof(struct nic_desc) == 16, "descriptor");

struct nic {
	volatile uint8_t *regs;
	volatile struct nic_desc *rx, *tx;
	uint8_t *rx_buf, *tx_buf;  /* NIC_RING buffers each */
	uint64_t rx_addr, tx_addr; /* of those, on the device's side */
	uint32_t rx_next;          /* descriptor that the card fills next */
	uint32_t tx_next, tx_used; /* first free descriptor; how many the card has */
	uint8_t mac[6];
};

/* Resets the card, reads its address, gives it its rings and turns it on. NULL or what is wrong. */
const char *nic_begin(struct nic *n, const struct start_dev *dev)
	__attribute__((warn_unused_result));
bool nic_link(const struct nic *n);
/* The next frame that came, whole and without error: its length, *frame valid until nic_give_back(); 0: none. */
uint32_t nic_take(struct nic *n, const uint8_t **frame);
void nic_give_back(struct nic *n);
/* A buffer for the next frame to send; NULL: all are under way. */
uint8_t *nic_room(struct nic *n);
/* Sends the `length` bytes (1..NIC_BUFFER) in that buffer. */
void nic_send(struct nic *n, uint32_t length);
