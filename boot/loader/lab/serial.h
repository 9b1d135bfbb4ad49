// SPDX-License-Identifier: Apache-2.0
/*
 * A TPM at the third serial port (0x3e8, 115200 8N1, polled): commands and responses byte by byte as TPM 2.0
 * Library part 1 frames them. Outside, a relay hands whole commands to the chip (tests/system/bochs.py).
 */
#pragma once
#include <stdint.h>

/* Sets the port up and drops what it holds. Refuses to boot when there is no such port. */
void serial_tpm_start(void);

/* Sends a command of `length` bytes; the response is at most `size` bytes. 0, or -1 without a whole response. */
int serial_tpm_exchange(const uint8_t *command, uint32_t length, uint8_t *response, uint32_t size)
	__attribute__((warn_unused_result));
