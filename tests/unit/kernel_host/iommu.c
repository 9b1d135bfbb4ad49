// SPDX-License-Identifier: Apache-2.0
/* IOMMUs without a machine: host_iommu remembers what the units were told. */
#include "kernel/inc/boot.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/x86_64/arch.h"
#include "tests/unit/kernel_host/world.h"
#include <stdlib.h>
#include <string.h>

struct bootinfo bootinfo = { .iommu_count = 1,
			     .iommu = { { .base = 0xfed90000, .kind = BOOT_IOMMU_VTD } } };
struct host_iommu host_iommu;

static const char *start(void)
{
	memset(&host_iommu, 0, sizeof(host_iommu));
	iommu_remaps = true;
	return NULL;
}

static void attach(uint16_t rid, const struct gspace *g)
{
	if (host_iommu.root[rid])
		abort();
	host_iommu.root[rid] = g->space.ptab.root;
	host_iommu.domain[rid] = g->space.dma_domain;
}

static void detach(uint16_t rid, uint16_t domain)
{
	if (!host_iommu.root[rid] || host_iommu.domain[rid] != domain)
		abort();
	host_iommu.root[rid] = 0;
	host_iommu.flushed[domain]++;
}

static void flush(uint16_t domain)
{
	host_iommu.flushed[domain]++;
}

static struct msi route(struct irq_bind *b)
{
	host_iommu.routed[b->rid]++;
	return (struct msi){ 0xfee00010, b->vector };
}

static void unroute(struct irq_bind *b)
{
	host_iommu.routed[b->rid]--;
}

static bool fault(struct iommu_fault *f)
{
	if (!host_iommu.faults)
		return false;
	host_iommu.faults--;
	*f = (struct iommu_fault){ 0x1000, host_iommu.faults % 2 ? "for a test" : NULL, 8, true };
	return true;
}

static const unsigned int leaf_level = 1;

static uint64_t leaf(uint32_t attr, bool large)
{
	return (attr & RIGHT_RW) | (large ? 0x80 : 0);
}

static const struct ptab_format ptab_dma = {
	.leaf = leaf,
	.leaf_level = &leaf_level,
	.table = 3,
	.present = 3,
	.large = 0x80,
	.limit = 1ull << 48,
};

const struct iommu_ops vtd_ops = {
	.name = "host",
	.format = &ptab_dma,
	.space_irt = true,
	.start = start,
	.attach = attach,
	.detach = detach,
	.flush = flush,
	.route = route,
	.unroute = unroute,
	.fault = fault,
};

const struct iommu_ops amdvi_ops;
