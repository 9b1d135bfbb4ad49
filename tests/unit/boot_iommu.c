// SPDX-License-Identifier: Apache-2.0
/* DMAR and IVRS: what is well-formed is read right, every damage is found and leaves no unit behind. */
#include "boot/loader/iommu.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST = 48, TABLE_MAX = 2048 };

static int failed;

static void check(const char *what, int good)
{
	printf("%s boot_iommu: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

struct table {
	uint8_t bytes[TABLE_MAX];
	uint32_t size;
};

static void put(struct table *t, uint32_t at, uint64_t value, unsigned bytes)
{
	memcpy(t->bytes + at, &value, bytes);
}

/* Length and checksum of what is there now. */
static void seal(struct table *t)
{
	uint8_t sum = 0;

	put(t, 4, t->size, 4);
	t->bytes[9] = 0;
	for (uint32_t i = 0; i < t->size; i++)
		sum = (uint8_t)(sum + t->bytes[i]);
	t->bytes[9] = (uint8_t)-sum;
}

static void begin(struct table *t, const char *signature)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->bytes, signature, 4);
	t->size = FIRST;
}

static void add_drhd(struct table *t, uint64_t base, uint8_t pages, uint16_t segment)
{
	put(t, t->size, 0 | 24ull << 16, 4);
	put(t, t->size + 5, pages, 1);
	put(t, t->size + 6, segment, 2);
	put(t, t->size + 8, base, 8);
	t->size += 24; /* with one device scope, which nobody reads */
}

static void add_rmrr(struct table *t)
{
	put(t, t->size, 1 | 32ull << 16, 4);
	t->size += 32;
}

static void add_block(struct table *t, uint8_t type, uint64_t base, uint16_t segment)
{
	put(t, t->size, type | 40ull << 16, 4);
	put(t, t->size + 8, base, 8);
	put(t, t->size + 16, segment, 2);
	t->size += 40;
}

/* Reads an exact copy, so that a byte too far is caught. */
static enum iommu_table_error read(const struct table *t, uint32_t size, struct bootinfo *info)
{
	uint8_t *copy = malloc(size);
	enum iommu_table_error e;

	memcpy(copy, t->bytes, size);
	memset(info, 0x5a, sizeof(*info));
	e = t->bytes[0] == 'D' ? dmar_read(copy, size, info) : ivrs_read(copy, size, info);
	free(copy);
	return e;
}

static struct bootinfo info;

static void test_dmar(void)
{
	struct table t;

	begin(&t, "DMAR");
	t.bytes[37] = 1;
	add_drhd(&t, 0xfed90000, 0, 0);
	add_rmrr(&t);
	add_drhd(&t, 0xfed91000, 2, 3);
	seal(&t);
	check("a good DMAR", read(&t, t.size, &info) == IOMMU_TABLE_OK && info.iommu_count == 2 &&
				     info.iommu_remap == 1 && info.iommu_kept == 1);
	check("its units", info.iommu[0].base == 0xfed90000 && info.iommu[0].size == 4096 &&
				   info.iommu[0].kind == BOOT_IOMMU_VTD &&
				   info.iommu[1].size == 16384 && info.iommu[1].segment == 3);
	t.bytes[37] = 0;
	seal(&t);
	check("the platform may forbid interrupt remapping",
	      read(&t, t.size, &info) == IOMMU_TABLE_OK && !info.iommu_remap);
	check("bytes behind the table do not count",
	      read(&t, t.size + 9, &info) == IOMMU_TABLE_OK && info.iommu_count == 2);
}

static void test_ivrs(void)
{
	struct table t;

	begin(&t, "IVRS");
	add_block(&t, 0x10, 0xfed80000, 0);
	add_block(&t, 0x11, 0xfed80000, 0);
	add_block(&t, 0x40, 0xfed84000, 1);
	add_block(&t, 0x22, 0, 0);
	seal(&t);
	check("a good IVRS: a unit listed twice is one",
	      read(&t, t.size, &info) == IOMMU_TABLE_OK && info.iommu_count == 2 &&
		      info.iommu_remap == 1 && info.iommu_kept == 1);
	check("its units", info.iommu[0].base == 0xfed80000 && info.iommu[0].size == 16384 &&
				   info.iommu[1].kind == BOOT_IOMMU_AMDVI &&
				   info.iommu[1].segment == 1);
}

static void test_damage(const char *signature, void (*add)(struct table *, uint64_t))
{
	struct table t;
	uint32_t bad = 0;

	begin(&t, signature);
	add(&t, 0x10000);
	seal(&t);
	for (uint32_t size = 0; size < t.size; size++)
		bad += read(&t, size, &info) != IOMMU_TABLE_SHORT || info.iommu_count;
	check("every cut is found", !bad);
	for (uint32_t i = FIRST; i < t.size; i++) {
		t.bytes[i] ^= 0x40;
		bad += read(&t, t.size, &info) != IOMMU_TABLE_CHECKSUM || info.iommu_count;
		t.bytes[i] ^= 0x40;
	}
	check("every changed byte is found", !bad);
	put(&t, FIRST + 2, 3, 2);
	seal(&t);
	check("a structure without its head", read(&t, t.size, &info) == IOMMU_TABLE_SHORT);
	put(&t, FIRST + 2, 12, 2);
	t.size = FIRST + 12;
	seal(&t);
	check("a unit too short for its address", read(&t, t.size, &info) == IOMMU_TABLE_SHORT);
	begin(&t, signature);
	add(&t, 0x10800);
	seal(&t);
	check("registers not page-aligned", read(&t, t.size, &info) == IOMMU_TABLE_REGISTERS);
	begin(&t, signature);
	for (uint32_t i = 0; i <= BOOTINFO_MAX_IOMMU; i++)
		add(&t, 0x10000 * (i + 1));
	seal(&t);
	check("too many units are none",
	      read(&t, t.size, &info) == IOMMU_TABLE_MANY && !info.iommu_count);
}

static void one_drhd(struct table *t, uint64_t base)
{
	add_drhd(t, base, 0, 0);
}

static void one_ivhd(struct table *t, uint64_t base)
{
	add_block(t, 0x10, base, 0);
}

int main(void)
{
	test_dmar();
	test_ivrs();
	test_damage("DMAR", one_drhd);
	test_damage("IVRS", one_ivhd);
	return failed;
}
