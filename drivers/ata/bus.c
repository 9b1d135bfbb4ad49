// SPDX-License-Identifier: Apache-2.0
#include "drivers/ata/bus.h"
#include "lib/port.h"

uint8_t bus_read(uint16_t port)
{
	return port_in8(port);
}

void bus_write(uint16_t port, uint8_t value)
{
	port_out8(port, value);
}

void bus_read_words(uint16_t port, void *to, size_t words)
{
	__asm__ volatile("rep insw" : "+D"(to), "+c"(words) : "d"(port) : "memory");
}

void bus_write_words(uint16_t port, const void *from, size_t words)
{
	__asm__ volatile("rep outsw" : "+S"(from), "+c"(words) : "d"(port) : "memory");
}
