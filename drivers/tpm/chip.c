// SPDX-License-Identifier: Apache-2.0
#include "drivers/tpm/chip.h"
#include "lib/component.h"

enum {
	INTERFACE_ID = 0x30,
	TYPE = 0xf,
	TYPE_FIFO = 0,
	TYPE_CRB = 1,
	TYPE_TIS13 = 0xf,
	NOTHING = 0xffffffff
};

#define WINDOW         0xfed40000ull
#define FIRST_SLEEP_NS 50000u
#define LONG_SLEEP_NS  5000000u

static chip_exchange *interface(const struct chip *c)
{
	uint32_t id = chip_read(c, INTERFACE_ID);

	if (id != (uint32_t)NOTHING && (id & TYPE) == TYPE_CRB)
		return crb_exchange;
	if ((id & TYPE) == TYPE_TIS13 || (id & TYPE) == TYPE_FIFO)
		return chip_read(c, 0) == (uint32_t)NOTHING ? NULL : tis_exchange;
	return NULL;
}

chip_exchange *chip_detect(const struct start_dev *dev, struct chip *c, const char **name)
{
	chip_exchange *exchange;

	if (!dev->mmio_size[0])
		return NULL;
	*c = (struct chip){ .regs = (volatile uint8_t *)(uintptr_t)dev->mmio_va[0],
			    .size = dev->mmio_size[0],
			    .physical = WINDOW };
	exchange = interface(c);
	*name = exchange == crb_exchange ? "CRB" : "FIFO";
	return exchange;
}

const char *chip_await(const struct chip *c, unsigned reg, uint32_t mask, uint32_t value,
		       unsigned ms, const char *what)
{
	uint64_t end = now_ns() + ms * 1000000ull, sleep = FIRST_SLEEP_NS;

	while ((chip_read(c, reg) & mask) != value) {
		if (now_ns() > end)
			return what;
		component_wait(now_ns() + sleep);
		sleep = 2 * sleep < LONG_SLEEP_NS ? 2 * sleep : LONG_SLEEP_NS;
	}
	return NULL;
}
