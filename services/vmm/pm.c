// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/pm.h"
#include "services/vmm/ticks.h"

enum { BUTTON = 1 << 8, SCI_EN = 1, SLP_EN = 1 << 13, SLP_TYP_SHIFT = 10, STATUS_BITS = 0x8731 };

void pm_init(struct pm *p, uint64_t tsc_khz)
{
	*p = (struct pm){ .khz = tsc_khz, .control = SCI_EN };
}

static uint8_t read_byte(const struct pm *p, uint16_t port, uint64_t now)
{
	unsigned shift = (port & 1) * 8;

	switch (port & ~1) {
	case PM_EVENT:
		return (uint8_t)(p->status >> shift);
	case PM_EVENT + 2:
		return (uint8_t)(p->enable >> shift);
	case PM_CONTROL:
		return (uint8_t)(p->control >> shift);
	case PM_TIMER:
	case PM_TIMER + 2:
		return (uint8_t)(ticks_to(now, PM_TIMER_HZ, p->khz) >> (port & 3) * 8);
	default:
		return 0;
	}
}

uint32_t pm_read(struct pm *p, uint16_t port, unsigned size, uint64_t now)
{
	uint32_t value = 0;

	if (port == PM_TIMER && size == 4)
		return (uint32_t)ticks_to(now, PM_TIMER_HZ, p->khz);
	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)read_byte(p, (uint16_t)(port + i), now) << 8 * i;
	return value;
}

static void write_control(struct pm *p, uint16_t value)
{
	p->control = (uint16_t)((value & ~SLP_EN) | SCI_EN);
	if ((value & SLP_EN) && ((value >> SLP_TYP_SHIFT) & 7) == PM_S5)
		p->request = PM_REQUEST_OFF;
}

static void write_byte(struct pm *p, uint16_t port, uint8_t value)
{
	unsigned shift = (port & 1) * 8;
	uint16_t bits = (uint16_t)(value << shift), keep = (uint16_t)(0xff00 >> shift);

	switch (port & ~1) {
	case PM_EVENT:
		p->status = (uint16_t)(p->status & ~bits);
		break;
	case PM_EVENT + 2:
		p->enable = (uint16_t)((p->enable & keep) | bits);
		break;
	case PM_CONTROL:
		write_control(p, (uint16_t)((p->control & keep) | bits));
		break;
	default:
		break;
	}
}

void pm_write(struct pm *p, uint16_t port, unsigned size, uint32_t value)
{
	for (unsigned i = 0; i < size; i++)
		write_byte(p, (uint16_t)(port + i), (uint8_t)(value >> 8 * i));
}

void pm_reset_port(struct pm *p, uint8_t value)
{
	if (!(p->reset & 4) && (value & 4))
		p->request = PM_REQUEST_RESET;
	p->reset = value;
}

void pm_button(struct pm *p)
{
	p->status |= BUTTON;
}

bool pm_irq(const struct pm *p)
{
	return p->status & p->enable & STATUS_BITS;
}

void pm_state(struct state *s, struct pm *p)
{
	state_section(s, 0x20204d50, 1); /* "PM  " */
	state_u16(s, &p->status);
	state_u16(s, &p->enable);
	state_u16(s, &p->control);
	state_u8(s, &p->reset);
}
