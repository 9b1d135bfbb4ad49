// SPDX-License-Identifier: Apache-2.0
/*
 * Raw TPM channel (proto "tpmraw"): driver <- tpm broker.
 *
 *   request      arg   payload                answer payload
 *   TPMRAW_CMD   0     one TPM 2.0 command    its response
 *
 * The driver checks only that the size field of the command's header equals the payload's length. CS_IO: the chip did not
 * answer, or is gone. A command whose answer was lost by a restart may have been executed: the broker, not the driver,
 * decides whether it is sent again.
 */
#pragma once
#include <stdint.h>

#define TPMRAW_MAX 4096u /* bytes of a command or a response */

enum tpmraw_type { TPMRAW_CMD = 1 };
