// SPDX-License-Identifier: Apache-2.0
/* Every MSR of the ranges that exist, read and written; values that must be refused. */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile.h"

__asm__("msr_read: rdmsr\n	int $0x80\nmsr_write: wrmsr\n	int $0x80\n");
extern const uint8_t msr_read[], msr_write[];

static const struct range msr_ranges[] = { { 0, 0x1fff },
					   { 0x40000000, 0x400001ff },
					   { 0x4b564cff, 0x4b564dff },
					   { 0xc0000000, 0xc0001fff },
					   { 0xc0010000, 0xc0011fff },
					   { 0xffffff00, 0xffffffff } };

/* All that docs/vmm.md says a guest has. */
static const struct range msr_known[] = {
	{ 0x0, 0x1 },
	{ 0x10, 0x10 },
	{ 0x17, 0x17 },
	{ 0x1b, 0x1b },
	{ 0x2a, 0x2a },
	{ 0x3a, 0x3b },
	{ 0x79, 0x79 },
	{ 0x8b, 0x8b },
	{ 0xce, 0xce },
	{ 0xfe, 0xfe },
	{ 0x174, 0x176 },
	{ 0x179, 0x17a },
	{ 0x1a0, 0x1a0 },
	{ 0x200, 0x20f },
	{ 0x250, 0x250 },
	{ 0x258, 0x259 },
	{ 0x268, 0x26f },
	{ 0x277, 0x277 },
	{ 0x2ff, 0x2ff },
	{ 0x6e0, 0x6e0 },
	{ 0xc0000080, 0xc0000084 },
	{ 0xc0000100, 0xc0000102 },
	{ 0xc0010000, 0xc0010007 },
	{ 0xc0010010, 0xc0010010 },
	{ 0xc0010015, 0xc0010015 },
	{ 0xc001001f, 0xc0010020 },
	{ 0xc0010055, 0xc0010055 },
	{ 0xc0010058, 0xc0010058 },
	{ 0xc0011020, 0xc0011022 },
	{ 0xc0011029, 0xc001102a },
};

/* They take writes and give nothing back. */
static const struct range msr_write_only[] = { { 0x4b564d00, 0x4b564d01 } };

static bool among(const struct range *r, unsigned n, uint32_t msr)
{
	for (unsigned i = 0; i < n; i++)
		if (msr >= r[i].first && msr <= r[i].last)
			return true;
	return false;
}

#define AMONG(list, msr) among(list, sizeof(list) / sizeof((list)[0]), msr)

static bool read_msr(uint32_t msr, uint64_t *value)
{
	struct guest_run r = guest_ready(msr_read, false);

	r.gpr[RCX] = msr;
	r.gpr[RAX] = r.gpr[RDX] = UINT64_MAX;
	guest_run(&r);
	if (r.vector == VECTOR_END && (r.gpr[RAX] >> 32 || r.gpr[RDX] >> 32))
		guest_bad("rdmsr clears the upper halves", "msr, rax", msr, r.gpr[RAX]);
	if (r.vector != VECTOR_END &&
	    (r.vector != VECTOR_GP || r.error || r.rip != (uint64_t)msr_read))
		guest_bad("rdmsr", "msr, vector", msr, r.vector);
	*value = r.gpr[RAX] | r.gpr[RDX] << 32;
	return r.vector == VECTOR_END;
}

static bool write_msr(uint32_t msr, uint64_t value)
{
	struct guest_run r = guest_ready(msr_write, false);

	r.gpr[RCX] = msr;
	r.gpr[RAX] = (uint32_t)value;
	r.gpr[RDX] = value >> 32;
	guest_run(&r);
	if (r.vector != VECTOR_END &&
	    (r.vector != VECTOR_GP || r.error || r.rip != (uint64_t)msr_write))
		guest_bad("wrmsr", "msr, vector", msr, r.vector);
	return r.vector == VECTOR_END;
}

/* An MSR that is there takes back its own value; one that is not takes nothing. */
static void sweep_msr(uint32_t msr)
{
	static const uint64_t bad[] = { UINT64_MAX, UINT64_C(0x8000000000000000), 0,
					UINT64_C(0x5555555555555555) };
	uint64_t value, again;
	bool there = read_msr(msr, &value), known = AMONG(msr_known, msr);

	if (there != known)
		guest_bad("an MSR that can be read is one that is documented", "msr, readable", msr,
			  there);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (write_msr(msr, bad[i]) && !known && !AMONG(msr_write_only, msr))
			guest_bad("an unknown MSR takes a value", "msr, value", msr, bad[i]);
	if (!there)
		return;
	write_msr(msr, value);
	if (msr != 0x10 && read_msr(msr, &again) && again != value)
		guest_bad("an MSR keeps its value", "msr, value", msr, again);
}

struct msr_value {
	uint32_t msr;
	bool good;
	uint64_t value;
};

/* Values that a processor refuses, and some that it must take. */
static const struct msr_value msr_values[] = {
	{ 0xc0000080, false, 0x1d01 },                    /* EFER: SVME */
	{ 0xc0000080, false, 0x401 },                     /* LME off while paging is on */
	{ 0xc0000080, false, UINT64_C(1) << 40 | 0x500 }, /* reserved */
	{ 0xc0000080, true, 0xd00 },
	{ 0x277, false, 0x0007040600070402 }, /* PAT: type 2 */
	{ 0x277, false, 0x0807040600070406 },
	{ 0x277, true, 0x0007040600070406 },
	{ 0x1b, false, 0xfee00400 },                     /* APIC base: x2APIC but off */
	{ 0x1b, false, 0xfee00901 },                     /* reserved */
	{ 0x1b, false, UINT64_C(1) << 60 | 0xfee00900 }, /* beyond physical addresses */
	{ 0x2ff, false, 0xc02 },                         /* MTRR default type 2 */
	{ 0x2ff, false, 0x1c06 },
	{ 0x250, false, 0x0606060606060602 },
	{ 0x200, false, 0x03 },
	{ 0x201, false, UINT64_C(1) << 60 },
	{ 0x4b564d00, false, UINT64_C(0xfffffffffffffff0) }, /* clock pages outside of memory */
	{ 0x4b564d01, false, UINT64_C(0xfffffffffffffff1) },
	{ 0x4b564d01, false, 0xfee00001 },
	{ 0x830, false, 0x40000 }, /* x2APIC while it is off */
};

static void test_values(void)
{
	guest_begin();
	for (unsigned i = 0; i < sizeof(msr_values) / sizeof(msr_values[0]); i++)
		if (write_msr(msr_values[i].msr, msr_values[i].value) != msr_values[i].good)
			guest_bad("an MSR takes good values and refuses bad ones", "msr, value",
				  msr_values[i].msr, msr_values[i].value);
	guest_end("reserved bits, bad types and bad addresses are refused by MSRs");
}

void hostile_msrs(void)
{
	test_values();
	guest_begin();
	for (unsigned i = 0; i < sizeof(msr_ranges) / sizeof(msr_ranges[0]); i++)
		for (uint64_t m = msr_ranges[i].first; m <= msr_ranges[i].last; m++)
			sweep_msr((uint32_t)m);
	guest_end("all MSR ranges were read and written: what is not documented is not there");
}
