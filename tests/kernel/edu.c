// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/edu.h"
#include "tests/kernel/edu_regs.h"
#include "tests/kernel/ktest.h"

enum {
	CONFIG_ADDRESS = 0xcf8,
	CONFIG_DATA = 0xcfc,
	EDU_ID = 0x11e81234,
	PCI_COMMAND = 0x04,
	PCI_BAR0 = 0x10,
	PCI_CAPABILITIES = 0x34,
	CAP_MSI = 5,
	MSI_64BIT = 1 << 23,
	MSI_ENABLE = 1 << 16,
	COMMAND_MEMORY_MASTER = 6,
};

struct edu edu;

static void out32(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static uint32_t in32(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static uint32_t config_read(uint32_t rid, uint32_t reg)
{
	out32(CONFIG_ADDRESS, 1u << 31 | rid << 8 | reg);
	return in32(CONFIG_DATA);
}

static void config_write(uint32_t rid, uint32_t reg, uint32_t v)
{
	out32(CONFIG_ADDRESS, 1u << 31 | rid << 8 | reg);
	out32(CONFIG_DATA, v);
}

static uint32_t find_edu(void)
{
	for (uint32_t rid = 0; rid < 256; rid++)
		if (config_read(rid, 0) == EDU_ID)
			return rid;
	return 0;
}

void edu_message(uint64_t address, uint64_t data)
{
	uint32_t rid = edu.rid, cap = config_read(rid, PCI_CAPABILITIES) & 0xfc, head;

	while (cap && (config_read(rid, cap) & 0xff) != CAP_MSI)
		cap = config_read(rid, cap) >> 8 & 0xfc;
	head = config_read(rid, cap);
	config_write(rid, cap + 4, (uint32_t)address);
	if (head & MSI_64BIT)
		config_write(rid, cap + 8, 0);
	config_write(rid, cap + (head & MSI_64BIT ? 12 : 8), (uint32_t)data);
	config_write(rid, cap, head | MSI_ENABLE);
}

void edu_raise(void)
{
	edu.regs[EDU_RAISE / 4] = 1;
	edu.regs[EDU_ACKNOWLEDGE / 4] = 1;
}

static volatile uint32_t *map_edu(void)
{
	uint32_t bar = config_read(edu.rid, PCI_BAR0) & ~0xfu;
	sel_t mo = lab_sel();
	uint64_t va = lab_va(1);

	config_write(edu.rid, PCI_COMMAND, COMMAND_MEMORY_MASTER);
	lab_must(sys_derive(mo, lab_root->mo_dev, bar, PAGE_SIZE, RIGHT_RW), "derive device");
	lab_must(sys_map(mo, lab_root->pd, va, 0, PAGE_SIZE, RIGHT_RW), "map device");
	return (volatile uint32_t *)va;
}

bool edu_begin(void)
{
	if (edu.regs)
		return true;
	lab_must(sys_map(lab_root->pio_all, lab_root->pd, 0, CONFIG_ADDRESS, 8, RIGHT_RW),
		 "map ports");
	edu.rid = find_edu();
	if (!lab_check(edu.rid, "the device is there"))
		return false;
	edu.regs = map_edu();
	return true;
}

sel_t edu_attach(void)
{
	sel_t space = lab_sel();

	edu.dc = lab_sel();
	lab_must(sys_derive(edu.dc, lab_root->dc_all, edu.rid, 1, RIGHT_ALL), "derive function");
	if (!(lab_root->flags & ROOT_IOMMU))
		return SEL_NULL;
	lab_must(sys_create_space(space, lab_root->pd, SPACE_DMA), "create DMA space");
	lab_must(sys_attach(edu.dc, space), "attach");
	return space;
}

static void dma(uint64_t from, uint64_t to, uint64_t bytes, uint64_t direction)
{
	edu_dma_start(edu.regs, from, to, bytes, direction);
	for (unsigned i = 0; i < 1000 && edu_dma_busy(edu.regs); i++)
		sleep_ms(5);
	lab_check(!edu_dma_busy(edu.regs), "the device has done its DMA");
}

void edu_take(uint64_t address, uint64_t bytes)
{
	dma(address, EDU_BUFFER, bytes, 0);
}

void edu_put(uint64_t address, uint64_t bytes)
{
	dma(EDU_BUFFER, address, bytes, EDU_DMA_TO_MEMORY);
}
