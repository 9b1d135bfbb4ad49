// SPDX-License-Identifier: Apache-2.0
#include "drivers/e1000/nic.h"
#include <stdatomic.h>
#include <string.h>
#include "lib/component.h"

enum nic_register { /* 13.3 */
		    CTRL = 0x0000,
		    STATUS = 0x0008,
		    EERD = 0x0014,
		    IMC = 0x00d8,
		    RCTL = 0x0100,
		    TCTL = 0x0400,
		    TIPG = 0x0410,
		    RX_RING = 0x2800,
		    TX_RING = 0x3800,
		    MTA = 0x5200,
		    RAL = 0x5400,
		    RAH = 0x5404,
		    REGISTERS = 0x20000, /* bytes of the window */
};

enum { /* of a ring, from its first register */
       RING_LOW = 0x00,
       RING_HIGH = 0x04,
       RING_SIZE = 0x08,
       RING_HEAD = 0x10,
       RING_TAIL = 0x18,
};

enum {
	CTRL_SPEED_AUTO = 1 << 5,
	CTRL_LINK_UP = 1 << 6,
	CTRL_RESET = 1 << 26,
	STATUS_LINK = 1 << 1,
	EERD_START = 1 << 0,
	EERD_DONE = 1 << 4,
	EERD_ADDRESS_SHIFT = 8,
	EERD_DATA_SHIFT = 16,
	RCTL_ON = 1 << 1,
	RCTL_BROADCAST = 1 << 15,
	RCTL_STRIP_CRC = 1 << 26,
	TCTL_ON = 1 << 1,
	TCTL_PAD = 1 << 3,
	TCTL_COLLISIONS = 0x0f << 4 | 0x40 << 12,
	TIPG_COPPER = 10 | 8 << 10 | 6 << 20,
	MTA_WORDS = 128,

	RX_DONE = 1 << 0,
	RX_WHOLE = 1 << 1,
	TX_DONE = 1 << 0,
	TX_COMMAND = (1 << 0 | 1 << 1 | 1 << 3) << 8, /* end of packet, insert FCS, report status */

	TRIES = 1000,
	STEP_NS = 100000,
};

#define RAH_VALID (1u << 31)

static uint32_t get(const struct nic *n, uint32_t reg)
{
	return *(volatile uint32_t *)(n->regs + reg);
}

static void put(const struct nic *n, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)(n->regs + reg) = value;
}

/* Whether (register & mask) becomes `value` in time. */
static bool await(const struct nic *n, uint32_t reg, uint32_t mask, uint32_t value)
{
	for (unsigned i = 0; i < TRIES; i++) {
		if ((get(n, reg) & mask) == value)
			return true;
		component_wait(now_ns() + STEP_NS);
	}
	return false;
}

static bool read_eeprom(const struct nic *n, uint32_t word, uint16_t *out)
{
	put(n, EERD, EERD_START | word << EERD_ADDRESS_SHIFT);
	if (!await(n, EERD, EERD_DONE, EERD_DONE))
		return false;
	*out = (uint16_t)(get(n, EERD) >> EERD_DATA_SHIFT);
	return true;
}

/* The receive-address registers may be empty after a reset: the EEPROM always has the address (5.6.1). */
static const char *take_address(struct nic *n)
{
	uint16_t word[3];

	for (uint32_t i = 0; i < 3; i++)
		if (!read_eeprom(n, i, &word[i]))
			return "its EEPROM does not answer";
	memcpy(n->mac, word, sizeof(n->mac));
	if (n->mac[0] & 1 || !(word[0] | word[1] | word[2]))
		return "it has no address";
	put(n, RAL, word[0] | (uint32_t)word[1] << 16);
	put(n, RAH, word[2] | RAH_VALID);
	for (uint32_t i = 0; i < MTA_WORDS; i++)
		put(n, MTA + 4 * i, 0);
	return NULL;
}

static void put_ring(const struct nic *n, uint32_t ring, uint64_t address)
{
	put(n, ring + RING_LOW, (uint32_t)address);
	put(n, ring + RING_HIGH, (uint32_t)(address >> 32));
	put(n, ring + RING_SIZE, NIC_RING * sizeof(struct nic_desc));
	put(n, ring + RING_HEAD, 0);
	put(n, ring + RING_TAIL, 0);
}

static void arm(struct nic *n, uint32_t i)
{
	n->rx[i] = (struct nic_desc){ .address = n->rx_addr + i * NIC_BUFFER };
}

static void start(struct nic *n, const struct start_dev *dev)
{
	uint64_t rings = 2 * NIC_RING * sizeof(struct nic_desc), half = NIC_RING * NIC_BUFFER;

	n->rx = (volatile struct nic_desc *)(uintptr_t)dev->dma_va;
	n->tx = n->rx + NIC_RING;
	n->rx_buf = (uint8_t *)(uintptr_t)dev->dma_va + rings;
	n->tx_buf = n->rx_buf + half;
	n->rx_addr = dev->dma_addr + rings;
	n->tx_addr = n->rx_addr + half;
	for (uint32_t i = 0; i < NIC_RING; i++)
		arm(n, i);
	put_ring(n, RX_RING, dev->dma_addr);
	put_ring(n, TX_RING, dev->dma_addr + NIC_RING * sizeof(struct nic_desc));
	put(n, RCTL, RCTL_ON | RCTL_BROADCAST | RCTL_STRIP_CRC);
	put(n, RX_RING + RING_TAIL, NIC_RING - 1);
	put(n, TIPG, TIPG_COPPER);
	put(n, TCTL, TCTL_ON | TCTL_PAD | TCTL_COLLISIONS);
}

const char *nic_begin(struct nic *n, const struct start_dev *dev)
{
	const char *wrong;

	if (dev->mmio_size[0] < REGISTERS || dev->dma_size < NIC_DMA)
		return "too few registers or too little DMA memory";
	*n = (struct nic){ .regs = (volatile uint8_t *)(uintptr_t)dev->mmio_va[0] };
	put(n, IMC, UINT32_MAX);
	put(n, CTRL, CTRL_RESET);
	component_wait(now_ns() + 10 * STEP_NS);
	if (!await(n, CTRL, CTRL_RESET, 0))
		return "it does not reset";
	put(n, IMC, UINT32_MAX);
	wrong = take_address(n);
	if (wrong)
		return wrong;
	put(n, CTRL, CTRL_LINK_UP | CTRL_SPEED_AUTO);
	start(n, dev);
	return NULL;
}

bool nic_link(const struct nic *n)
{
	return get(n, STATUS) & STATUS_LINK;
}

uint32_t nic_take(struct nic *n, const uint8_t **frame)
{
	for (uint32_t i = 0; i < NIC_RING; i++) {
		const volatile struct nic_desc *d = &n->rx[n->rx_next];
		uint8_t status = d->status;

		if (!(status & RX_DONE))
			return 0;
		atomic_thread_fence(memory_order_acquire);
		uint32_t length = d->length;

		*frame = n->rx_buf + n->rx_next * NIC_BUFFER;
		if (status & RX_WHOLE && !d->errors && length && length <= NIC_BUFFER)
			return length;
		nic_give_back(n); /* part of a longer frame, or damaged */
	}
	return 0;
}

void nic_give_back(struct nic *n)
{
	uint32_t i = n->rx_next;

	arm(n, i);
	n->rx_next = (i + 1) % NIC_RING;
	atomic_thread_fence(memory_order_release);
	put(n, RX_RING + RING_TAIL, i);
}

static void reap(struct nic *n)
{
	while (n->tx_used && n->tx[(n->tx_next - n->tx_used) % NIC_RING].status & TX_DONE)
		n->tx_used--;
}

uint8_t *nic_room(struct nic *n)
{
	reap(n);
	return n->tx_used < NIC_RING - 1 ? n->tx_buf + n->tx_next * NIC_BUFFER : NULL;
}

void nic_send(struct nic *n, uint32_t length)
{
	n->tx[n->tx_next] = (struct nic_desc){ .address = n->tx_addr + n->tx_next * NIC_BUFFER,
					       .length = (uint16_t)length,
					       .checksum = TX_COMMAND };
	n->tx_next = (n->tx_next + 1) % NIC_RING;
	n->tx_used++;
	atomic_thread_fence(memory_order_release);
	put(n, TX_RING + RING_TAIL, n->tx_next);
}
