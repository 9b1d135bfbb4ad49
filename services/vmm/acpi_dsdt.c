// SPDX-License-Identifier: Apache-2.0
/* Writes AML: the few encodings of ACPI 6.5 section 20.2 that the DSDT needs. */
#include "services/vmm/acpi.h"
#include <string.h>
#include "services/vmm/pci.h"
#include "services/vmm/pm.h"
#include "services/vmm/rtc.h"
#include "services/vmm/uart.h"

enum {
	NAME_OP = 0x08,
	BYTE = 0x0a,
	DWORD = 0x0c,
	SCOPE_OP = 0x10,
	BUFFER_OP = 0x11,
	PACKAGE_OP = 0x12
};
enum { EXT_OP = 0x5b, DEVICE_OP = 0x82 };

struct aml {
	uint8_t *out;
	size_t cap, at;
};

static void put(struct aml *a, const void *bytes, size_t n)
{
	if (n <= a->cap - a->at) {
		memcpy(a->out + a->at, bytes, n);
		a->at += n;
	}
}

static void put8(struct aml *a, uint8_t v)
{
	put(a, &v, 1);
}

static void put16(struct aml *a, uint32_t v)
{
	put8(a, (uint8_t)v);
	put8(a, (uint8_t)(v >> 8));
}

static void put32(struct aml *a, uint32_t v)
{
	put16(a, v & 0xffff);
	put16(a, v >> 16);
}

/* A two-byte PkgLength, filled in by end(). */
static size_t begin(struct aml *a)
{
	put16(a, 0);
	return a->at - 2;
}

static void end(struct aml *a, size_t start)
{
	size_t n = a->at - start;

	a->out[start] = (uint8_t)(0x40 | (n & 15));
	a->out[start + 1] = (uint8_t)(n >> 4);
}

static size_t begin_device(struct aml *a, const char *name)
{
	size_t start;

	put8(a, EXT_OP);
	put8(a, DEVICE_OP);
	start = begin(a);
	put(a, name, 4);
	return start;
}

static void name_dword(struct aml *a, const char *name, uint32_t v)
{
	put8(a, NAME_OP);
	put(a, name, 4);
	put8(a, DWORD);
	put32(a, v);
}

/* PNP ids: three letters of five bits each, then four hex digits, the bytes swapped. */
static void name_id(struct aml *a, const char *name, uint32_t digits)
{
	name_dword(a, name, 0xd041 | (digits & 0xff) << 24 | (digits >> 8) << 16);
}

struct resources {
	size_t package, count;
};

static struct resources begin_resources(struct aml *a)
{
	struct resources r;

	put8(a, NAME_OP);
	put(a, "_CRS", 4);
	put8(a, BUFFER_OP);
	r.package = begin(a);
	put8(a, BYTE);
	put8(a, 0);
	r.count = a->at;
	return r;
}

static void end_resources(struct aml *a, struct resources r)
{
	put16(a, 0x0079); /* end tag, no checksum */
	a->out[r.count - 1] = (uint8_t)(a->at - r.count);
	end(a, r.package);
}

static void io_ports(struct aml *a, uint32_t base, uint8_t count)
{
	put16(a, 0x0147);
	put16(a, base);
	put16(a, base);
	put8(a, 1);
	put8(a, count);
}

static void irq(struct aml *a, unsigned n)
{
	put8(a, 0x22);
	put16(a, UINT32_C(1) << n);
}

/* Word address space: type 1 I/O, 2 bus numbers. */
static void word_range(struct aml *a, uint8_t type, uint32_t first, uint32_t last)
{
	put8(a, 0x88);
	put16(a, 13);
	put8(a, type);
	put8(a, 0x0c); /* both ends fixed */
	put8(a, type == 1 ? 3 : 0);
	put16(a, 0);
	put16(a, first);
	put16(a, last);
	put16(a, 0);
	put16(a, last - first + 1);
}

static void memory_range(struct aml *a, uint32_t first, uint32_t last)
{
	put8(a, 0x87);
	put16(a, 23);
	put8(a, 0);
	put8(a, 0x0c);
	put8(a, 1);
	put32(a, 0);
	put32(a, first);
	put32(a, last);
	put32(a, 0);
	put32(a, last - first + 1);
}

static void fixed_memory(struct aml *a, uint32_t base, uint32_t size)
{
	put8(a, 0x86);
	put16(a, 9);
	put8(a, 0);
	put32(a, base);
	put32(a, size);
}

/* The ECAM is the board's: an operating system uses it only where it is reserved so. */
static void board_resources(struct aml *a)
{
	size_t device = begin_device(a, "MBRD");
	struct resources r;

	name_id(a, "_HID", 0x0c02);
	r = begin_resources(a);
	fixed_memory(a, PCI_ECAM, PCI_ECAM_SIZE);
	end_resources(a, r);
	end(a, device);
}

static void host_bridge(struct aml *a)
{
	size_t device = begin_device(a, "PCI0");
	struct resources r;

	name_id(a, "_HID", 0x0a08); /* PCI Express, usable as plain PCI */
	name_id(a, "_CID", 0x0a03);
	name_dword(a, "_UID", 0);
	r = begin_resources(a);
	word_range(a, 2, 0, 0);
	io_ports(a, PCI_ADDRESS_PORT, 8);
	word_range(a, 1, PCI_IO_BASE, PCI_IO_END);
	memory_range(a, PCI_MEM_BASE, PCI_MEM_END);
	end_resources(a, r);
	end(a, device);
}

static void simple_device(struct aml *a, const char *name, uint32_t id, uint32_t port,
			  uint8_t ports, unsigned line)
{
	size_t device = begin_device(a, name);
	struct resources r;

	name_id(a, "_HID", id);
	r = begin_resources(a);
	io_ports(a, port, ports);
	irq(a, line);
	end_resources(a, r);
	end(a, device);
}

static void sleep_state(struct aml *a)
{
	static const uint8_t values[] = { 4, BYTE, PM_S5, BYTE, PM_S5, 0, 0 };
	size_t package;

	put8(a, NAME_OP);
	put(a, "_S5_", 4);
	put8(a, PACKAGE_OP);
	package = begin(a);
	put(a, values, sizeof(values));
	end(a, package);
}

size_t acpi_dsdt_aml(uint8_t *out, size_t cap)
{
	struct aml a = { .out = out, .cap = cap };
	size_t scope;

	sleep_state(&a);
	put8(&a, SCOPE_OP);
	scope = begin(&a);
	put(&a, "\\_SB_", 5);
	host_bridge(&a);
	board_resources(&a);
	simple_device(&a, "COM1", 0x0501, UART_PORT, 8, UART_IRQ);
	simple_device(&a, "RTC_", 0x0b00, 0x70, 2, RTC_IRQ);
	end(&a, scope);
	return a.at;
}
