// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/rtc.h"
#include "services/vmm/ticks.h"
#include <string.h>

enum { SECOND = 0, SECOND_ALARM = 1, MINUTE = 2, MINUTE_ALARM = 3, HOUR = 4, HOUR_ALARM = 5 };
enum { WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9, REG_A = 10, REG_B = 11, REG_C = 12, REG_D = 13 };
enum {
	A_UIP = 0x80,
	B_SET = 0x80,
	B_BINARY = 4,
	B_24H = 2,
	C_IRQ = 0x80,
	C_PERIODIC = 0x40,
	C_ALARM = 0x20,
	C_UPDATE = 0x10,
	DAY_SECONDS = 86400,
};

#define YEAR_2026 1767225600u /* 2026-01-01 */

void rtc_init(struct rtc *r, uint64_t tsc_khz, uint64_t utc)
{
	*r = (struct rtc){ .khz = tsc_khz, .base = utc != 0 ? utc : YEAR_2026 };
	r->next = TICKS_NEVER;
	r->cmos[REG_A] = 0x26;
	r->cmos[REG_B] = B_24H;
	r->cmos[REG_D] = 0x80; /* battery is good */
}

struct date {
	uint32_t year, month, day; /* month and day from 1 */
};

/* Days since 1970 to a date and back, in the proleptic Gregorian calendar; years start in March here. */
static struct date date_of(uint64_t days)
{
	uint64_t z = days + 719468, era = z / 146097, doe = z % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t m = (5 * doy + 2) / 153;
	uint32_t month = (uint32_t)(m < 10 ? m + 3 : m - 9);

	return (struct date){ .year = (uint32_t)(yoe + era * 400 + (month <= 2)),
			      .month = month,
			      .day = (uint32_t)(doy - (153 * m + 2) / 5 + 1) };
}

static uint64_t days_of(struct date d)
{
	uint64_t y = d.year - (d.month <= 2), era = y / 400, yoe = y % 400;
	uint64_t m = d.month > 2 ? d.month - 3 : d.month + 9;
	uint64_t doy = (153 * m + 2) / 5 + d.day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static uint8_t encode(const struct rtc *r, uint32_t v)
{
	return (uint8_t)((r->cmos[REG_B] & B_BINARY) ? v : (v / 10) << 4 | v % 10);
}

static uint32_t decode(const struct rtc *r, uint8_t v)
{
	return (r->cmos[REG_B] & B_BINARY) ? v : (uint32_t)(v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const struct rtc *r, uint32_t h)
{
	if (r->cmos[REG_B] & B_24H)
		return encode(r, h);
	return (uint8_t)(encode(r, h % 12 == 0 ? 12 : h % 12) | (h >= 12 ? 0x80 : 0));
}

static uint32_t decode_hour(const struct rtc *r, uint8_t v)
{
	if (r->cmos[REG_B] & B_24H)
		return decode(r, v) % 24;
	return decode(r, v & 0x7f) % 12 + ((v & 0x80) ? 12 : 0);
}

static uint64_t seconds(const struct rtc *r, uint64_t now)
{
	return r->base + ticks_to(now, 1, r->khz);
}

/* Put the time into the registers, unless the guest holds them (SET). */
static void show(struct rtc *r, uint64_t now)
{
	uint64_t t = seconds(r, now), days = t / DAY_SECONDS;
	uint32_t rest = (uint32_t)(t % DAY_SECONDS);
	struct date d = date_of(days);

	if (r->cmos[REG_B] & B_SET)
		return;
	r->cmos[SECOND] = encode(r, rest % 60);
	r->cmos[MINUTE] = encode(r, rest / 60 % 60);
	r->cmos[HOUR] = encode_hour(r, rest / 3600);
	r->cmos[WEEKDAY] = encode(r, (uint32_t)((days + 4) % 7 + 1));
	r->cmos[DAY] = encode(r, d.day);
	r->cmos[MONTH] = encode(r, d.month);
	r->cmos[YEAR] = encode(r, d.year % 100);
	r->cmos[RTC_CENTURY] = encode(r, d.year / 100);
}

/* Take the time from the registers. */
static void adopt(struct rtc *r, uint64_t now)
{
	struct date d = { .year = decode(r, r->cmos[RTC_CENTURY]) * 100 + decode(r, r->cmos[YEAR]),
			  .month = decode(r, r->cmos[MONTH]),
			  .day = decode(r, r->cmos[DAY]) };
	uint64_t t;

	if (d.year < 1970 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31)
		return;
	t = days_of(d) * DAY_SECONDS + (uint64_t)decode_hour(r, r->cmos[HOUR]) * 3600 +
	    (uint64_t)decode(r, r->cmos[MINUTE]) * 60 + decode(r, r->cmos[SECOND]);
	r->base = t - ticks_to(now, 1, r->khz);
}

static uint32_t periodic_hz(const struct rtc *r)
{
	unsigned rate = r->cmos[REG_A] & 15;

	if (rate == 0)
		return 0;
	return 32768u >> ((rate <= 2 ? rate + 7 : rate) - 1);
}

/* When the next second or periodic event falls, if the guest wants interrupts of them. */
static void plan(struct rtc *r, uint64_t now)
{
	uint8_t wanted = r->cmos[REG_B] & (C_PERIODIC | C_ALARM | C_UPDATE);
	uint32_t hz = periodic_hz(r);

	r->next = TICKS_NEVER;
	if ((wanted & C_PERIODIC) && hz != 0)
		r->next = ticks_from(ticks_to(now, hz, r->khz) + 1, hz, r->khz);
	if (wanted & (C_ALARM | C_UPDATE))
		r->next = ticks_min(r->next, ticks_from(ticks_to(now, 1, r->khz) + 1, 1, r->khz));
}

static bool alarm_matches(const struct rtc *r, unsigned at, uint32_t value)
{
	return r->cmos[at] >= 0xc0 || r->cmos[at] == value;
}

static bool alarm(struct rtc *r, uint64_t now)
{
	uint32_t rest = (uint32_t)(seconds(r, now) % DAY_SECONDS);

	return alarm_matches(r, SECOND_ALARM, encode(r, rest % 60)) &&
	       alarm_matches(r, MINUTE_ALARM, encode(r, rest / 60 % 60)) &&
	       alarm_matches(r, HOUR_ALARM, encode_hour(r, rest / 3600));
}

/* Flags of events between `last` and now. */
static void see_events(struct rtc *r, uint64_t now)
{
	uint32_t hz = periodic_hz(r);
	uint8_t *c = &r->cmos[REG_C];

	if (hz != 0 && ticks_to(now, hz, r->khz) != ticks_to(r->last, hz, r->khz))
		*c |= C_PERIODIC;
	if (ticks_to(now, 1, r->khz) != ticks_to(r->last, 1, r->khz))
		*c |= (uint8_t)(C_UPDATE | (alarm(r, now) ? C_ALARM : 0));
	if (*c & r->cmos[REG_B] & (C_PERIODIC | C_ALARM | C_UPDATE))
		*c |= C_IRQ;
	r->last = now;
}

bool rtc_irq(const struct rtc *r)
{
	return r->cmos[REG_C] & C_IRQ;
}

uint64_t rtc_deadline(const struct rtc *r)
{
	return r->next;
}

void rtc_expire(struct rtc *r, uint64_t now)
{
	if (now < r->next)
		return;
	see_events(r, now);
	plan(r, now);
}

static uint8_t read_c(struct rtc *r, uint64_t now)
{
	uint8_t value;

	see_events(r, now);
	value = r->cmos[REG_C];
	r->cmos[REG_C] = 0;
	return value;
}

/* An update is near in the last 244 us of a second. */
static uint8_t read_a(const struct rtc *r, uint64_t now)
{
	bool near = ticks_to(now, 4096, r->khz) % 4096 == 4095;

	return (uint8_t)(r->cmos[REG_A] | (near && !(r->cmos[REG_B] & B_SET) ? A_UIP : 0));
}

uint8_t rtc_read(struct rtc *r, uint16_t port, uint64_t now)
{
	if (port == 0x70)
		return 0xff;
	show(r, now);
	if (r->index == REG_A)
		return read_a(r, now);
	if (r->index == REG_C)
		return read_c(r, now);
	return r->cmos[r->index];
}

static bool is_time(uint8_t index)
{
	return index <= YEAR || index == RTC_CENTURY;
}

static void write_b(struct rtc *r, uint8_t value, uint64_t now)
{
	bool release = (r->cmos[REG_B] & B_SET) && !(value & B_SET);

	show(r, now);
	r->cmos[REG_B] = value;
	if (release)
		adopt(r, now);
}

static void write_data(struct rtc *r, uint8_t value, uint64_t now)
{
	if (r->index == REG_C || r->index == REG_D)
		return;
	if (r->index == REG_B) {
		write_b(r, value, now);
	} else if (r->index == REG_A) {
		r->cmos[REG_A] = value & 0x7f;
	} else {
		show(r, now);
		r->cmos[r->index] = value;
		if (is_time(r->index) && !(r->cmos[REG_B] & B_SET))
			adopt(r, now);
	}
}

void rtc_write(struct rtc *r, uint16_t port, uint8_t value, uint64_t now)
{
	if (port == 0x70) {
		r->index = value & 0x7f;
		return;
	}
	see_events(r, now);
	write_data(r, value, now);
	plan(r, now);
}

void rtc_state(struct state *s, struct rtc *r)
{
	state_section(s, 0x20435452, 1); /* "RTC " */
	state_u64(s, &r->base);
	state_u64(s, &r->next);
	state_u64(s, &r->last);
	state_u8(s, &r->index);
	state_bytes(s, r->cmos, sizeof(r->cmos));
	state_check(s, r->index < sizeof(r->cmos));
}
