// SPDX-License-Identifier: Apache-2.0
/* The event log on its way from the firmware to the kernel (TCG EFI Protocol, "Log entries after Get Event Log"). */
#pragma once
#include "boot/bootinfo.h"

/* Copies the log; call after the last measurement. Refuses if the log is damaged. */
void log_copy(struct bootinfo *info);

/* Appends what firmware logged since log_copy(); call after ExitBootServices(). */
void log_append_final(struct bootinfo *info);
