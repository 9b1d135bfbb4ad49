// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/pic.h"

enum { CASCADE = 2, SPURIOUS = 7, NONE = 8 };

void pic_init(struct pic *p)
{
	*p = (struct pic){ 0 };
}

static unsigned first(uint8_t bits)
{
	return bits != 0 ? (unsigned)__builtin_ctz(bits) : NONE;
}

/* The request the chip puts forward, or NONE: higher in priority than everything in service. */
static unsigned request(const struct pic_chip *c)
{
	unsigned irq = first((uint8_t)(c->irr & ~c->imr));
	uint8_t in_service = c->special_mask ? (uint8_t)(c->isr & ~c->imr) : c->isr;

	return irq < first(in_service) ? irq : NONE;
}

static void cascade(struct pic *p)
{
	struct pic_chip *m = &p->chip[0];

	if (request(&p->chip[1]) != NONE)
		m->irr |= 1 << CASCADE;
	else
		m->irr &= (uint8_t) ~(1 << CASCADE);
}

void pic_line(struct pic *p, unsigned irq, bool level)
{
	struct pic_chip *c = &p->chip[irq / 8];
	uint8_t bit = (uint8_t)(1u << (irq % 8));
	bool rising = level && !(c->lines & bit);

	c->lines = (uint8_t)(level ? c->lines | bit : c->lines & ~bit);
	if (rising || (level && (c->elcr & bit)))
		c->irr |= bit;
	else if (!level && (c->elcr & bit))
		c->irr &= (uint8_t)~bit;
	cascade(p);
}

bool pic_pending(const struct pic *p)
{
	return request(&p->chip[0]) != NONE;
}

static uint8_t take(struct pic_chip *c)
{
	unsigned irq = request(c);
	uint8_t bit;

	if (irq == NONE)
		return (uint8_t)(c->icw2 | SPURIOUS);
	bit = (uint8_t)(1u << irq);
	if (!(c->elcr & bit))
		c->irr &= (uint8_t)~bit;
	if (!c->auto_eoi)
		c->isr |= bit;
	return (uint8_t)(c->icw2 | irq);
}

uint8_t pic_ack(struct pic *p)
{
	bool slave = request(&p->chip[0]) == CASCADE;
	uint8_t vector = take(&p->chip[0]);

	if (slave)
		vector = take(&p->chip[1]);
	cascade(p);
	return vector;
}

static void write_icw1(struct pic_chip *c, uint8_t value)
{
	uint8_t lines = c->lines, elcr = c->elcr;

	*c = (struct pic_chip){ .lines = lines, .elcr = elcr, .init = 2 };
	c->icw4_needed = value & 1;
	c->irr = lines & elcr;
}

static void write_icw(struct pic_chip *c, uint8_t value)
{
	if (c->init == 2)
		c->icw2 = value & 0xf8;
	if (c->init == 4) {
		c->icw4 = value;
		c->auto_eoi = value & 2;
	}
	c->init = (uint8_t)(c->init == 2 ? 3 : c->init == 3 && c->icw4_needed ? 4 : 0);
}

static void write_ocw2(struct pic_chip *c, uint8_t value)
{
	bool eoi = value & 0x20, specific = value & 0x40;

	if (!eoi)
		return;
	if (specific)
		c->isr &= (uint8_t) ~(1u << (value & 7));
	else
		c->isr &= (uint8_t)(c->isr - 1);
}

static void write_ocw3(struct pic_chip *c, uint8_t value)
{
	if (value & 4)
		c->poll = true;
	if (value & 2)
		c->read_isr = value & 1;
	if (value & 0x40)
		c->special_mask = value & 0x20;
}

static void write_chip(struct pic_chip *c, bool data, uint8_t value)
{
	if (data && c->init != 0)
		write_icw(c, value);
	else if (data)
		c->imr = value;
	else if (value & 0x10)
		write_icw1(c, value);
	else if (value & 8)
		write_ocw3(c, value);
	else
		write_ocw2(c, value);
}

static uint8_t read_chip(struct pic_chip *c, bool data)
{
	unsigned irq;

	if (c->poll) {
		c->poll = false;
		irq = request(c);
		if (irq == NONE)
			return 0;
		take(c);
		return (uint8_t)(0x80 | irq);
	}
	if (data)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

uint8_t pic_read(struct pic *p, uint16_t port)
{
	uint8_t value;

	if ((port & ~1) == 0x4d0)
		return p->chip[port & 1].elcr;
	value = read_chip(&p->chip[port >= 0xa0], port & 1);
	cascade(p);
	return value;
}

void pic_write(struct pic *p, uint16_t port, uint8_t value)
{
	if (port == 0x4d0)
		p->chip[0].elcr = value & 0xf8;
	else if (port == 0x4d1)
		p->chip[1].elcr = value & 0xde;
	else
		write_chip(&p->chip[port >= 0xa0], port & 1, value);
	cascade(p);
}

static void chip_state(struct state *s, struct pic_chip *c)
{
	state_u8(s, &c->irr);
	state_u8(s, &c->isr);
	state_u8(s, &c->imr);
	state_u8(s, &c->lines);
	state_u8(s, &c->elcr);
	state_u8(s, &c->icw2);
	state_u8(s, &c->icw4);
	state_u8(s, &c->init);
	state_bool(s, &c->icw4_needed);
	state_bool(s, &c->read_isr);
	state_bool(s, &c->auto_eoi);
	state_bool(s, &c->poll);
	state_bool(s, &c->special_mask);
	state_check(s, c->init <= 4);
}

void pic_state(struct state *s, struct pic *p)
{
	state_section(s, 0x20434950, 1); /* "PIC " */
	chip_state(s, &p->chip[0]);
	chip_state(s, &p->chip[1]);
}
