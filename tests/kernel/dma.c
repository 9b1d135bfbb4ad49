// SPDX-License-Identifier: Apache-2.0
/* What a function reaches through its DMA space, and how it tries to reach more. */
#include "tests/kernel/edu.h"
#include "tests/kernel/ktest.h"
#include "abi/stats.h"

enum {
	WORD = 0x6b6f6f72,
	OTHERS = 0x11111111,
	MIB = 1 << 20,
};

/* Where the device sees its page: alone, unmapped on both sides. */
#define IOVA     0x10000000ull
#define MSI_BASE 0xfee00000ull

static volatile uint32_t *own, *victim;
static sel_t own_mo, victim_mo, space;
static uint64_t victim_at;

static uint64_t faults(void)
{
	static const struct cpu_stats *stats;
	uint64_t n = 0;

	if (!stats) {
		stats = (const struct cpu_stats *)lab_va(lab_root->cpu_count);
		lab_must(sys_map(lab_root->mo_stats, lab_root->pd, (uint64_t)stats, 0,
				 lab_root->cpu_count * (uint64_t)PAGE_SIZE, RIGHT_R),
			 "map statistics");
	}
	for (uint32_t i = 0; i < lab_root->cpu_count; i++)
		n += ((const struct cpu_stats *)((const char *)stats + i * (uint64_t)PAGE_SIZE))
			     ->dma_faults;
	return n;
}

/* QEMU's AMD-Vi refuses, but records nothing. */
static bool recorded(void)
{
	return lab_root->flags & ROOT_IOMMU_VTD;
}

/* The device tries to write `WORD` there; its buffer has it. */
static void refused(uint64_t address, const char *what)
{
	uint64_t before = faults();

	victim[0] = OTHERS;
	edu_put(address, 4);
	if (recorded())
		UNTIL(faults() != before);
	lab_check(faults() > before || !recorded(), what);
	lab_equal(victim[0], OTHERS, "and nobody's memory has changed");
}

static void fill(uint32_t word)
{
	own[0] = word;
	edu_take(IOVA, 4);
}

static void map_own(uint64_t rights)
{
	lab_must(sys_map(own_mo, space, IOVA, 0, PAGE_SIZE, rights), "map for the device");
}

static void test_own_page(void)
{
	fill(WORD);
	own[1] = 0;
	edu_put(IOVA + 4, 4);
	lab_equal(own[1], WORD, "a device reads and writes the memory mapped for it");
}

static void test_elsewhere(void)
{
	refused(IOVA - 4, "a write below its area is refused, and counted");
	refused(IOVA + PAGE_SIZE, "a write above its area");
	refused(victim_at, "a write to the physical address of somebody's memory");
	refused(0x100000, "a write to low memory");
	refused(1ull << 40, "a write beyond all memory");
	own[0] = 0;
	edu_take(victim_at, 4);
	edu_put(IOVA, 4);
	lab_check(own[0] != OTHERS, "a read of somebody's memory brings nothing of it");
	fill(WORD);
}

static void test_rights(void)
{
	lab_equal(sys_map(lab_root->mo_dev, space, IOVA + MIB, 0xfed00000, PAGE_SIZE, RIGHT_RW),
		  S_RIGHTS, "device memory is not mapped for devices");
	lab_equal(sys_map(victim_mo, space, IOVA + MIB, 0, PAGE_SIZE, RIGHT_RX), S_BAD_PARAM,
		  "nor anything to execute");
	lab_equal(sys_attach(edu.dc, space), S_BUSY, "a function is attached once");
	lab_equal(sys_attach(lab_root->dc_all, space), S_BAD_PARAM, "one function at a time");
	lab_equal(sys_create_vcpu(lab_sel(), lab_root->pd, space, lab_va(1)),
		  lab_root->flags & ROOT_HAS_SVM ? S_BAD_PARAM : S_UNSUPPORTED,
		  "no virtual CPU runs in a DMA space");
	lab_must(sys_unmap(space, IOVA, PAGE_SIZE), "unmap");
	map_own(RIGHT_R);
	own[0] = OTHERS;
	refused(IOVA, "a write to what may be read only");
	lab_equal(own[0], OTHERS, "which is as it was");
}

/* The device goes on with the address that it had. */
static void test_revoked(void)
{
	lab_must(sys_unmap(space, IOVA, PAGE_SIZE), "unmap");
	map_own(RIGHT_RW);
	fill(WORD);
	lab_must(sys_revoke(own_mo, REVOKE_CHILDREN), "revoke");
	own_mo = lab_sel();
	own = lab_alloc(PAGE_SIZE, &own_mo);
	refused(IOVA, "memory that was revoked is out of a running device's reach");
	map_own(RIGHT_RW);
	fill(WORD);
	lab_must(sys_revoke(edu.dc, REVOKE_SELF), "revoke function");
	refused(IOVA, "a function that was revoked reaches nothing");
	lab_must(sys_revoke(space, REVOKE_SELF), "revoke DMA space");
	space = edu_attach();
	map_own(RIGHT_RW);
	own[1] = 0;
	edu_put(IOVA + 4, 4);
	lab_equal(own[1], WORD, "attached again it works again");
	lab_must(sys_revoke(space, REVOKE_SELF), "revoke DMA space");
	refused(IOVA, "with its space gone it reaches nothing");
	space = edu_attach();
	map_own(RIGHT_RW);
}

static bool arrives(uint64_t address, uint64_t data, sel_t sm)
{
	edu_message(address, data);
	edu_raise();
	return wait_sm(sm, 200);
}

/* Messages that the function was not given: another one's, made-up ones, and those that no IOMMU would look at. */
static void test_forged(void)
{
	sel_t dc = lab_sel(), other = lab_sel(), mine = lab_sel(), theirs = lab_sel();
	uint64_t address, data, own_address, own_data;

	lab_must(sys_derive(dc, lab_root->dc_all, 0, 1, RIGHT_ALL), "derive the host bridge");
	lab_must(sys_create_space(other, lab_root->pd, SPACE_DMA), "create DMA space");
	lab_must(sys_create_sm(mine, lab_root->pd, 0), "create sm");
	lab_must(sys_create_sm(theirs, lab_root->pd, 0), "create sm");
	lab_equal(sys_assign(dc, 0, theirs, 0, &address, &data), S_BAD_PARAM,
		  "who is not attached gets no interrupt");
	lab_must(sys_attach(dc, other), "attach");
	lab_must(sys_assign(edu.dc, 0, mine, 0, &own_address, &own_data), "assign");
	lab_must(sys_assign(dc, 0, theirs, 0, &address, &data), "assign");
	lab_check(arrives(own_address, own_data, mine),
		  "a function raises what was assigned to it");
	(void)arrives(address, data, theirs);
	lab_check(!wait_sm(theirs, 50), "another function's message raises nothing of that one's");
	for (uint64_t at = 0; at < 1024; at++) {
		edu_message(own_address ^ at << 5, own_data ^ at % 256);
		edu_raise();
	}
	lab_check(!wait_sm(theirs, 50), "nor does any other");
	fill(WORD);
	edu_put(MSI_BASE, 4);
	edu_put(MSI_BASE + 0x1000, 4);
	lab_check(!wait_sm(theirs, 50), "nor does a DMA write to where messages go");
	(void)wait_sm(mine, 0);
	lab_check(arrives(own_address, own_data, mine), "its own still works");
	lab_must(sys_revoke(other, REVOKE_SELF), "revoke DMA space");
	lab_must(sys_revoke(mine, REVOKE_SELF), "revoke");
	lab_check(!arrives(own_address, own_data, theirs), "until it is taken away");
	lab_must(sys_revoke(theirs, REVOKE_SELF), "revoke");
	lab_must(sys_revoke(dc, REVOKE_SELF), "revoke");
}

void test_dma(void)
{
	if (!edu_begin())
		return;
	if (!(lab_root->flags & ROOT_IOMMU)) {
		lab_equal(sys_create_space(lab_sel(), lab_root->pd, SPACE_DMA), S_UNSUPPORTED,
			  "without an IOMMU there are no DMA spaces");
		return;
	}
	own = lab_alloc(PAGE_SIZE, &own_mo);
	victim = lab_alloc(PAGE_SIZE, &victim_mo);
	victim_at = lab_memory_at;
	space = edu_attach();
	map_own(RIGHT_RW);
	test_own_page();
	test_elsewhere();
	test_rights();
	test_revoked();
	test_forged();
	lab_must(sys_revoke(space, REVOKE_SELF), "revoke DMA space");
	lab_must(sys_revoke(edu.dc, REVOKE_SELF), "revoke function");
}
