// SPDX-License-Identifier: Apache-2.0
/* drivers/pci/caps.c over a simulated function, and over noise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "drivers/pci/caps.h"

static struct space {
	uint32_t reg[64];
	uint32_t mask[64]; /* bits that can be written */
	unsigned reads;
} space;
static unsigned failures;

static void check(int ok, const char *what)
{
	printf("%s pci_caps: %s\n", ok ? "ok" : "not ok", what);
	failures += !ok;
}

static uint32_t rd(const struct pci_config *c, uint8_t offset)
{
	struct space *s = c->user;

	s->reads++;
	return s->reg[offset / 4];
}

static void wr(const struct pci_config *c, uint8_t offset, uint32_t value)
{
	struct space *s = c->user;
	uint32_t mask = s->mask[offset / 4];

	s->reg[offset / 4] = (s->reg[offset / 4] & ~mask) | (value & mask);
}

/* As QEMU's modern virtio-blk: MSI-X in BAR 1, registers in BAR 4 (64 bits). */
static void virtio_function(void)
{
	static const uint32_t caps[] = {
		/* at 0x40: MSI-X, 2 vectors, table in BAR 1 at 0 */
		0x00014c11,
		0x00000001,
		0x00000801,
		/* at 0x4c: common, BAR 4, offset 0, length 0x1000 */
		0x01105c09,
		0x00000004,
		0x00000000,
		0x00001000,
		/* at 0x5c: notify, multiplier 4 */
		0x02147009,
		0x00000004,
		0x00003000,
		0x00001000,
		0x00000004,
		/* at 0x70: ISR, then device at 0x80, the end */
		0x03108009,
		0x00000004,
		0x00001000,
		0x00001000,
		0x04100009,
		0x00000004,
		0x00002000,
		0x00001000,
	};

	space = (struct space){ 0 };
	space.reg[0] = 0x10421af4;
	space.reg[1] = 0x00100007;
	space.mask[1] = 0x0000ffff;
	space.reg[2] = 0x01000001;
	space.reg[5] = 0xfebd5000;
	space.mask[5] = 0xfffff000;
	space.reg[8] = 0xfe00000c;
	space.mask[8] = 0xffffc000;
	space.reg[9] = 0x00000001;
	space.mask[9] = 0xffffffff;
	space.reg[13] = 0x40;
	memcpy(&space.reg[16], caps, sizeof(caps));
	space.mask[16] = 0xc0000000;
}

int main(void)
{
	struct pci_config c = { rd, wr, 8, &space };
	struct pci_function f;
	unsigned most = 0;

	virtio_function();
	check(pci_probe(&c, &f) && f.vendor == 0x1af4 && f.device == 0x1042 &&
		      f.class_code == 0x0100,
	      "identity");
	check(f.bar[1].base == 0xfebd5000 && f.bar[1].size == 0x1000, "a 32-bit BAR");
	check(f.bar[4].base == 0x1fe000000 && f.bar[4].size == 0x4000 && !f.bar[5].size,
	      "a 64-bit BAR");
	check(space.reg[8] == 0xfe00000c && space.reg[1] == 0x00100007,
	      "sizing leaves all as it was");
	check(f.irqs == 2 && f.caps.msix_bar == 1 && f.caps.msix_offset == 0, "MSI-X");
	check(f.caps.present == 15 && f.caps.bar[VIRTIO_NOTIFY] == 4 &&
		      f.caps.offset[VIRTIO_NOTIFY] == 0x3000 && f.caps.notify_multiplier == 4 &&
		      f.caps.length[VIRTIO_DEVICE] == 0x1000,
	      "virtio capabilities");
	pci_switch(&c, true, true);
	check((space.reg[1] & 0x406) == 0x406 && space.reg[16] >> 31,
	      "on: memory, master, no INTx, MSI-X");
	pci_switch(&c, true, false);
	check((space.reg[1] & 6) == 2, "without a grant it is no bus master");
	pci_switch(&c, false, true);
	check(!(space.reg[1] & 6) && !(space.reg[16] >> 31), "off");
	space = (struct space){ .reg = { [0] = 0x000c1b36,
					 [1] = 0x00100000,
					 [2] = 0x06040000,
					 [3] = 0x00010000,
					 [6] = 0x00030200 },
				.mask = { [1] = 0xffff } };
	check(pci_probe(&c, &f) && f.secondary == 2 && !f.bar[2].size,
	      "a bridge and the bus behind it");
	pci_open_bridge(&c);
	check((space.reg[1] & 6) == 6, "a bridge opened");
	srand(6);
	for (unsigned round = 0; round < 20000; round++) {
		for (unsigned i = 0; i < 64; i++) {
			space.reg[i] = (uint32_t)rand() << 16 ^ (uint32_t)rand();
			space.mask[i] = (uint32_t)rand() << 16 ^ (uint32_t)rand();
		}
		space.reads = 0;
		pci_probe(&c, &f);
		pci_switch(&c, true, true);
		most = space.reads > most ? space.reads : most;
	}
	check(most < 2000, "noise, also circular capability lists, ends soon");
	return failures ? 1 : 0;
}
