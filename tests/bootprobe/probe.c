// SPDX-License-Identifier: Apache-2.0
/*
 * A kernel that only tells what the loader gave it: for tests/system/test_boot.py. It prints boot info
 * and the event log in hexadecimal on COM1, what the page tables allow it and which PCI functions may
 * still write memory, and ends QEMU.
 */
#include "boot/bootinfo.h"

_Noreturn void probe_main(const struct bootinfo *info);

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint32_t inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void put(char c)
{
	while (!(inb(0x3fd) & 0x20))
		;
	outb(0x3f8, (uint8_t)c);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_hex(uint64_t value, int digits)
{
	while (digits--)
		put("0123456789abcdef"[value >> 4 * digits & 15]);
}

static void field(const char *name, uint64_t value)
{
	put_string(name);
	put('=');
	put_hex(value, 16);
	put('\n');
}

static void put_bytes(const char *name, const uint8_t *bytes, uint64_t size)
{
	put_string(name);
	put('=');
	while (size--)
		put_hex(*bytes++, 2);
	put('\n');
}

static void put_memory(const struct bootinfo *info)
{
	for (uint32_t i = 0; i < info->mem_count; i++) {
		put_string("mem ");
		put_hex(info->mem[i].base, 16);
		put(' ');
		put_hex(info->mem[i].size, 16);
		put(' ');
		put_hex(info->mem[i].type, 1);
		put('\n');
	}
}

static void put_parts(const struct bootinfo *info)
{
	for (uint32_t i = 0; i < info->part_count; i++) {
		const struct boot_part *p = &info->part[i];

		put_string("part ");
		put_string(p->name);
		put(' ');
		put_hex(p->base, 16);
		put(' ');
		put_hex(p->size, 16);
		put(' ');
		put_hex(p->pcr, 2);
		put_bytes(" digest", p->digest, sizeof(p->digest));
	}
}

/* Command registers of all functions on PCI bus 0. */
static void put_pci(void)
{
	for (uint32_t function = 0; function < 256; function++) {
		outl(0xcf8, 0x80000000u | function << 8);
		if ((inl(0xcfc) & 0xffff) == 0xffff)
			continue;
		outl(0xcf8, 0x80000004u | function << 8);
		put_string("pci ");
		put_hex(function, 2);
		field(" command", inl(0xcfc) & 0xffff);
	}
}

/* Page-table entry of a virtual address as the processor uses it. */
static uint64_t entry_of(const void *address)
{
	uint64_t table, entry = 0, v = (uintptr_t)address;

	__asm__("mov %%cr3, %0" : "=r"(table));
	for (int shift = 39; shift >= 12; shift -= 9) {
		entry = ((uint64_t *)(table & 0x000ffffffffff000ull))[v >> shift & 511];
		if (!(entry & 1) || (shift < 39 && entry & 0x80))
			break;
		table = entry;
	}
	return entry;
}

static int writable = 1;
static const char constant[] = "constant";

void probe_main(const struct bootinfo *info)
{
	put_string("probe: begin\n");
	field("magic", info->magic);
	field("version", info->version);
	field("size", info->size);
	field("kpool_base", info->kpool_base);
	field("kpool_size", info->kpool_size);
	field("ap_page", info->ap_page);
	field("rsdp", info->rsdp);
	field("tsc_khz", info->tsc_khz);
	field("fb_base", info->fb.base);
	field("fb_width", info->fb.width);
	field("flags", info->flags);
	for (uint32_t i = 0; i < info->cpu_count; i++)
		field("cpu", info->apic_id[i]);
	put_bytes("seed", info->seed, sizeof(info->seed));
	put_memory(info);
	put_parts(info);
	put_pci();
	field("pte_text", entry_of((const void *)(uintptr_t)probe_main));
	field("pte_rodata", entry_of(constant));
	field("pte_data", entry_of(&writable));
	put_bytes("log", (const uint8_t *)info->log_base, info->log_size);
	put_string("probe: end\n");
	outb(0xf4, 0x10);
	for (;;)
		__asm__ volatile("cli; hlt");
}
