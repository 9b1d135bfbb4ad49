// SPDX-License-Identifier: Apache-2.0
/* The guest's serial port on its console channel (lib/console.h). */
#pragma once
#include "lib/chan.h"
#include "services/vmm/uart.h"

/* Send what the guest wrote, as much as there is room for. */
void console_send(struct chan *c, struct uart *u);
/* Take what was typed, as much as the guest's receive queue holds. true: the power button was pressed. */
bool console_receive(struct chan *c, struct uart *u);
