// SPDX-License-Identifier: Apache-2.0
/* DMA spaces: what the units are told when functions are attached, memory comes and goes, and domains die; each allocation fails in turn. */
#include "kernel/inc/iommu.h"
#include "kernel/inc/x86_64/arch.h"
#include "kernel/inc/x86_64/asm.h"
#include "tests/unit/kernel_host/world.h"
#include <string.h>

const char *test_name = "kernel_iommu";

enum {
	PD_A = ROOT_FREE, /* the driver's domain, which pays */
	MO,
	DC,
	DC_B,
	SPACE,
	SM,
	FREE,
	RID = 8,
	A_FRAMES = 400,
	K_MAX = 20,
	MANY = 300,
};

#define IOVA 0x10000000ull

static void must(uint32_t status)
{
	if (status != S_OK)
		check(false, "setting the scene");
}

/* What is attached must not outlive its world. */
static void curtain(void)
{
	if (!world.root)
		return;
	(void)CALL2(REVOKE, PD_A, REVOKE_SELF);
	(void)CALL2(REVOKE, ROOT_DC, REVOKE_CHILDREN);
}

static void scene(void)
{
	curtain();
	world_make();
	iommu_start();
	must(CALL4(CREATE_PD, PD_A, ROOT_PD, A_FRAMES, 0));
	must(CALL5(DERIVE, MO, ROOT_MO, 0, 8ull << 20, RIGHT_ALL));
	must(CALL5(DERIVE, DC, ROOT_DC, RID, 1, RIGHT_ALL));
	must(CALL5(DERIVE, DC_B, ROOT_DC, RID + 1, 1, RIGHT_ALL));
	must(CALL3(CREATE_SPACE, SPACE, PD_A, SPACE_DMA));
	must(CALL3(CREATE_SM, SM, PD_A, 0));
}

static struct gspace *space(void)
{
	struct slot *s = world_slot(world.root, SPACE);

	return s ? container_of(s->obj, struct gspace, obj) : NULL;
}

static bool mapped(uint64_t iova)
{
	uint64_t size;

	return ptab_lookup(&space()->space.ptab, iova, &size) != 0;
}

static void test_attach(void)
{
	unsigned before;

	scene();
	check(CALL2(ATTACH, ROOT_DC, SPACE) == S_BAD_PARAM, "one function at a time");
	check(CALL2(ATTACH, DC, DC) == S_BAD_CAP, "only to a space");
	check(!host_iommu.root[RID], "nothing is attached at first");
	must(CALL6(MAP, MO, SPACE, IOVA, 0, 4ull << 20, RIGHT_RW));
	check(!host_iommu.flushed[1], "a space without functions needs no flush");
	must(CALL2(ATTACH, DC, SPACE));
	check(host_iommu.root[RID] == space()->space.ptab.root && mapped(IOVA),
	      "the unit walks the space's table");
	check(CALL2(ATTACH, DC, SPACE) == S_BUSY, "a function is attached once");
	must(CALL2(ATTACH, DC_B, SPACE));
	check(host_iommu.domain[RID] == host_iommu.domain[RID + 1], "two functions share a space");
	before = host_iommu.flushed[1];
	must(CALL3(UNMAP, SPACE, IOVA, 4ull << 20));
	check(host_iommu.flushed[1] > before && !mapped(IOVA), "unmapping tells the unit");
	must(CALL6(MAP, MO, SPACE, IOVA, 0, FRAME_SIZE, RIGHT_R));
	before = host_iommu.flushed[1];
	must(CALL2(REVOKE, MO, REVOKE_SELF));
	check(host_iommu.flushed[1] > before && !mapped(IOVA), "so does revoking the memory");
	check(!world_check(), "all is sound");
}

static void test_detach(void)
{
	uint64_t used;

	scene();
	used = world_pd(PD_A)->account.used;
	must(CALL2(ATTACH, DC, SPACE));
	must(CALL2(ATTACH, DC_B, SPACE));
	must(CALL2(REVOKE, DC, REVOKE_CHILDREN));
	check(!host_iommu.root[RID] && host_iommu.root[RID + 1], "revoking detaches that function");
	must(CALL2(ATTACH, DC, SPACE));
	check(true, "it can be attached again");
	must(CALL2(REVOKE, SPACE, REVOKE_SELF));
	check(!host_iommu.root[RID] && !host_iommu.root[RID + 1],
	      "the end of the space detaches all");
	must(CALL3(CREATE_SPACE, SPACE, PD_A, SPACE_DMA));
	check(world_pd(PD_A)->account.used <= used, "and gives back what it held");
	must(CALL2(ATTACH, DC, SPACE));
	must(CALL2(REVOKE, PD_A, REVOKE_SELF));
	check(!host_iommu.root[RID] && !iommu_space_of(RID),
	      "so does the end of the domain that pays");
	check(!world_check(), "all is sound");
}

static void test_interrupts(void)
{
	scene();
	check(CALL4(ASSIGN, DC, 0, SM, 0) == S_BAD_PARAM, "no interrupt without a DMA space");
	must(CALL2(ATTACH, DC, SPACE));
	must(CALL4(ASSIGN, DC, 0, SM, 0));
	check(host_iommu.routed[RID] == 1 && world.v0 == 0xfee00010,
	      "the unit's message is given out");
	must(CALL2(REVOKE, DC, REVOKE_CHILDREN));
	check(!host_iommu.routed[RID] && !host_iommu.root[RID], "revoked with the function");
	must(CALL2(ATTACH, DC, SPACE));
	must(CALL4(ASSIGN, DC, 0, SM, 0));
	must(CALL2(REVOKE, SM, REVOKE_SELF));
	check(!host_iommu.routed[RID] && !space()->irq_count, "with the semaphore");
	must(CALL3(CREATE_SM, SM, PD_A, 0));
	must(CALL4(ASSIGN, DC, 0, SM, 0));
	must(CALL2(REVOKE, SPACE, REVOKE_SELF));
	check(!host_iommu.routed[RID], "with the space");
	check(!world_check(), "all is sound");
}

/* Numbers of DMA spaces are the units' and few: who holds one function holds at most one. */
static void test_numbers(void)
{
	unsigned n = 0;

	scene();
	for (unsigned i = 0; i < MANY; i++) {
		must(CALL5(DERIVE, FREE + 2 * i, ROOT_DC, 100 + i, 1, RIGHT_ALL));
		must(CALL3(CREATE_SPACE, FREE + 2 * i + 1, ROOT_PD, SPACE_DMA));
		n += CALL2(ATTACH, FREE + 2 * i, FREE + 2 * i + 1) == S_OK;
	}
	check(n == IOMMU_DOMAINS - 1, "255 spaces can be in use, the next is told S_BUSY");
	must(CALL2(REVOKE, FREE, REVOKE_CHILDREN));
	check(CALL2(ATTACH, DC, SPACE) == S_OK, "one given back can be used");
	for (unsigned i = 0; i < MANY; i++)
		must(CALL2(REVOKE, FREE + 2 * i + 1, REVOKE_SELF));
	for (unsigned i = 0; i < 3 * IOMMU_DOMAINS; i++) {
		must(CALL2(REVOKE, DC, REVOKE_CHILDREN));
		must(CALL2(ATTACH, DC, SPACE));
	}
	check(space()->space.dma_domain != 0, "attaching over and over uses none up");
}

static void test_refused(void)
{
	scene();
	check(CALL6(MAP, MO, SPACE, IOVA, 0, FRAME_SIZE, RIGHT_RX) == S_BAD_PARAM,
	      "nothing executable");
	world_slot(world.root, MO)->flags |= SLOT_DEVICE;
	check(CALL6(MAP, MO, SPACE, IOVA, 0, FRAME_SIZE, RIGHT_RW) == S_RIGHTS,
	      "no device memory for devices");
	iommu_ops = NULL;
	check(CALL2(ATTACH, DC, SPACE) == S_UNSUPPORTED &&
		      CALL3(CREATE_SPACE, FREE, PD_A, SPACE_DMA) == S_UNSUPPORTED,
	      "without an IOMMU neither");
	iommu_start();
}

/* Thousands of faults: counted, a few lines. */
static void test_storm(void)
{
	unsigned before;

	scene();
	must(CALL2(ATTACH, DC, SPACE));
	before = world_lines;
	host_iommu.faults = 10000;
	for (unsigned i = 0; i < 200; i++) {
		host_tsc += 10 * tsc_khz; /* two seconds in all */
		iommu_poll();
	}
	check(!host_iommu.faults && host_cpu->stats->dma_faults == 10000, "every fault is counted");
	check(world_lines - before >= 8 && world_lines - before < 64, "and few are told of");
	host_iommu.faults = 100;
	iommu_poll();
	iommu_poll();
	check(host_iommu.faults, "between polls nothing is read");
	host_iommu.faults = 0;
}

static uint32_t try_create(void)
{
	return CALL3(CREATE_SPACE, FREE, PD_A, SPACE_DMA);
}

static uint32_t try_attach(void)
{
	return CALL2(ATTACH, DC, SPACE);
}

static uint32_t try_map(void)
{
	return CALL6(MAP, MO, SPACE, IOVA, 0, 4ull << 20, RIGHT_RW);
}

static uint32_t try_assign(void)
{
	uint32_t s = CALL2(ATTACH, DC, SPACE);

	return s == S_OK || s == S_BUSY ? CALL4(ASSIGN, DC, 0, SM, 0) : s;
}

static void test_failures(const char *name, uint32_t (*call)(void), unsigned least)
{
	unsigned k = 0;
	bool good = true;
	uint32_t r = S_NO_KMEM;

	for (; k < K_MAX && r != S_OK; k++) {
		struct account *a;
		uint64_t held;

		scene();
		a = &world_pd(PD_A)->account;
		held = a->quota - a->used - k;
		a->quota -= held;
		r = call();
		a->quota += held;
		good &= (r == S_OK || (r == S_NO_KMEM && call() == S_OK)) && !world_check();
	}
	check(good && k > least && r == S_OK, name);
}

int main(void)
{
	test_attach();
	test_detach();
	test_interrupts();
	test_numbers();
	test_refused();
	test_storm();
	test_failures("create_space: every allocation failed in turn", try_create, 2);
	test_failures("attach: every allocation failed in turn", try_attach, 0);
	test_failures("map: every allocation failed in turn", try_map, 2);
	test_failures("assign: every allocation failed in turn", try_assign, 1);
	curtain();
	return failures();
}
