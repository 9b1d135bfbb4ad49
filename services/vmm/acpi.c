// SPDX-License-Identifier: Apache-2.0
#include "services/vmm/acpi.h"
#include <string.h>
#include "services/vmm/ioapic.h"
#include "services/vmm/lapic.h"
#include "services/vmm/pci.h"
#include "services/vmm/pm.h"
#include "services/vmm/rtc.h"

enum { HEADER = 36, FADT_SIZE = 244, FACS_SIZE = 64, MCFG_SIZE = 60, TABLE_ALIGN = 64 };
enum fadt_flags {
	WBINVD = 1 << 0,
	PROC_C1 = 1 << 2,
	NO_SLEEP_BUTTON = 1 << 5,
	NO_RTC_WAKE = 1 << 6,
	TIMER_32 = 1 << 8,
	RESET_REGISTER = 1 << 10,
};
enum { LEGACY_DEVICES = 1, NO_VGA = 4 };
enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2, MADT_NMI = 4, LEVEL_HIGH = 0xd };

struct tables {
	uint8_t *base; /* of the guest's bytes at ACPI_BASE */
	size_t at;
};

static void set16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void set32(uint8_t *p, uint32_t v)
{
	set16(p, v);
	set16(p + 2, v >> 16);
}

static void set64(uint8_t *p, uint64_t v)
{
	set32(p, (uint32_t)v);
	set32(p + 4, (uint32_t)(v >> 32));
}

static uint8_t checksum(const uint8_t *p, size_t n)
{
	uint8_t sum = 0;

	while (n-- != 0)
		sum = (uint8_t)(sum + *p++);
	return (uint8_t)-sum;
}

static uint8_t *take(struct tables *t, size_t size, uint32_t *gpa)
{
	uint8_t *p = t->base + t->at;

	*gpa = (uint32_t)(ACPI_BASE + t->at);
	t->at += (size + TABLE_ALIGN - 1) & ~(size_t)(TABLE_ALIGN - 1);
	return p;
}

static void finish(uint8_t *p, const char *signature, uint8_t revision, size_t size)
{
	memcpy(p, signature, 4);
	set32(p + 4, (uint32_t)size);
	p[8] = revision;
	memcpy(p + 10, "REDOUBREDOUBT ", 14);
	set32(p + 24, 1);
	memcpy(p + 28, "RDBT", 4);
	set32(p + 32, 1);
	p[9] = 0;
	p[9] = checksum(p, size);
}

/* Generic address of I/O ports. */
static void set_gas(uint8_t *p, uint8_t bytes, uint64_t port)
{
	p[0] = 1;
	p[1] = (uint8_t)(8 * bytes);
	p[3] = (uint8_t)(bytes == 4 ? 3 : bytes);
	set64(p + 4, port);
}

static uint32_t build_facs(struct tables *t)
{
	uint32_t gpa;
	uint8_t *p = take(t, FACS_SIZE, &gpa);

	memcpy(p, "FACS", 4);
	set32(p + 4, FACS_SIZE);
	p[32] = 2;
	return gpa;
}

static uint32_t build_dsdt(struct tables *t)
{
	uint32_t gpa;
	uint8_t *p = take(t, 0, &gpa);
	size_t aml = acpi_dsdt_aml(p + HEADER, 1024);

	take(t, HEADER + aml, &gpa);
	finish(p, "DSDT", 2, HEADER + aml);
	return gpa;
}

static uint32_t build_fadt(struct tables *t, uint32_t facs, uint32_t dsdt)
{
	uint32_t gpa;
	uint8_t *p = take(t, FADT_SIZE, &gpa);

	set32(p + 36, facs);
	set32(p + 40, dsdt);
	p[45] = 4; /* enterprise server */
	set16(p + 46, PM_SCI);
	set32(p + 56, PM_EVENT);
	set32(p + 64, PM_CONTROL);
	set32(p + 76, PM_TIMER);
	p[88] = 4;
	p[89] = 2;
	p[91] = 4;
	set16(p + 96, 0xffff);
	set16(p + 98, 0xffff);
	p[108] = RTC_CENTURY;
	set16(p + 109, LEGACY_DEVICES | NO_VGA);
	set32(p + 112,
	      WBINVD | PROC_C1 | NO_SLEEP_BUTTON | NO_RTC_WAKE | TIMER_32 | RESET_REGISTER);
	set_gas(p + 116, 1, PM_RESET_PORT);
	p[128] = PM_RESET;
	set64(p + 140, dsdt);
	set_gas(p + 148, 4, PM_EVENT);
	p[151] = 2;
	set_gas(p + 172, 2, PM_CONTROL);
	set_gas(p + 208, 4, PM_TIMER);
	finish(p, "FACP", 4, FADT_SIZE);
	return gpa;
}

static uint8_t *madt_override(uint8_t *e, uint8_t irq, uint32_t gsi, uint32_t flags)
{
	e[0] = MADT_OVERRIDE;
	e[1] = 10;
	e[3] = irq;
	set32(e + 4, gsi);
	set16(e + 8, flags);
	return e + 10;
}

static uint8_t *madt_cpus(uint8_t *e, uint32_t vcpus)
{
	for (uint32_t i = 0; i < vcpus; i++, e += 8) {
		e[0] = MADT_LAPIC;
		e[1] = 8;
		e[2] = e[3] = (uint8_t)i;
		set32(e + 4, 1);
	}
	return e;
}

static uint32_t build_madt(struct tables *t, uint32_t vcpus)
{
	uint32_t gpa;
	size_t size = 44 + 8 * vcpus + 12 + 2 * 10 + 6;
	uint8_t *p = take(t, size, &gpa), *e = madt_cpus(p + 44, vcpus);

	set32(p + 36, (uint32_t)LAPIC_BASE);
	set32(p + 40, 1); /* there are 8259s too */
	e[0] = MADT_IOAPIC;
	e[1] = 12;
	set32(e + 4, (uint32_t)IOAPIC_BASE);
	e = madt_override(e + 12, 0, 2, 0);
	e = madt_override(e, PM_SCI, PM_SCI, LEVEL_HIGH);
	e[0] = MADT_NMI;
	e[1] = 6;
	e[2] = 0xff;
	e[5] = 1;
	finish(p, "APIC", 4, size);
	return gpa;
}

static uint32_t build_mcfg(struct tables *t)
{
	uint32_t gpa;
	uint8_t *p = take(t, MCFG_SIZE, &gpa);

	set64(p + 44, PCI_ECAM); /* segment 0, buses 0 to 0 */
	finish(p, "MCFG", 1, MCFG_SIZE);
	return gpa;
}

static uint32_t build_xsdt(struct tables *t, const uint32_t *table, unsigned tables)
{
	uint32_t gpa;
	uint8_t *p = take(t, HEADER + 8 * tables, &gpa);

	for (unsigned i = 0; i < tables; i++)
		set64(p + HEADER + 8 * i, table[i]);
	finish(p, "XSDT", 1, HEADER + 8 * tables);
	return gpa;
}

static void build_rsdp(uint8_t *p, uint32_t xsdt)
{
	memcpy(p, "RSD PTR ", 8);
	memcpy(p + 9, "REDOUB", 6);
	p[15] = 2;
	set32(p + 20, 36);
	set64(p + 24, xsdt);
	p[8] = checksum(p, 20);
	p[32] = checksum(p, 36);
}

bool acpi_build(const struct guest_mem *gm, uint32_t vcpus)
{
	struct tables t = { .base = gm_ptr(gm, ACPI_BASE, ACPI_SIZE) };
	uint32_t rsdp, facs, dsdt, table[3];
	uint8_t *p;

	if (t.base == NULL)
		return false;
	memset(t.base, 0, ACPI_SIZE);
	p = take(&t, 36, &rsdp);
	facs = build_facs(&t);
	dsdt = build_dsdt(&t);
	table[0] = build_fadt(&t, facs, dsdt);
	table[1] = build_madt(&t, vcpus);
	table[2] = build_mcfg(&t);
	build_rsdp(p, build_xsdt(&t, table, 3));
	return true;
}
