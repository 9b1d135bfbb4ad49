// SPDX-License-Identifier: Apache-2.0
#include "boot/loader/pci.h"
#include "boot/loader/io.h"

enum {
	CONFIG_ADDRESS = 0xcf8,
	CONFIG_DATA = 0xcfc,
	REG_ID = 0x00,
	REG_COMMAND = 0x04,
	REG_HEADER = 0x0c, /* header type in bits 16 to 23 */
	COMMAND_MASTER = 0x4,
	HEADER_MULTI = 0x800000,
	FUNCTIONS = 8,
	ALL_FUNCTIONS = 256 * 32 * FUNCTIONS,
};

static void select(uint32_t function, uint32_t reg)
{
	outl(CONFIG_ADDRESS, 0x80000000u | function << 8 | reg);
}

static uint32_t read(uint32_t function, uint32_t reg)
{
	select(function, reg);
	return inl(CONFIG_DATA);
}

/* Only the command half is written: writing the status half would clear its error bits. */
static void stop(uint32_t function)
{
	select(function, REG_COMMAND);
	uint16_t command = inw(CONFIG_DATA);

	if (command & COMMAND_MASTER)
		outw(CONFIG_DATA, (uint16_t)(command & ~COMMAND_MASTER));
}

void pci_stop_bus_masters(void)
{
	for (uint32_t device = 0; device < ALL_FUNCTIONS; device += FUNCTIONS) {
		if ((read(device, REG_ID) & 0xffff) == 0xffff)
			continue;
		uint32_t functions = read(device, REG_HEADER) & HEADER_MULTI ? FUNCTIONS : 1;

		for (uint32_t f = device; f < device + functions; f++)
			if ((read(f, REG_ID) & 0xffff) != 0xffff)
				stop(f);
	}
}
