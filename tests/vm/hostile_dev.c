// SPDX-License-Identifier: Apache-2.0
/*
 * A guest that misuses the board: all ports in all sizes, string instructions on ports with every address size and into pages that are not there,
 * every form of instruction on device memory, interrupt controllers. What must come: what a board answers, or an exception at the right place.
 */
#include "tests/vm/guest64.h"
#include "tests/vm/hostile.h"

#define FREE_PAGE UINT64_C(0x600000) /* 2 MiB of its own in the page tables */

/* Where something answers (docs/vmm.md); everywhere else all ones are read. BARs are at c000h and up. */
static const struct range known[] = { { 0x20, 0x21 },    { 0x40, 0x43 },   { 0x61, 0x61 },
				      { 0x64, 0x64 },    { 0x70, 0x71 },   { 0x80, 0x80 },
				      { 0xa0, 0xa1 },    { 0xf4, 0xf7 },   { 0x3f8, 0x3ff },
				      { 0x4d0, 0x4d1 },  { 0x600, 0x60f }, { 0xcf8, 0xcff },
				      { 0xc000, 0xc0ff } };

/* Exit port, reset ports, power, the console this is printed on. */
static const struct range not_written[] = {
	{ 0x64, 0x64 }, { 0xf4, 0xf7 }, { 0x3f8, 0x3ff }, { 0x600, 0x60f }, { 0xcf9, 0xcf9 }
};

static bool touches(const struct range *r, unsigned n, uint32_t port, uint32_t size)
{
	for (unsigned i = 0; i < n; i++)
		if (port + size > r[i].first && port <= r[i].last)
			return true;
	return false;
}

#define TOUCHES(list, port, size) touches(list, sizeof(list) / sizeof((list)[0]), port, size)

static uint32_t read_port(uint32_t port, uint32_t size)
{
	if (size == 1)
		return in8((uint16_t)port);
	return size == 2 ? in16((uint16_t)port) : in32((uint16_t)port);
}

static void write_port(uint32_t port, uint32_t size, uint32_t v)
{
	if (size == 1)
		out8((uint16_t)port, (uint8_t)v);
	else if (size == 2)
		out16((uint16_t)port, (uint16_t)v);
	else
		out32((uint16_t)port, v);
}

static void test_port_reads(void)
{
	guest_begin();
	for (uint32_t size = 1; size <= 4; size *= 2)
		for (uint32_t port = 0; port < 0x10000; port++) {
			uint32_t got = read_port(port, size),
				 ones = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;

			if (got != ones && !TOUCHES(known, port, size))
				guest_bad("a port where nothing is reads all ones", "port, value",
					  port, got);
		}
	guest_end("all 64 Ki ports were read, in all sizes");
}

static void test_port_writes(void)
{
	uint32_t x = 12345;

	for (uint32_t size = 1; size <= 4; size *= 2)
		for (uint32_t port = 0; port < 0x10000; port++) {
			x = x * 1103515245 + 12345;
			if (!TOUCHES(not_written, port, size))
				write_port(port, size, x);
		}
	guest_check(in8(0x3fd) & 0x20, "all 64 Ki ports were written, in all sizes");
}

/* --- string instructions on ports --- */

#define STRINGS(X)                 \
	X("insb", 1, 0)            \
	X("insl", 4, 0)            \
	X("rep insb", 1, 0)        \
	X("rep insw", 2, 0)        \
	X("rep insl", 4, 0)        \
	X("addr32 rep insl", 4, 0) \
	X("rex64 insl", 4, 0)      \
	X("repne insb", 1, 0)      \
	X("std; rep insw; cld", 2, 1)

#define ASM(text, ...)                                                                \
	"1: " text "\n	int $0x80\n .pushsection .rodata.strings, \"a\"\n .quad 1b\n " \
	".popsection\n"
__asm__(".pushsection .rodata.strings, \"a\"\n .balign 8\n string_code:\n .popsection\n "
	".text\n" STRINGS(ASM) "string_ins: rep insb\n	int $0x80\n"
			       "string_outs: rep outsb\n	int $0x80\n"
			       "string_outs32: addr32 rep outsb\n	int $0x80\n");

extern const uint64_t string_code[];
extern const uint8_t string_ins[], string_outs[], string_outs32[];

static const struct {
	const char *text;
	unsigned size;
	bool down;
} strings[] = {
#define ENTRY(...) { __VA_ARGS__ },
	STRINGS(ENTRY)
};

enum { COUNT = 100, BUFFER = 1024 };
static uint8_t buffer[BUFFER] __attribute__((aligned(64)));

static bool repeats(const char *text)
{
	for (; text[1]; text++)
		if (text[0] == 'r' && text[1] == 'e' && text[2] == 'p')
			return true;
	return false;
}

/* Port 1 reads all ones. */
static void run_string(unsigned n)
{
	struct guest_run r = guest_ready((const void *)string_code[n], false);
	unsigned steps = repeats(strings[n].text) ? COUNT : 1, bytes = steps * strings[n].size,
		 ones = 0;
	int64_t moved;

	memset(buffer, 0, BUFFER);
	r.gpr[RDI] = (uint64_t)buffer + 512;
	r.gpr[RDX] = 1;
	r.gpr[RCX] = COUNT;
	guest_run(&r);
	for (unsigned i = 0; i < BUFFER; i++)
		ones += buffer[i] == 0xff;
	moved = (int64_t)(r.gpr[RDI] - ((uint64_t)buffer + 512));
	if (r.vector != VECTOR_END || ones != bytes ||
	    moved != (strings[n].down ? -(int64_t)bytes : (int64_t)bytes) ||
	    r.gpr[RCX] != COUNT - (steps == 1 ? 0 : COUNT))
		guest_bad(strings[n].text, "bytes, moved", ones, (uint64_t)moved);
}

static void expect_fault(struct guest_run *r, uint64_t address, uint64_t error, uint64_t left,
			 const char *what)
{
	uint64_t rip = r->rip;

	guest_run(r);
	if (r->vector != VECTOR_PF || r->cr2 != address || r->error != error ||
	    r->gpr[RCX] != left || r->rip != rip)
		guest_bad(what, "vector << 32 | error, cr2", r->vector << 32 | r->error, r->cr2);
}

static void map(uint64_t flags)
{
	guest_pd[FREE_PAGE >> 21] = FREE_PAGE | flags;
	__asm__ volatile("invlpg (%0)" : : "r"(FREE_PAGE) : "memory");
}

/* Into the first page that is not there, or not for writing: what was before it is done. */
static void test_string_faults(void)
{
	struct guest_run r;

	guest_begin();
	map(0);
	r = guest_ready(string_ins, false);
	r.gpr[RDI] = FREE_PAGE - 10;
	r.gpr[RCX] = COUNT;
	r.gpr[RDX] = 1;
	expect_fault(&r, FREE_PAGE, 2, COUNT - 10, "ins into a page that is not there");
	r = guest_ready(string_outs, false);
	r.gpr[RSI] = FREE_PAGE - 10;
	r.gpr[RCX] = COUNT;
	r.gpr[RDX] = 1;
	expect_fault(&r, FREE_PAGE, 0, COUNT - 10, "outs from a page that is not there");
	map(0x81); /* present, large, not for writing */
	r = guest_ready(string_ins, false);
	r.gpr[RDI] = FREE_PAGE;
	r.gpr[RCX] = COUNT;
	r.gpr[RDX] = 1;
	expect_fault(&r, FREE_PAGE, 3, COUNT, "ins into a page that may only be read");
	r = guest_ready(string_ins, false);
	r.gpr[RDI] = UINT64_C(0x800000000000);
	r.gpr[RCX] = COUNT;
	r.gpr[RDX] = 1;
	guest_run(&r);
	if (r.vector != VECTOR_GP || r.error)
		guest_bad("ins to an address that is not canonical", "vector, error", r.vector,
			  r.error);
	map(0x87);
	guest_end("string instructions on ports fault where memory is not for them");
}

static void test_strings(void)
{
	struct guest_run r = guest_ready(string_outs32, false);

	guest_begin();
	for (unsigned n = 0; n < sizeof(strings) / sizeof(strings[0]); n++)
		run_string(n);
	r.gpr[RSI] = UINT64_C(0x1234500000000) | (uint64_t)buffer;
	r.gpr[RCX] = UINT64_C(0x5678900000000) | COUNT;
	r.gpr[RDX] = 0x80;
	guest_run(&r);
	if (r.vector != VECTOR_END || (uint32_t)r.gpr[RCX])
		guest_bad("outs with 32-bit addresses", "vector, rcx", r.vector, r.gpr[RCX]);
	guest_end("string instructions on ports, in every form");
}

uint32_t guest_main(const char *words)
{
	(void)words;
	hostile_mmio();
	hostile_apic();
	test_strings();
	test_string_faults();
	test_port_reads();
	test_port_writes();
	guest_text("done ");
	guest_text(guest_name);
	guest_print();
	return guest_failures() ? 1 : 7;
}
