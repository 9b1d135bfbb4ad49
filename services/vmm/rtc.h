// SPDX-License-Identifier: Apache-2.0
/*
 * MC146818A clock with 128 bytes of CMOS memory at 70h, IRQ 8. State: the bytes, and the offset that the guest set.
 * Binary or BCD, 24 or 12 hours; periodic, update-ended and alarm interrupts. Missing: daylight saving, square wave, NMI mask (bit 7 of 70h).
 * The century is at byte 32h, as the FADT says. Source: MC146818A data sheet.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/state.h"

#define RTC_IRQ     8u
#define RTC_CENTURY 0x32u

struct rtc {
	uint64_t khz;  /* of the TSC */
	uint64_t base; /* seconds since 1970 at tick 0 */
	uint64_t next; /* tick of the next event that sets a flag of register C */
	uint64_t last; /* tick up to which events have been seen */
	uint8_t index;
	uint8_t cmos[128];
};

/* utc: seconds since 1970 at tick 0; 0: start of 2026. */
void rtc_init(struct rtc *r, uint64_t tsc_khz, uint64_t utc);
uint8_t rtc_read(struct rtc *r, uint16_t port, uint64_t now);
void rtc_write(struct rtc *r, uint16_t port, uint8_t value, uint64_t now);
bool rtc_irq(const struct rtc *r);
uint64_t rtc_deadline(const struct rtc *r);
void rtc_expire(struct rtc *r, uint64_t now);
void rtc_state(struct state *s, struct rtc *r);
