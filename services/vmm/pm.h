// SPDX-License-Identifier: Apache-2.0
/*
 * ACPI fixed hardware at 600h: PM1a event and control, PM timer; the reset register at CF9h; and the reset pulse of port 64h.
 * State: PM1 registers. There are no general-purpose events and no wake-up; S5 is the only sleep state.
 * Source: ACPI 6.5, section 4.8.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "services/vmm/state.h"

#define PM_PORT       0x600u
#define PM_PORTS      16u
#define PM_EVENT      0x600u /* status, enable: 2 bytes each */
#define PM_CONTROL    0x604u
#define PM_TIMER      0x608u
#define PM_TIMER_HZ   3579545u
#define PM_SCI        9u
#define PM_S5         5u /* SLP_TYP of S5 */
#define PM_RESET_PORT 0xcf9u
#define PM_RESET      6u /* the value that resets */

enum pm_request { PM_NONE = 0, PM_REQUEST_OFF, PM_REQUEST_RESET };

struct pm {
	uint64_t khz;
	uint16_t status, enable, control;
	uint8_t reset;
	enum pm_request request; /* what the guest asked the machine to do */
};

void pm_init(struct pm *p, uint64_t tsc_khz);
uint32_t pm_read(struct pm *p, uint16_t port, unsigned size, uint64_t now);
void pm_write(struct pm *p, uint16_t port, unsigned size, uint32_t value);
void pm_reset_port(struct pm *p, uint8_t value);
/* Press the power button. */
void pm_button(struct pm *p);
/* The SCI line. */
bool pm_irq(const struct pm *p);
void pm_state(struct state *s, struct pm *p);
