// SPDX-License-Identifier: Apache-2.0
/* Server side of proto "ctl" (services/root/root.h). */
#pragma once
#include "services/root/instance.h"

/* Answers all that is waiting on the ctl channels. */
void ctl_serve(void);
/* Tells every ctl client what became of an instance of a template. */
void ctl_event(const struct instance *i, enum ctl_event_kind kind);
