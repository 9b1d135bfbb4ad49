// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/msr.h"
#include <stddef.h>

enum msr {
	P5_MC_ADDR = 0x00,
	P5_MC_TYPE = 0x01,
	TSC = 0x10,
	PLATFORM_ID = 0x17,
	EBL_CR_POWERON = 0x2a,
	FEATURE_CONTROL = 0x3a,
	TSC_ADJUST = 0x3b,
	UCODE_WRITE = 0x79,
	UCODE_REV = 0x8b,
	PLATFORM_INFO = 0xce,
	MTRR_CAP = 0xfe,
	SYSENTER_CS = 0x174,
	SYSENTER_ESP = 0x175,
	SYSENTER_EIP = 0x176,
	MCG_CAP = 0x179,
	MCG_STATUS = 0x17a,
	MISC_ENABLE = 0x1a0,
	MTRR_PHYS_FIRST = 0x200,
	MTRR_PHYS_LAST = 0x20f,
	MTRR_FIX64K = 0x250,
	MTRR_FIX16K = 0x258,
	MTRR_FIX4K = 0x268,
	PAT = 0x277,
	MTRR_DEF_TYPE = 0x2ff,
	MTRR_ADDRESS_BITS = 52,
};

enum amd_msr {
	EFER = 0xc0000080,
	STAR = 0xc0000081,
	LSTAR = 0xc0000082,
	CSTAR = 0xc0000083,
	SFMASK = 0xc0000084,
	FS_BASE = 0xc0000100,
	GS_BASE = 0xc0000101,
	KERNEL_GS_BASE = 0xc0000102,
	SYSCFG = 0xc0010010,
	HWCR = 0xc0010015,
	NB_CFG = 0xc001001f,
	PATCH_LOADER = 0xc0010020,
	INT_PENDING = 0xc0010055,
	MMIO_CFG = 0xc0010058,
	LS_CFG = 0xc0011020,
	IC_CFG = 0xc0011021,
	DC_CFG = 0xc0011022,
	BU_CFG2 = 0xc001102a,
	DE_CFG = 0xc0011029,
};

#define EFER_SCE         UINT64_C(1)
#define EFER_LME         (UINT64_C(1) << 8)
#define EFER_LMA         (UINT64_C(1) << 10)
#define EFER_NXE         (UINT64_C(1) << 11)
#define CR0_PG           (UINT64_C(1) << 31)
#define MTRR_ENABLED_WB  0x0c06u /* fixed and variable on, write-back by default */
#define MISC_FAST_STRING 1u
#define MISC_NO_BTS_PEBS 0x1800u
#define DE_CFG_SERIALIZE 2u /* LFENCE is serializing */

void msr_init(struct msrs *m, uint64_t tsc_base)
{
	*m = (struct msrs){ .tsc_base = tsc_base,
			    .misc_enable = MISC_FAST_STRING | MISC_NO_BTS_PEBS,
			    .mtrr_default = MTRR_ENABLED_WB };
	for (unsigned i = 0; i < MTRR_FIXED; i++)
		m->mtrr_fixed[i] = 0x0606060606060606;
}

/* MTRRs that hold a value. */
static uint64_t *mtrr(struct msrs *m, uint32_t index)
{
	if (index == MTRR_DEF_TYPE)
		return &m->mtrr_default;
	if (index >= MTRR_PHYS_FIRST && index <= MTRR_PHYS_LAST)
		return &m->mtrr_variable[index - MTRR_PHYS_FIRST];
	if (index == MTRR_FIX64K)
		return &m->mtrr_fixed[0];
	if (index >= MTRR_FIX16K && index <= MTRR_FIX16K + 1)
		return &m->mtrr_fixed[1 + index - MTRR_FIX16K];
	if (index >= MTRR_FIX4K && index < MTRR_FIX4K + 8)
		return &m->mtrr_fixed[3 + index - MTRR_FIX4K];
	return NULL;
}

/* Registers that live in the state page, and their group. */
static const uint64_t *state_register(const struct vcpu_state *s, uint32_t index, uint32_t *group)
{
	*group = VCPU_G_SYSCALL;
	switch (index) {
	case STAR:
		return &s->star;
	case LSTAR:
		return &s->lstar;
	case CSTAR:
		return &s->cstar;
	case SFMASK:
		return &s->sfmask;
	case KERNEL_GS_BASE:
		return &s->kernel_gs_base;
	default:
		break;
	}
	*group = VCPU_G_SYSENTER;
	switch (index) {
	case SYSENTER_CS:
		return &s->sysenter_cs;
	case SYSENTER_ESP:
		return &s->sysenter_esp;
	case SYSENTER_EIP:
		return &s->sysenter_eip;
	default:
		break;
	}
	*group = VCPU_G_SEG;
	if (index == FS_BASE || index == GS_BASE)
		return &s->seg[index == FS_BASE ? VCPU_FS : VCPU_GS].base;
	*group = VCPU_G_EFER;
	return index == PAT ? &s->pat : NULL;
}

/* Known to be read (and some written) by kernels that do not ask first; all zero, writes vanish. */
static bool is_zero(uint32_t index)
{
	static const uint32_t zero[] = { P5_MC_ADDR,  P5_MC_TYPE,    PLATFORM_ID, EBL_CR_POWERON,
					 UCODE_WRITE, PLATFORM_INFO, MCG_CAP,     MCG_STATUS,
					 SYSCFG,      HWCR,          NB_CFG,      PATCH_LOADER,
					 INT_PENDING, MMIO_CFG,      LS_CFG,      IC_CFG,
					 DC_CFG,      BU_CFG2 };

	for (unsigned i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		if (zero[i] == index)
			return true;
	return index >= 0xc0010000 && index <= 0xc0010007; /* old performance counters */
}

static bool read_own(const struct msrs *m, const struct vcpu_state *s, uint32_t index,
		     uint64_t *value, uint64_t ticks)
{
	switch (index) {
	case TSC:
		*value = ticks + m->tsc_adjust;
		return true;
	case TSC_ADJUST:
		*value = m->tsc_adjust;
		return true;
	case FEATURE_CONTROL:
		*value = 1; /* locked, nothing on */
		return true;
	case UCODE_REV:
		*value = UINT64_C(1) << 32;
		return true;
	case MTRR_CAP:
		*value = 0x500 | MTRR_VARIABLE;
		return true;
	case MISC_ENABLE:
		*value = m->misc_enable;
		return true;
	case EFER:
		*value = s->efer;
		return true;
	case DE_CFG:
		*value = DE_CFG_SERIALIZE;
		return true;
	default:
		*value = 0;
		return is_zero(index);
	}
}

bool msr_read(struct msrs *m, const struct vcpu_state *s, uint32_t index, uint64_t *value,
	      uint64_t ticks)
{
	uint32_t group;
	const uint64_t *p = mtrr(m, index);

	if (p == NULL)
		p = state_register(s, index, &group);
	if (p == NULL)
		return read_own(m, s, index, value, ticks);
	*value = *p;
	return true;
}

static bool canonical(uint64_t v)
{
	return (uint64_t)((int64_t)(v << 16) >> 16) == v;
}

static bool valid_pat(uint64_t v)
{
	for (unsigned i = 0; i < 8; i++, v >>= 8)
		if ((v & 0xff) > 7 || (v & 0xff) == 2 || (v & 0xff) == 3)
			return false;
	return true;
}

static bool valid_memory_type(uint64_t type)
{
	return type <= 6 && type != 2 && type != 3;
}

/* SDM volume 3, 11.11.2 */
static bool valid_mtrr(uint32_t index, uint64_t v)
{
	if (index == MTRR_DEF_TYPE)
		return (v & ~UINT64_C(0xcff)) == 0 && valid_memory_type(v & 0xff);
	if (index >= MTRR_PHYS_FIRST && index <= MTRR_PHYS_LAST)
		return v >> MTRR_ADDRESS_BITS == 0 &&
		       (index & 1 ? (v & 0x7ff) == 0
				  : (v & 0xf00) == 0 && valid_memory_type(v & 0xff));
	for (unsigned i = 0; i < 8; i++, v >>= 8)
		if (!valid_memory_type(v & 0xff))
			return false;
	return true;
}

static bool valid_state(uint32_t index, uint64_t v)
{
	if (index == PAT)
		return valid_pat(v);
	return index == STAR || index == SFMASK || index == SYSENTER_CS || canonical(v);
}

static bool write_efer(struct vcpu_state *s, uint64_t value)
{
	uint64_t kept = s->efer & EFER_LMA;

	if (value & ~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return false;
	if (((value ^ s->efer) & EFER_LME) && (s->cr0 & CR0_PG))
		return false;
	s->efer = (value & ~EFER_LMA) | kept;
	s->dirty |= VCPU_G_EFER;
	return true;
}

static void adjust_tsc(struct msrs *m, struct vcpu_state *s, uint64_t adjust)
{
	m->tsc_adjust = adjust;
	s->tsc_offset = m->tsc_base + adjust;
	s->dirty |= VCPU_G_TSC;
}

static bool write_own(struct msrs *m, struct vcpu_state *s, uint32_t index, uint64_t value,
		      uint64_t ticks)
{
	switch (index) {
	case TSC:
		adjust_tsc(m, s, value - ticks);
		return true;
	case TSC_ADJUST:
		adjust_tsc(m, s, value);
		return true;
	case MISC_ENABLE:
		m->misc_enable = value;
		return true;
	case EFER:
		return write_efer(s, value);
	case UCODE_REV:
	case DE_CFG:
		return true;
	default:
		return is_zero(index);
	}
}

bool msr_write(struct msrs *m, struct vcpu_state *s, uint32_t index, uint64_t value, uint64_t ticks)
{
	uint32_t group;
	uint64_t *p = mtrr(m, index);

	if (p != NULL) {
		if (!valid_mtrr(index, value))
			return false;
		*p = value;
		return true;
	}
	p = (uint64_t *)(uintptr_t)state_register(s, index, &group);
	if (p == NULL)
		return write_own(m, s, index, value, ticks);
	if (!valid_state(index, value))
		return false;
	*p = value;
	s->dirty |= group;
	return true;
}

void msr_state(struct state *s, struct msrs *m)
{
	state_section(s, 0x2052534d, 1); /* "MSR " */
	state_u64(s, &m->tsc_adjust);
	state_u64(s, &m->misc_enable);
	state_u64(s, &m->mtrr_default);
	for (unsigned i = 0; i < 2 * MTRR_VARIABLE; i++)
		state_u64(s, &m->mtrr_variable[i]);
	for (unsigned i = 0; i < MTRR_FIXED; i++)
		state_u64(s, &m->mtrr_fixed[i]);
}
