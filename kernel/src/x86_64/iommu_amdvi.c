// SPDX-License-Identifier: Apache-2.0
/*
 * AMD-Vi. One device table of all 65536 requester ids for all units of PCI segment 0, a second one that denies everything for other segments. An interrupt
 * table is one frame of the DMA space. An entry that is not valid lets everything through (2.2.2.1), so every entry is valid from the start and leads to an
 * empty page table. AMD I/O Virtualization Technology specification, revision 3; numbers in brackets are its sections.
 */
#include "kernel/inc/cpu.h"
#include "kernel/inc/iommu.h"
#include "kernel/inc/x86_64/iommu_regs.h"

enum amdvi_register { /* [3.4] */
		      AMDVI_DEVICE_TABLE = 0x0000,
		      AMDVI_COMMANDS = 0x0008,
		      AMDVI_EVENTS = 0x0010,
		      AMDVI_CONTROL = 0x0018,
		      AMDVI_COMMAND_HEAD = 0x2000,
		      AMDVI_COMMAND_TAIL = 0x2008,
		      AMDVI_EVENT_HEAD = 0x2010,
		      AMDVI_EVENT_TAIL = 0x2018,
		      AMDVI_STATUS = 0x2020,
};

enum amdvi_control {
	CONTROL_ON = 1 << 0,
	CONTROL_EVENTS = 1 << 2,
	CONTROL_COHERENT = 1 << 10,
	CONTROL_COMMANDS = 1 << 12,
	STATUS_OVERFLOW =
		1 << 0, /* events were lost: cleared by writing it, and the log starts anew */
};

enum amdvi_command { /* [2.4] */
		     COMMAND_WAIT = 1,
		     COMMAND_INVALIDATE_DEVICE = 2,
		     COMMAND_INVALIDATE_PAGES = 3,
		     COMMAND_INVALIDATE_INTERRUPTS = 5,
		     COMMAND_CODE = 60, /* shift */
		     WAIT_STORE = 1 << 0,
		     PAGES_MANY = 1 << 0,   /* the address says how many; */
		     PAGES_TABLES = 1 << 1, /* the tables that lead there too */
		     BUFFER_ENTRIES = FRAME_SIZE / 16,
};

#define BUFFER_LENGTH (UINT64_C(8) << 56) /* 2^8 entries of 16 bytes */
#define PAGES_ALL     UINT64_C(0x7ffffffffffff000)

enum amdvi_entry { /* device table [2.2.2.1]: four words; interrupt table [2.2.5.1] */
		   DTE_WORDS = 4,
		   DTE_VALID = 1 << 0,
		   DTE_TABLES_VALID = 1 << 1,
		   DTE_4_LEVELS = 4 << 9,
		   DTE_INTERRUPTS = 1 << 0, /* word 2: all messages are looked up, */
		   DTE_IRT_256 = 8 << 1,    /* in a table of 2^8 entries */
		   IRTE_ON = 1 << 0,
		   IRTE_DEST = 8,    /* shift */
		   IRTE_VECTOR = 16, /* shift */
		   DEVICE_TABLE_BYTES = IOMMU_REQUESTERS * DTE_WORDS * 8,
};

#define DTE_READ      (UINT64_C(1) << 61)
#define DTE_WRITE     (UINT64_C(1) << 62)
#define DTE_IRT_REMAP (UINT64_C(2) << 60)  /* word 2; 0: every message is refused */
#define MSI_ANY       UINT64_C(0xfee00000) /* the data is the entry's number */

enum amdvi_event { /* [2.5] */
		   EVENT_DEVICE_TABLE = 1,
		   EVENT_PAGE_FAULT = 2,
		   EVENT_DEVICE_TABLE_READ = 3,
		   EVENT_PAGE_TABLE_READ = 4,
		   EVENT_INVALID_REQUEST = 8,
		   EVENT_CODE = 60, /* shift */
};

#define EVENT_INTERRUPT (UINT64_C(1) << 51) /* page fault: of an interrupt message; */
#define EVENT_PRESENT   (UINT64_C(1) << 52) /* there is a page, but not for this */
#define EVENT_WRITE     (UINT64_C(1) << 53)

static struct {
	volatile uint64_t *commands, *events;
	volatile uint64_t *done; /* what the last wait command stored */
	uint64_t sent;
	uint32_t tail, head; /* of the command buffer and of the event log, entries */
} unit[BOOTINFO_MAX_IOMMU];

static volatile uint64_t *devices, *no_devices;
static uint64_t nothing; /* an empty page table, physical */

static void put(uint32_t u, uint64_t low, uint64_t high)
{
	unit[u].commands[2 * unit[u].tail] = low;
	unit[u].commands[2 * unit[u].tail + 1] = high;
	unit[u].tail = (unit[u].tail + 1) % BUFFER_ENTRIES;
}

static void command(uint64_t code, uint64_t low, uint64_t high)
{
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++) {
		put(u, code << COMMAND_CODE | low, high);
		put(u,
		    (uint64_t)COMMAND_WAIT << COMMAND_CODE | ptr_pa((const void *)unit[u].done) |
			    WAIT_STORE,
		    ++unit[u].sent);
		iommu_write64(u, AMDVI_COMMAND_TAIL, unit[u].tail * 16);
		IOMMU_WAIT(u, "finish an invalidation", *unit[u].done == unit[u].sent);
	}
}

static void flush(uint16_t domain)
{
	command(COMMAND_INVALIDATE_PAGES, (uint64_t)domain << 32,
		PAGES_ALL | PAGES_TABLES | PAGES_MANY);
}

/* tables: root and rights of the page tables, interrupts: of the interrupt table. */
static void set(volatile uint64_t *entry, uint64_t tables, uint64_t domain, uint64_t interrupts)
{
	entry[2] = interrupts | DTE_INTERRUPTS | DTE_IRT_256;
	entry[1] = domain;
	entry[0] = tables | DTE_VALID | DTE_TABLES_VALID | DTE_4_LEVELS;
}

static void flush_function(uint16_t rid, uint16_t domain)
{
	command(COMMAND_INVALIDATE_DEVICE, rid, 0);
	command(COMMAND_INVALIDATE_INTERRUPTS, rid, 0);
	flush(domain);
}

static void attach(uint16_t rid, const struct gspace *g)
{
	set(&devices[rid * DTE_WORDS], g->space.ptab.root | DTE_READ | DTE_WRITE,
	    g->space.dma_domain, ptr_pa(g->irt) | DTE_IRT_REMAP);
	flush_function(rid, g->space.dma_domain);
}

static void detach(uint16_t rid, uint16_t domain)
{
	set(&devices[rid * DTE_WORDS], nothing, 0, 0);
	flush_function(rid, domain);
}

/* There is a free one: gspace.irq_count is below the table's size. */
static struct msi route(struct irq_bind *b)
{
	volatile uint32_t *table = b->space->irt;

	for (b->entry = 0; table[b->entry]; b->entry++)
		;
	table[b->entry] = IRTE_ON | (uint32_t)b->vector << IRTE_VECTOR |
			  (cpus[b->cpu]->apic_id & 0xff) << IRTE_DEST;
	command(COMMAND_INVALIDATE_INTERRUPTS, b->rid, 0);
	return (struct msi){ MSI_ANY, b->entry };
}

static void unroute(struct irq_bind *b)
{
	((volatile uint32_t *)b->space->irt)[b->entry] = 0;
	command(COMMAND_INVALIDATE_INTERRUPTS, b->rid, 0);
}

static void decode(uint64_t low, uint64_t high, struct iommu_fault *f)
{
	f->rid = (uint16_t)low;
	f->address = high;
	f->write = low & EVENT_WRITE;
	switch (low >> EVENT_CODE) {
	case EVENT_PAGE_FAULT:
		f->why = low & EVENT_INTERRUPT ? "no such interrupt was assigned"
			 : low & EVENT_PRESENT ? "the page is not mapped for this"
					       : "not mapped";
		break;
	case EVENT_INVALID_REQUEST:
		f->why = "a request of a kind that no function may make";
		break;
	case EVENT_DEVICE_TABLE:
		f->why = "its device table entry is malformed";
		break;
	case EVENT_DEVICE_TABLE_READ:
		f->why = "the unit cannot read its device table entry";
		break;
	case EVENT_PAGE_TABLE_READ:
		f->why = "the unit cannot read its page tables";
		break;
	default: /* a command, or a time-out: no request of a function */
		f->why = NULL;
	}
}

static void events_on(uint32_t u, bool on)
{
	uint64_t v = iommu_read64(u, AMDVI_CONTROL);

	iommu_write64(u, AMDVI_CONTROL, on ? v | CONTROL_EVENTS : v & ~(uint64_t)CONTROL_EVENTS);
}

/* The log was full and has stopped; all of it has been read. */
static void restart_log(uint32_t u)
{
	events_on(u, false);
	iommu_write64(u, AMDVI_STATUS, STATUS_OVERFLOW);
	iommu_write64(u, AMDVI_EVENT_HEAD, 0);
	iommu_write64(u, AMDVI_EVENT_TAIL, 0);
	unit[u].head = 0;
	events_on(u, true);
}

/* An entry that was read is emptied, so the memory itself says what is new: some units move the tail before what they wrote is there, QEMU's never does. */
static bool fault(struct iommu_fault *f)
{
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++) {
		volatile uint64_t *e = unit[u].events + 2 * unit[u].head;

		if (!(e[0] >> EVENT_CODE)) {
			if (iommu_read64(u, AMDVI_STATUS) & STATUS_OVERFLOW)
				restart_log(u);
			continue;
		}
		decode(e[0], e[1], f);
		e[0] = 0;
		unit[u].head = (unit[u].head + 1) % BUFFER_ENTRIES;
		iommu_write64(u, AMDVI_EVENT_HEAD, unit[u].head * 16);
		return true;
	}
	return false;
}

/* Starting. */

static volatile uint64_t *deny_all(void)
{
	volatile uint64_t *table = boot_frames(DEVICE_TABLE_BYTES);

	for (uint32_t rid = 0; rid < IOMMU_REQUESTERS; rid++)
		set(&table[rid * DTE_WORDS], nothing, 0, 0);
	return table;
}

static bool other_segments(void)
{
	bool other = false;

	for (uint32_t u = 0; u < bootinfo.iommu_count; u++)
		other |= bootinfo.iommu[u].segment != 0;
	return other;
}

static void start_unit(uint32_t u)
{
	volatile uint64_t *table = bootinfo.iommu[u].segment ? no_devices : devices;

	unit[u].commands = boot_frames(FRAME_SIZE);
	unit[u].events = boot_frames(FRAME_SIZE);
	unit[u].done = boot_frames(FRAME_SIZE);
	iommu_write64(u, AMDVI_CONTROL, 0); /* whatever firmware left on: bus masters are stopped */
	iommu_write64(u, AMDVI_DEVICE_TABLE,
		      ptr_pa((const void *)table) | (DEVICE_TABLE_BYTES / FRAME_SIZE - 1));
	iommu_write64(u, AMDVI_COMMANDS, ptr_pa((const void *)unit[u].commands) | BUFFER_LENGTH);
	iommu_write64(u, AMDVI_EVENTS, ptr_pa((const void *)unit[u].events) | BUFFER_LENGTH);
	iommu_write64(u, AMDVI_COMMAND_HEAD, 0);
	iommu_write64(u, AMDVI_COMMAND_TAIL, 0);
	iommu_write64(u, AMDVI_EVENT_HEAD, 0);
	iommu_write64(u, AMDVI_EVENT_TAIL, 0);
	iommu_write64(u, AMDVI_CONTROL,
		      CONTROL_COHERENT | CONTROL_COMMANDS | CONTROL_EVENTS | CONTROL_ON);
}

static const char *start(void)
{
	iommu_remaps = bootinfo.iommu_remap;
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++)
		if (!iommu_map(u))
			return "a unit with too many registers";
	nothing = ptr_pa(boot_frames(FRAME_SIZE));
	devices = deny_all();
	no_devices = other_segments() ? deny_all() : devices;
	for (uint32_t u = 0; u < bootinfo.iommu_count; u++)
		start_unit(u);
	return NULL;
}

extern const struct ptab_format ptab_amdvi;

const struct iommu_ops amdvi_ops = {
	.name = "AMD-Vi",
	.format = &ptab_amdvi,
	.space_irt = true,
	.start = start,
	.attach = attach,
	.detach = detach,
	.flush = flush,
	.route = route,
	.unroute = unroute,
	.fault = fault,
};
