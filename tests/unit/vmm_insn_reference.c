// SPDX-License-Identifier: Apache-2.0
/* Every opcode with every ModRM byte under every prefix, in all three modes: what the decoder accepts it decodes as the reference does. */
#include <stdio.h>
#include <string.h>
#include "tests/unit/insn_reference.h"
#include "tests/unit/vmm_harness.h"

enum { LONGEST = 15, REPORTS = 12 };

static const uint8_t prefix[] = {
	0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
	0x40, 0x41, 0x42, 0x44, 0x45, 0x47, 0x48, 0x49, 0x4a, 0x4c, 0x4f
};
enum { PREFIXES = sizeof(prefix) };

static const uint8_t few_modrm[] = { 0x00, 0x05, 0x0c, 0x2d, 0x46, 0x7c, 0xb4, 0xc1 };
static uint64_t accepted, tried;
static unsigned reports;

static void report(const char *why, const uint8_t *bytes, unsigned bits)
{
	if (++reports > REPORTS)
		return;
	printf("# %u bits: %s:", bits, why);
	for (unsigned i = 0; i < LONGEST; i++)
		printf(" %02x", bytes[i]);
	printf("\n");
}

static void try(const uint8_t *head, size_t n, const uint8_t tail[3], unsigned bits)
{
	uint8_t bytes[LONGEST] = { 0 };
	const char *why;

	for (size_t i = 0; i < LONGEST; i++)
		bytes[i] = (uint8_t)(i < n ? head[i] : i < n + 3 ? tail[i - n] : 0x80 + 37 * i);
	tried++;
	why = insn_differs(bytes, sizeof(bytes), bits, &accepted);
	if (why != NULL)
		report(why, bytes, bits);
}

/* One opcode (256 and up: after 0f) behind n bytes of prefixes. */
static void opcode(const uint8_t *head, size_t n, unsigned code, unsigned modrm, unsigned sib)
{
	uint8_t bytes[6];
	const uint8_t tail[3] = { (uint8_t)modrm, (uint8_t)sib, 0x9c };

	memcpy(bytes, head, n);
	if (code > 255)
		bytes[n++] = 0x0f;
	bytes[n++] = (uint8_t)code;
	for (unsigned bits = 16; bits <= 64; bits *= 2)
		try(bytes, n, tail, bits);
}

static void all_modrm(const uint8_t *head, size_t n)
{
	static const uint8_t sib[] = { 0x25, 0x61, 0xe5 };

	for (unsigned code = 0; code < 512; code++)
		for (unsigned modrm = 0; modrm < 256; modrm++)
			opcode(head, n, code, modrm, sib[(modrm >> 6) % 3]);
}

static void some_modrm(const uint8_t *head, size_t n)
{
	for (unsigned code = 0; code < 512; code++)
		for (unsigned m = 0; m < sizeof(few_modrm); m++)
			opcode(head, n, code, few_modrm[m], 0x64);
}

static void all_sib(void)
{
	for (unsigned rex = 0x40; rex < 0x50; rex++)
		for (unsigned sib = 0; sib < 256; sib++)
			for (unsigned mod = 0; mod < 3; mod++) {
				uint8_t head = (uint8_t)rex;

				opcode(&head, 1, 0x8b, mod << 6 | 4, sib);
				opcode(&head, 0, 0x88, mod << 6 | 4, sib);
			}
}

static bool result(const char *what)
{
	bool good = reports == 0;

	check_that("vmm_insn_reference", good, what);
	reports = 0;
	return good;
}

int main(void)
{
	uint8_t head[3] = { 0 };

	all_modrm(head, 0);
	for (unsigned a = 0; a < PREFIXES; a++) {
		head[0] = prefix[a];
		all_modrm(head, 1);
	}
	result("every opcode, ModRM and prefix");
	all_sib();
	result("every SIB byte");
	for (unsigned a = 0; a < PREFIXES * PREFIXES; a++) {
		head[0] = prefix[a / PREFIXES];
		head[1] = prefix[a % PREFIXES];
		some_modrm(head, 2);
	}
	result("every pair of prefixes");
	for (unsigned a = 0; a < PREFIXES; a++) {
		head[0] = head[2] = prefix[a];
		head[1] = 0x48;
		some_modrm(head, 3);
	}
	result("REX that is not last");
	printf("# %llu tried, %llu accepted\n", (unsigned long long)tried,
	       (unsigned long long)accepted);
	check_that("vmm_insn_reference", accepted > 100000, "many were accepted");
	return harness_result();
}
