// SPDX-License-Identifier: Apache-2.0
/* The guest's console on its channel (lib/console.h). */
#pragma once
#include "lib/chan.h"
#include "services/vmm/machine.h"

/* Send what the guest wrote, as much as there is room for. */
void console_send(struct chan *c, struct machine *m);
/* Take what was typed, as much as the guest takes. true: the power button was pressed. */
bool console_receive(struct chan *c, struct machine *m);
