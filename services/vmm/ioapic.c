// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/ioapic.h"

enum {
	SELECT = 0x00,
	WINDOW = 0x10,
	EOI = 0x40,
	REG_ID = 0,
	REG_VERSION = 1,
	REG_ARBITRATION = 2,
	REG_TABLE = 0x10,
	LOGICAL = 1 << 11,
	REMOTE_IRR = 1 << 14,
	LEVEL = 1 << 15,
	MASK = 1 << 16,
	READ_ONLY = 1 << 12 | REMOTE_IRR,
	VERSION = 0x20 | (IOAPIC_PINS - 1) << 16,
};

void ioapic_init(struct ioapic *io)
{
	*io = (struct ioapic){ 0 };
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		io->entry[i] = MASK;
}

/* A level input that is high asks until its message was sent and ended. */
static void check_level(struct ioapic *io, unsigned pin)
{
	uint64_t e = io->entry[pin];

	if ((e & LEVEL) && !(e & MASK) && !(e & REMOTE_IRR) && (io->lines >> pin & 1))
		io->due |= UINT32_C(1) << pin;
}

void ioapic_line(struct ioapic *io, unsigned pin, bool level)
{
	uint32_t bit = UINT32_C(1) << pin;
	bool rising = level && !(io->lines & bit);

	io->lines = level ? io->lines | bit : io->lines & ~bit;
	if (rising && !(io->entry[pin] & (LEVEL | MASK)))
		io->due |= bit;
	check_level(io, pin);
}

bool ioapic_next(struct ioapic *io, struct apic_msg *m)
{
	unsigned pin;
	uint64_t *e;

	if (io->due == 0)
		return false;
	pin = (unsigned)__builtin_ctz(io->due);
	io->due &= io->due - 1;
	e = &io->entry[pin];
	if (*e & LEVEL)
		*e |= REMOTE_IRR;
	*m = (struct apic_msg){ .dest = (uint32_t)(*e >> 56),
				.vector = (uint8_t)*e,
				.delivery = (*e >> 8) & 7,
				.logical = *e & LOGICAL,
				.level = *e & LEVEL };
	return true;
}

void ioapic_eoi(struct ioapic *io, uint8_t vector)
{
	for (unsigned i = 0; i < IOAPIC_PINS; i++) {
		if (!(io->entry[i] & REMOTE_IRR) || (uint8_t)io->entry[i] != vector)
			continue;
		io->entry[i] &= ~(uint64_t)REMOTE_IRR;
		check_level(io, i);
	}
}

static uint32_t read_register(const struct ioapic *io)
{
	unsigned pin = (io->select - REG_TABLE) / 2;

	if (io->select == REG_ID || io->select == REG_ARBITRATION)
		return io->id;
	if (io->select == REG_VERSION)
		return VERSION;
	if (io->select < REG_TABLE || pin >= IOAPIC_PINS)
		return 0;
	return (uint32_t)(io->entry[pin] >> (io->select & 1) * 32);
}

static void write_low(struct ioapic *io, unsigned pin, uint32_t value)
{
	uint64_t *e = &io->entry[pin];

	*e = (*e & (UINT64_MAX << 32 | READ_ONLY)) | (value & 0x1ffff & ~(uint32_t)READ_ONLY);
	if (!(*e & LEVEL))
		*e &= ~(uint64_t)REMOTE_IRR;
	check_level(io, pin);
}

static void write_register(struct ioapic *io, uint32_t value)
{
	unsigned pin = (io->select - REG_TABLE) / 2;

	if (io->select == REG_ID)
		io->id = value & 0x0f000000;
	if (io->select < REG_TABLE || pin >= IOAPIC_PINS)
		return;
	if (io->select & 1)
		io->entry[pin] = (io->entry[pin] & 0x1ffff) | (uint64_t)(value & 0xff000000) << 32;
	else
		write_low(io, pin, value);
}

uint32_t ioapic_read(struct ioapic *io, uint32_t offset)
{
	if (offset == SELECT)
		return io->select;
	return offset == WINDOW ? read_register(io) : 0;
}

void ioapic_write(struct ioapic *io, uint32_t offset, uint32_t value)
{
	if (offset == SELECT)
		io->select = value & 0xff;
	else if (offset == WINDOW)
		write_register(io, value);
	else if (offset == EOI)
		ioapic_eoi(io, (uint8_t)value);
}

void ioapic_state(struct state *s, struct ioapic *io)
{
	state_section(s, 0x50414f49, 1); /* "IOAP" */
	state_u32(s, &io->select);
	state_u32(s, &io->id);
	state_u32(s, &io->lines);
	for (unsigned i = 0; i < IOAPIC_PINS; i++)
		state_u64(s, &io->entry[i]);
	state_u32(s, &io->due);
	state_check(s, io->select <= 0xff && io->lines >> IOAPIC_PINS == 0 &&
			       io->due >> IOAPIC_PINS == 0);
}
