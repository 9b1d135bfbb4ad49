// SPDX-License-Identifier: Apache-2.0
/*
 * drivers/e1000/nic.c against a card in memory: an honest one, and one that writes what it likes into both rings. The card
 * acts whenever the driver sleeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/e1000/nic.h"
#include "lib/component.h"

enum {
	CTRL = 0x0,
	STATUS = 0x8,
	EERD = 0x14,
	RX_RING = 0x2800,
	TX_RING = 0x3800,
	TAIL = 0x18,
	RAL = 0x5400,
	RAH = 0x5404,
	GUARD = 4096,
	DMA_AT = 0x10000000,
};

static _Alignas(4096) uint8_t registers[0x20000], dma[NIC_DMA + GUARD];
static struct start_dev dev;
static struct nic nic;
static bool stuck, silent; /* it never leaves reset; its EEPROM never answers */
static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
static unsigned failures;

static uint32_t *reg(uint32_t at)
{
	return (uint32_t *)(void *)(registers + at);
}

uint64_t now_ns(void)
{
	return 0;
}

void component_wait(uint64_t deadline_ns)
{
	uint32_t word = *reg(EERD) >> 8 & 0xff;

	(void)deadline_ns;
	if (!stuck)
		*reg(CTRL) &= ~(1u << 26);
	if (!silent && *reg(EERD) & 1 && word < 3)
		*reg(EERD) = 1 << 4 | (uint32_t)(mac[2 * word] | mac[2 * word + 1] << 8) << 16;
}

static void check(bool ok, const char *what)
{
	printf("%s e1000: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static const char *begin(void)
{
	memset(registers, 0, sizeof(registers));
	memset(dma, 0xa5, sizeof(dma));
	dev = (struct start_dev){ .dma_va = (uintptr_t)dma,
				  .dma_addr = DMA_AT,
				  .dma_size = NIC_DMA };
	dev.mmio_va[0] = (uintptr_t)registers;
	dev.mmio_size[0] = sizeof(registers);
	return nic_begin(&nic, &dev);
}

/* The card has put a frame of `length` bytes into descriptor i. */
static void arrive(uint32_t i, uint16_t length, uint8_t status, uint8_t errors)
{
	nic.rx[i].length = length;
	nic.rx[i].errors = errors;
	nic.rx[i].status = status;
}

static void starting(void)
{
	check(!begin() && !memcmp(nic.mac, mac, sizeof(mac)), "the address comes from the EEPROM");
	check(*reg(RAL) == 0x01005452 && *reg(RAH) == 0x80000302,
	      "and is where frames are filtered by");
	check(*reg(RX_RING) == DMA_AT && *reg(TX_RING) == DMA_AT + NIC_RING * 16 &&
		      *reg(RX_RING + TAIL) == NIC_RING - 1,
	      "both rings are told by their address on the device's side");
	check(nic.rx[1].address == DMA_AT + 2 * NIC_RING * 16 + NIC_BUFFER, "so are buffers");
	stuck = true;
	check(begin() != NULL, "a card that stays in reset is given up");
	stuck = false;
	silent = true;
	check(begin() != NULL, "a card without EEPROM is given up");
	silent = false;
}

static void traffic(void)
{
	const uint8_t *frame;
	uint8_t *room;
	bool good = !begin();

	for (uint32_t i = 0; i < 3 * NIC_RING && good; i++) {
		uint32_t at = i % NIC_RING;

		arrive(at, 60, 3, 0);
		good = nic_take(&nic, &frame) == 60 && frame == nic.rx_buf + at * NIC_BUFFER;
		nic_give_back(&nic);
		good = good && *reg(RX_RING + TAIL) == at && !nic.rx[at].status;
	}
	check(good && !nic_take(&nic, &frame), "frames come in order, three times round the ring");
	for (uint32_t i = 0; i < NIC_RING - 1 && good; i++) {
		room = nic_room(&nic);
		good = room == nic.tx_buf + i * NIC_BUFFER;
		nic_send(&nic, 60 + i);
		good = good && nic.tx[i].length == 60 + i && nic.tx[i].checksum == 0xb00 &&
		       *reg(TX_RING + TAIL) == i + 1;
	}
	check(good && !nic_room(&nic), "frames go out until the ring is full");
	nic.tx[0].status = 1;
	room = nic_room(&nic);
	check(room == nic.tx_buf + (NIC_RING - 1) * NIC_BUFFER, "and on as soon as one is out");
}

static void bad_frames(void)
{
	const uint8_t *frame;

	(void)!begin();
	arrive(0, 60, 1, 0);             /* not the whole frame */
	arrive(1, 60, 3, 0x10);          /* damaged */
	arrive(2, 0, 3, 0);              /* empty */
	arrive(3, NIC_BUFFER + 1, 3, 0); /* longer than the buffer */
	arrive(4, UINT16_MAX, 3, 0);
	arrive(5, 99, 3, 0);
	check(nic_take(&nic, &frame) == 99 && frame == nic.rx_buf + 5 * NIC_BUFFER,
	      "parts, damaged and impossible frames are dropped");
	for (uint32_t i = 0; i < NIC_RING; i++)
		arrive(i, 1, 1, 0);
	check(nic_take(&nic, &frame) == 0, "a ring full of rubbish is looked at once");
}

/* Random bytes in the whole DMA memory between all steps: only frames inside of the buffers ever come out. */
static void rubbish(void)
{
	bool good = !begin();

	for (unsigned i = 0; i < 20000 && good; i++) {
		const uint8_t *frame = NULL;
		uint32_t n;
		uint8_t *room;

		for (unsigned k = 0; k < 64; k++)
			dma[(unsigned)rand() % (2 * NIC_RING * 16)] = (uint8_t)rand();
		n = nic_take(&nic, &frame);
		good = n <= NIC_BUFFER && (!n || (frame >= nic.rx_buf &&
						  frame + n <= nic.rx_buf + NIC_RING * NIC_BUFFER));
		if (n)
			nic_give_back(&nic);
		room = nic_room(&nic);
		good = good &&
		       (!room || (room >= nic.tx_buf && room + NIC_BUFFER <= dma + NIC_DMA));
		if (room)
			nic_send(&nic, 60);
		good = good && *reg(RX_RING + TAIL) < NIC_RING && *reg(TX_RING + TAIL) < NIC_RING;
	}
	for (unsigned i = 0; i < GUARD; i++)
		good = good && dma[NIC_DMA + i] == 0xa5;
	check(good, "20000 steps with a card that writes what it likes");
}

int main(void)
{
	starting();
	traffic();
	bad_frames();
	rubbish();
	return failures != 0;
}
