// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/pit.h"
#include "services/vmm/ticks.h"

void pit_init(struct pit *p, uint64_t tsc_khz)
{
	*p = (struct pit){ .khz = tsc_khz, .edge = TICKS_NEVER };
	for (int i = 0; i < 3; i++) {
		p->ch[i].access = 3;
		p->ch[i].gate = i < 2;
	}
}

static uint32_t period(const struct pit_channel *c)
{
	return c->reload != 0 ? c->reload : 0x10000;
}

static bool periodic(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

static uint64_t elapsed(const struct pit *p, const struct pit_channel *c, uint64_t now)
{
	return now > c->start ? ticks_to(now - c->start, PIT_HZ, p->khz) : 0;
}

static uint16_t count(const struct pit *p, const struct pit_channel *c, uint64_t now)
{
	uint64_t n = elapsed(p, c, now);

	if (!c->loaded)
		return 0;
	if (c->mode == 3)
		n *= 2;
	if (periodic(c))
		n %= period(c);
	return (uint16_t)(period(c) - n);
}

static bool output(const struct pit *p, const struct pit_channel *c, uint64_t now)
{
	uint64_t n = elapsed(p, c, now);

	if (!c->loaded)
		return c->mode != 0;
	if (c->mode == 2)
		return n % period(c) != period(c) - 1;
	if (c->mode == 3)
		return n % period(c) < (period(c) + 1) / 2;
	return n >= period(c);
}

static void plan_edge(struct pit *p)
{
	struct pit_channel *c = &p->ch[0];
	uint64_t wait = ticks_from(period(c), PIT_HZ, p->khz);

	p->edge = c->loaded ? c->start + wait : TICKS_NEVER;
}

static void load(struct pit *p, struct pit_channel *c, uint16_t value, uint64_t now)
{
	c->reload = value;
	c->start = now;
	c->loaded = true;
	if (c == &p->ch[0])
		plan_edge(p);
}

static void write_count(struct pit *p, struct pit_channel *c, uint8_t value, uint64_t now)
{
	if (c->access == 1) {
		load(p, c, value, now);
	} else if (c->access == 2) {
		load(p, c, (uint16_t)(value << 8), now);
	} else if (!c->write_high) {
		c->write_low = value;
		c->write_high = true;
	} else {
		c->write_high = false;
		load(p, c, (uint16_t)(c->write_low | value << 8), now);
	}
}

static void latch_count(const struct pit *p, struct pit_channel *c, uint64_t now)
{
	if (c->have_latch)
		return;
	c->latch = count(p, c, now);
	c->have_latch = true;
}

static void latch_status(const struct pit *p, struct pit_channel *c, uint64_t now)
{
	if (c->have_status)
		return;
	c->status =
		(uint8_t)(output(p, c, now) << 7 | !c->loaded << 6 | c->access << 4 | c->mode << 1);
	c->have_status = true;
}

static void read_back(struct pit *p, uint8_t value, uint64_t now)
{
	for (int i = 0; i < 3; i++) {
		if (!(value & (2 << i)))
			continue;
		if (!(value & 0x20))
			latch_count(p, &p->ch[i], now);
		if (!(value & 0x10))
			latch_status(p, &p->ch[i], now);
	}
}

static void write_control(struct pit *p, uint8_t value, uint64_t now)
{
	unsigned n = value >> 6;
	struct pit_channel *c = &p->ch[n % 3];

	if (n == 3) {
		read_back(p, value, now);
		return;
	}
	if ((value & 0x30) == 0) {
		latch_count(p, c, now);
		return;
	}
	c->access = (value >> 4) & 3;
	c->mode = (value >> 1) & 7;
	if (c->mode > 5)
		c->mode = (uint8_t)(c->mode - 4);
	c->loaded = c->read_high = c->write_high = c->have_latch = c->have_status = false;
	if (n == 0)
		plan_edge(p);
}

static uint8_t read_count(struct pit *p, struct pit_channel *c, uint64_t now)
{
	uint16_t value = c->have_latch ? c->latch : count(p, c, now);
	bool high = c->access == 2 || (c->access == 3 && c->read_high);

	if (c->have_status) {
		c->have_status = false;
		return c->status;
	}
	if (c->access == 3)
		c->read_high = !c->read_high;
	if (c->access != 3 || !c->read_high)
		c->have_latch = false;
	return (uint8_t)(high ? value >> 8 : value);
}

static void write_gate(struct pit *p, uint8_t value, uint64_t now)
{
	struct pit_channel *c = &p->ch[2];
	bool gate = value & 1;

	if (gate && !c->gate)
		c->start = now;
	c->gate = gate;
	p->speaker = value & 2;
}

/* Bit 4 follows the memory refresh, 15 us each way. */
static uint8_t read_gate(const struct pit *p, uint64_t now)
{
	bool refresh = ticks_to(now, 66278, p->khz) & 1, out = output(p, &p->ch[2], now);

	return (uint8_t)(p->ch[2].gate | p->speaker << 1 | refresh << 4 | out << 5);
}

uint8_t pit_read(struct pit *p, uint16_t port, uint64_t now)
{
	if (port == 0x61)
		return read_gate(p, now);
	if (port == 0x43)
		return 0xff;
	return read_count(p, &p->ch[(port & 3) % 3], now);
}

void pit_write(struct pit *p, uint16_t port, uint8_t value, uint64_t now)
{
	if (port == 0x61)
		write_gate(p, value, now);
	else if (port == 0x43)
		write_control(p, value, now);
	else
		write_count(p, &p->ch[(port & 3) % 3], value, now);
}

uint64_t pit_deadline(const struct pit *p)
{
	return p->edge;
}

bool pit_expire(struct pit *p, uint64_t now)
{
	struct pit_channel *c = &p->ch[0];
	uint64_t periods;

	if (now < p->edge)
		return false;
	periods = elapsed(p, c, now) / period(c) + 1;
	p->edge = periodic(c) ? c->start + ticks_from(periods * period(c), PIT_HZ, p->khz)
			      : TICKS_NEVER;
	if (p->edge < now + ticks_least(p->khz))
		p->edge = now + ticks_least(p->khz);
	return true;
}

static void channel_state(struct state *s, struct pit_channel *c)
{
	state_u64(s, &c->start);
	state_u16(s, &c->reload);
	state_u16(s, &c->latch);
	state_u8(s, &c->mode);
	state_u8(s, &c->access);
	state_u8(s, &c->write_low);
	state_u8(s, &c->status);
	state_bool(s, &c->gate);
	state_bool(s, &c->have_latch);
	state_bool(s, &c->have_status);
	state_bool(s, &c->read_high);
	state_bool(s, &c->write_high);
	state_bool(s, &c->loaded);
	state_check(s, c->mode <= 5 && c->access >= 1 && c->access <= 3);
}

void pit_state(struct state *s, struct pit *p)
{
	state_section(s, 0x20544950, 1); /* "PIT " */
	for (int i = 0; i < 3; i++)
		channel_state(s, &p->ch[i]);
	state_u64(s, &p->edge);
	state_bool(s, &p->speaker);
}
