// SPDX-License-Identifier: Apache-2.0
/*
 * pci: configuration space by ports CF8/CFC (PCI 3.0, 3.2.2.3.2). Finds all functions of all buses behind bus 0 and switches them for root.
 * Bus numbers are those the firmware has set.
 */
#include <string.h>
#include "drivers/pci/caps.h"
#include "lib/chan.h"
#include "lib/component.h"
#include "lib/port.h"

enum { ADDRESS = 0, DATA = 4, REG_HEADER = 0x0c, MULTIFUNCTION = 1 << 23 };

static uint16_t port;
/* In kept memory: sizing BARs again after a restart would disturb devices at work. */
#define LIST_MAGIC 0x5453494c49435052ull /* "RPCILIST" */
static struct list {
	uint64_t magic; /* set when the list is complete */
	uint32_t count;
	uint32_t pad;
	struct pci_function found[PCI_MAX_FUNCTIONS];
} * list;

static void select(const struct pci_config *c, uint8_t offset)
{
	port_out32((uint16_t)(port + ADDRESS), 1u << 31 | c->id << 8 | (offset & 0xfcu));
}

static uint32_t config_read(const struct pci_config *c, uint8_t offset)
{
	select(c, offset);
	return port_in32((uint16_t)(port + DATA));
}

static void config_write(const struct pci_config *c, uint8_t offset, uint32_t value)
{
	select(c, offset);
	port_out32((uint16_t)(port + DATA), value);
}

static struct pci_config config(uint32_t id)
{
	return (struct pci_config){ .read = config_read, .write = config_write, .id = id };
}

static void scan_bus(uint32_t bus, unsigned depth);

static bool scan_function(uint32_t id, unsigned depth)
{
	struct pci_config c = config(id);

	if (list->count == PCI_MAX_FUNCTIONS || !pci_probe(&c, &list->found[list->count]))
		return false;
	list->count++;
	if (list->found[list->count - 1].secondary)
		scan_bus(list->found[list->count - 1].secondary, depth + 1);
	return true;
}

static void scan_bus(uint32_t bus, unsigned depth)
{
	for (uint32_t device = 0; device < 32 && depth < 8; device++) {
		struct pci_config c = config(bus << 8 | device << 3);

		if (!scan_function(c.id, depth) || !(config_read(&c, REG_HEADER) & MULTIFUNCTION))
			continue;
		for (uint32_t f = 1; f < 8; f++)
			scan_function(c.id | f, depth);
	}
}

/* The loader has closed all bridges. `depth` ends loops of nonsense bus numbers. */
static void open_bridges(uint32_t id, unsigned depth)
{
	for (uint32_t i = 0; i < list->count && depth < 8; i++) {
		struct pci_config c = config(list->found[i].id);

		if (!list->found[i].secondary || list->found[i].secondary != id >> 8)
			continue;
		pci_open_bridge(&c);
		open_bridges(c.id, depth + 1);
	}
}

static enum chan_status switch_function(uint64_t id, bool on, bool master)
{
	for (uint32_t i = 0; i < list->count; i++) {
		struct pci_config c = config(list->found[i].id);

		if (list->found[i].id != id)
			continue;
		if (on)
			open_bridges(c.id, 0);
		pci_switch(&c, on, master);
		return CS_OK;
	}
	return CS_NOT_FOUND;
}

static void answer(struct chan *c, const struct msg *m)
{
	switch (m->type) {
	case PCI_LIST:
		chan_answer(c, m, CS_OK, 0, list->found, list->count * sizeof(list->found[0]));
		break;
	case PCI_ENABLE:
	case PCI_DISABLE:
		chan_answer(c, m,
			    switch_function(m->arg & ~PCI_MASTER, m->type == PCI_ENABLE,
					    m->arg & PCI_MASTER),
			    0, NULL, 0);
		break;
	default:
		chan_answer(c, m, CS_BAD_REQUEST, 0, NULL, 0);
	}
}

int main(void)
{
	const struct start_dev *dev = start_dev("config");

	if (!dev || dev->port_count < 8)
		die("no configuration ports");
	if (start_info()->kept_size < sizeof(*list))
		die("too little kept memory");
	port = dev->port_base;
	list = (struct list *)(uintptr_t)start_info()->kept_va;
	if (list->magic != LIST_MAGIC) {
		list->count = 0;
		scan_bus(0, 0);
		list->magic = LIST_MAGIC;
	}
	for (;;) {
		for (struct chan *c = chan_next(NULL); c; c = chan_next(c)) {
			enum chan_result r = CHAN_OK;
			struct msg m;

			while (chan_is_server(c) && (r == CHAN_OK || r == CHAN_RESTARTED)) {
				r = chan_recv(c, &m, NULL, 0);
				if (r == CHAN_OK)
					answer(c, &m);
			}
		}
		component_wait(0);
	}
}
