// SPDX-License-Identifier: Apache-2.0
/* Message interrupts as semaphores, with QEMU's "edu" device (docs/specs/edu.txt of QEMU): it raises one when told to. */
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
	EDU_RAISE = 0x60,
	EDU_ACKNOWLEDGE = 0x64,
};

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

static void set_msi(uint32_t rid, uint64_t address, uint64_t data)
{
	uint32_t cap = config_read(rid, PCI_CAPABILITIES) & 0xfc, head;

	while (cap && (config_read(rid, cap) & 0xff) != CAP_MSI)
		cap = config_read(rid, cap) >> 8 & 0xfc;
	head = config_read(rid, cap);
	config_write(rid, cap + 4, (uint32_t)address);
	if (head & MSI_64BIT)
		config_write(rid, cap + 8, 0);
	config_write(rid, cap + (head & MSI_64BIT ? 12 : 8), (uint32_t)data);
	config_write(rid, cap, head | MSI_ENABLE);
}

static volatile uint32_t *map_edu(uint32_t rid)
{
	uint32_t bar = config_read(rid, PCI_BAR0) & ~0xfu;
	sel_t mo = lab_sel();
	uint64_t va = lab_va(1);

	config_write(rid, PCI_COMMAND, COMMAND_MEMORY_MASTER);
	lab_must(sys_derive(mo, lab_root->mo_dev, bar, PAGE_SIZE, RIGHT_RW), "derive device");
	lab_must(sys_map(mo, lab_root->pd, va, 0, PAGE_SIZE, RIGHT_RW), "map device");
	return (volatile uint32_t *)va;
}

static void raise(volatile uint32_t *edu)
{
	edu[EDU_RAISE / 4] = 1;
	edu[EDU_ACKNOWLEDGE / 4] = 1;
}

static void test_on(uint32_t cpu, uint32_t rid, volatile uint32_t *edu)
{
	sel_t dc = lab_sel(), sm = lab_sel();
	uint64_t address, data, a, b;

	lab_must(sys_derive(dc, lab_root->dc_all, rid, 1, RIGHT_ALL), "derive function");
	lab_must(sys_create_sm(sm, lab_root->pd, 0), "create sm");
	lab_equal(sys_assign(lab_root->dc_all, 0, sm, cpu, &a, &b), S_BAD_PARAM,
		  "only one function is assigned");
	lab_equal(sys_assign(dc, 0, sm, 99, &a, &b), S_BAD_CPU, "to a CPU there is");
	lab_must(sys_assign(dc, 0, sm, cpu, &address, &data), "assign");
	lab_equal(sys_assign(dc, 1, sm, cpu, &a, &b), S_BUSY, "a semaphore has one interrupt");
	set_msi(rid, address, data);
	raise(edu);
	lab_check(wait_sm(sm, 1000), "a device's interrupt is an up");
	raise(edu);
	lab_check(wait_sm(sm, 1000), "each time");
	lab_must(sys_revoke(dc, REVOKE_SELF), "revoke function");
	raise(edu);
	lab_check(!wait_sm(sm, 30), "after the function was revoked nothing comes");
	lab_must(sys_revoke(sm, REVOKE_SELF), "revoke");
}

void test_interrupt(void)
{
	uint32_t rid;
	volatile uint32_t *edu;

	lab_must(sys_map(lab_root->pio_all, lab_root->pd, 0, CONFIG_ADDRESS, 8, RIGHT_RW),
		 "map ports");
	rid = find_edu();
	if (!lab_check(rid, "the device is there"))
		return;
	edu = map_edu(rid);
	test_on(0, rid, edu);
	if (lab_root->cpu_count > 1)
		test_on(1, rid, edu);
}
