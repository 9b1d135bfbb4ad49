// SPDX-License-Identifier: Apache-2.0
/* Register access of one IDE channel: bus.c is I/O ports, the unit test plays a device. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint8_t bus_read(uint16_t port);
void bus_write(uint16_t port, uint8_t value);
/* `words` 16-bit words between the data register and memory. */
void bus_read_words(uint16_t port, void *to, size_t words);
void bus_write_words(uint16_t port, const void *from, size_t words);
