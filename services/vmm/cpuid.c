// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/cpuid.h"
#include <stdbool.h>
#include "services/vmm/lapic.h"

#define BIT(n) (UINT32_C(1) << (n))

enum { BASIC_MAX = 0x16, EXTENDED_MAX = 0x8000001e, CR4_OSXSAVE = 1 << 18, CR4_PKE = 1 << 22 };

/* Let through if the host has them. */
enum {
	F1_ECX =
		0x76da3203, /* SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4 MOVBE POPCNT AES XSAVE AVX F16C RDRAND */
	F1_ECX_OFF = 1 << 21 | 1 << 24 | 1 << 27, /* set by us: x2APIC TSC-deadline OSXSAVE */
	F1_EDX = 0x078bbb7f, /* all but MCE MCA and what CPUs from after 2003 lack */
	F7_EBX =
		0x219c07a9, /* FSGSBASE BMI AVX2 SMEP ERMS INVPCID RDSEED ADX SMAP CLFLUSHOPT CLWB SHA */
	F7_ECX = 0x0000070c,  /* UMIP PKU GFNI VAES VPCLMULQDQ */
	F7_EDX = 1 << 4,      /* FSRM */
	F81_ECX = 0x002109f1, /* LAHF CR8 ABM SSE4A MISALIGNSSE PREFETCH XOP FMA4 TBM */
	F81_EDX = 0x25d3bb7f, /* SYSCALL NX MMXEXT 1GB LM and the old ones */
};

#define F7_EBX_AVX512 (BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31))
#define F7_ECX_AVX512 (BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14))
#define CMP_LEGACY    BIT(1) /* the logical processors of leaf 1 are cores */
#define XCR0_AVX      4u
#define XCR0_AVX512   0xe0u
#define XCR0_PKU      0x200u

static void leaf_0(const struct cpuid *c, struct cpuid_regs *r)
{
	c->host(0, 0, r);
	r->eax = BASIC_MAX;
}

static void leaf_1(const struct cpuid *c, uint64_t cr4, struct cpuid_regs *r)
{
	uint32_t avx = BIT(28) | BIT(12) | BIT(29);

	r->ebx = (r->ebx & 0xff00) | c->vcpus << 16 | c->apic_id << 24;
	r->ecx = (r->ecx & F1_ECX & ~(uint32_t)F1_ECX_OFF) | BIT(21) | BIT(24) | BIT(31);
	r->edx = (r->edx & F1_EDX) | BIT(9) | (c->vcpus > 1 ? BIT(28) : 0);
	if (!(c->xcr0_max & XCR0_AVX))
		r->ecx &= ~avx;
	if (c->xcr0_max == 0)
		r->ecx &= ~BIT(26);
	else if (cr4 & CR4_OSXSAVE)
		r->ecx |= BIT(27);
}

static void leaf_7(const struct cpuid *c, uint32_t sub, uint64_t cr4, struct cpuid_regs *r)
{
	bool wide = (c->xcr0_max & XCR0_AVX512) == XCR0_AVX512;

	if (sub != 0) {
		*r = (struct cpuid_regs){ 0 };
		return;
	}
	r->eax = 0;
	r->ebx = (r->ebx & (F7_EBX | (wide ? F7_EBX_AVX512 : 0))) | BIT(1); /* TSC_ADJUST */
	r->ecx &= F7_ECX | (wide ? F7_ECX_AVX512 : 0);
	r->edx &= F7_EDX;
	if (!(c->xcr0_max & XCR0_AVX))
		r->ebx &= ~BIT(5);
	if (!(c->xcr0_max & XCR0_PKU))
		r->ecx &= ~BIT(3);
	else if (cr4 & CR4_PKE)
		r->ecx |= BIT(4);
}

/* Bits of an APIC id that tell the vCPUs apart. */
static uint32_t id_bits(const struct cpuid *c)
{
	return c->vcpus > 1 ? 32 - (uint32_t)__builtin_clz(c->vcpus - 1) : 0;
}

/* Caches shared by nobody; ids of cores in the package. */
static void leaf_4(const struct cpuid *c, struct cpuid_regs *r)
{
	r->eax = r->eax & 0x1f ? (r->eax & 0x3fff) | ((1u << id_bits(c)) - 1) << 26 : 0;
}

/* One thread a core, all cores in one package. */
static void leaf_topology(const struct cpuid *c, uint32_t sub, struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ .ecx = sub & 0xff, .edx = c->apic_id };
	if (sub == 0) {
		r->ebx = 1;
		r->ecx |= 1 << 8;
	} else if (sub == 1) {
		r->eax = id_bits(c);
		r->ebx = c->vcpus;
		r->ecx |= 2 << 8;
	}
}

/* Bytes of an XSAVE area (standard form) for these components. */
static uint32_t xsave_size(const struct cpuid *c, uint64_t xcr0)
{
	uint32_t size = 576;
	struct cpuid_regs r;

	for (uint32_t i = 2; i < 63; i++) {
		if (!(xcr0 >> i & 1))
			continue;
		c->host(0xd, i, &r);
		if (r.ebx + r.eax > size)
			size = r.ebx + r.eax;
	}
	return size;
}

static void leaf_xsave(const struct cpuid *c, uint32_t sub, uint64_t xcr0, struct cpuid_regs *r)
{
	if (c->xcr0_max == 0 || (sub >= 2 && (sub > 62 || !(c->xcr0_max >> sub & 1)))) {
		*r = (struct cpuid_regs){ 0 };
	} else if (sub == 0) {
		r->eax = (uint32_t)c->xcr0_max;
		r->edx = (uint32_t)(c->xcr0_max >> 32);
		r->ebx = xsave_size(c, xcr0);
		r->ecx = xsave_size(c, c->xcr0_max);
	} else if (sub == 1) {
		*r = (struct cpuid_regs){ .eax = r->eax & 1 }; /* XSAVEOPT */
	}
}

/* Crystal LAPIC_HZ; the ratio is exact to 25 kHz and its product fits 32 bits below 4.29 GHz. */
static void leaf_tsc(const struct cpuid *c, struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ 0 };
	if (c->tsc_khz > UINT32_MAX / 1000)
		return;
	r->eax = 1000;
	r->ebx = (uint32_t)(c->tsc_khz / (LAPIC_HZ / 1000000));
	r->ecx = LAPIC_HZ;
}

static void leaf_hypervisor(const struct cpuid *c, uint32_t leaf, struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ 0 };
	switch (leaf) {
	case CPUID_HYPERVISOR:
		*r = (struct cpuid_regs){ CPUID_HYPERVISOR + 0x10, 0x4b4d564b, 0x564b4d56, 0x4d };
		break;
	case CPUID_HYPERVISOR + 1:
		r->eax = BIT(1) | BIT(3) | BIT(24); /* no I/O delay; clock page; it is stable */
		break;
	case CPUID_HYPERVISOR + 0x10:
		r->eax = (uint32_t)c->tsc_khz;
		r->ebx = LAPIC_HZ / 1000;
		break;
	default:
		break;
	}
}

static bool is_amd(const struct cpuid *c)
{
	struct cpuid_regs r;

	c->host(0, 0, &r);
	return r.ebx == 0x68747541; /* "Auth" */
}

static void leaf_extended(const struct cpuid *c, uint32_t leaf, struct cpuid_regs *r)
{
	switch (leaf) {
	case 0x80000000:
		r->eax = EXTENDED_MAX;
		break;
	case 0x80000001:
		r->ecx = (r->ecx & F81_ECX) | (c->vcpus > 1 && is_amd(c) ? CMP_LEGACY : 0);
		r->edx &= F81_EDX;
		break;
	case 0x80000002:
	case 0x80000003:
	case 0x80000004:
	case 0x80000005:
	case 0x80000006:
		break;
	case 0x80000007:
		*r = (struct cpuid_regs){ .edx = BIT(8) }; /* invariant TSC */
		break;
	case 0x80000008:
		*r = (struct cpuid_regs){ .eax = r->eax & 0xffff,
					  .ebx = r->ebx & 1,
					  .ecx = (c->vcpus - 1) | id_bits(c) << 12 };
		break;
	default:
		*r = (struct cpuid_regs){ 0 };
		break;
	}
}

static void leaf_basic(const struct cpuid *c, uint32_t leaf, uint32_t sub, uint64_t cr4,
		       uint64_t xcr0, struct cpuid_regs *r)
{
	switch (leaf) {
	case 0:
		leaf_0(c, r);
		break;
	case 1:
		leaf_1(c, cr4, r);
		break;
	case 2:
		break;
	case 4:
		leaf_4(c, r);
		break;
	case 6:
		*r = (struct cpuid_regs){ .eax = BIT(2) }; /* the APIC timer never stops */
		break;
	case 7:
		leaf_7(c, sub, cr4, r);
		break;
	case 0xb:
		leaf_topology(c, sub, r);
		break;
	case 0xd:
		leaf_xsave(c, sub, xcr0, r);
		break;
	case 0x15:
		leaf_tsc(c, r);
		break;
	case 0x16:
		*r = (struct cpuid_regs){ .eax = (uint32_t)(c->tsc_khz / 1000),
					  .ebx = (uint32_t)(c->tsc_khz / 1000) };
		break;
	default:
		*r = (struct cpuid_regs){ 0 };
		break;
	}
}

void cpuid_read(const struct cpuid *c, uint32_t leaf, uint32_t sub, uint64_t cr4, uint64_t xcr0,
		struct cpuid_regs *out)
{
	if (leaf >> 16 == CPUID_HYPERVISOR >> 16) {
		leaf_hypervisor(c, leaf, out);
		return;
	}
	c->host(leaf, sub, out);
	if (leaf >> 31)
		leaf_extended(c, leaf, out);
	else
		leaf_basic(c, leaf, sub, cr4, xcr0, out);
}
