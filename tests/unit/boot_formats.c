// SPDX-License-Identifier: Apache-2.0
/* Bundle, ELF, PE and event log: what is well-formed is read right, every damage is found. */
#include "boot/bundle.h"
#include "boot/eventlog.h"
#include "abi/elf.h"
#include "boot/loader/pe.h"
#include "boot/loader/sha256.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed;

static void check(const char *what, int good)
{
	printf("%s boot_formats: %s\n", good ? "ok" : "not ok", what);
	failed |= !good;
}

/* ---- bundle ---- */

enum { BUNDLE_BYTES = 4 * 4096 };

static struct bundle_header *sample_bundle(void)
{
	static const char *const names[] = { "kernel", "manifest", "root" };
	struct bundle_header *h = aligned_alloc(8, BUNDLE_BYTES);
	struct bundle_entry *e = (struct bundle_entry *)(h + 1);

	memset(h, 0, BUNDLE_BYTES);
	*h = (struct bundle_header){ BUNDLE_MAGIC, BUNDLE_VERSION, 3, 3 * 4096 + 100, 64, 0 };
	for (uint32_t i = 0; i < 3; i++) {
		strcpy(e[i].name, names[i]);
		e[i].offset = 4096 * (i + 1);
		e[i].size = 100;
	}
	return h;
}

/* Writes `value` of `size` bytes at `offset` of a good bundle and tells how the check answers. */
static enum bundle_error damaged(size_t offset, uint64_t value, size_t size)
{
	struct bundle_header *h = sample_bundle();
	enum bundle_error error;

	memcpy((uint8_t *)h + offset, &value, size);
	error = bundle_check(h, BUNDLE_BYTES);
	free(h);
	return error;
}

#define ENTRY(i, field) (32 + 48 * (i) + offsetof(struct bundle_entry, field))
#define HEADER(field)   offsetof(struct bundle_header, field)

static void test_bundle(void)
{
	struct bundle_header *h = sample_bundle();

	check("a good bundle is accepted", bundle_check(h, BUNDLE_BYTES) == BUNDLE_OK);
	check("one byte short is refused", bundle_check(h, h->size - 1) == BUNDLE_SHORT);
	check("a lone header is refused", bundle_check(h, 31) == BUNDLE_SHORT);
	free(h);
	check("wrong magic", damaged(HEADER(magic), 1, 8) == BUNDLE_FORMAT);
	check("wrong version", damaged(HEADER(version), 2, 4) == BUNDLE_FORMAT);
	check("no parts", damaged(HEADER(count), 0, 4) == BUNDLE_HEADER);
	check("too many parts", damaged(HEADER(count), 61, 4) == BUNDLE_HEADER);
	check("huge size", damaged(HEADER(size), UINT64_MAX, 8) == BUNDLE_SHORT);
	check("tiny size", damaged(HEADER(size), 40, 8) == BUNDLE_HEADER);
	check("odd pool", damaged(HEADER(kpool_mib), 63, 4) == BUNDLE_HEADER);
	check("first part not kernel", damaged(ENTRY(0, name), 'x', 1) == BUNDLE_NAMES);
	check("name with a slash", damaged(ENTRY(2, name), '/', 1) == BUNDLE_NAMES);
	check("name without an end", damaged(ENTRY(2, name) + 4, ~0ull, 8) == BUNDLE_NAMES);
	check("bytes behind the name", damaged(ENTRY(2, name) + 31, 'x', 1) == BUNDLE_NAMES);
	check("empty part", damaged(ENTRY(1, size), 0, 8) == BUNDLE_LAYOUT);
	check("part over its end", damaged(ENTRY(2, size), UINT64_MAX, 8) == BUNDLE_LAYOUT);
	check("part over the next", damaged(ENTRY(0, size), 4097, 8) == BUNDLE_LAYOUT);
	check("part over the table", damaged(ENTRY(0, offset), 0, 8) == BUNDLE_LAYOUT);
	check("crooked part", damaged(ENTRY(1, offset), 4097, 8) == BUNDLE_LAYOUT);
	check("part far outside", damaged(ENTRY(2, offset), 1ull << 63, 8) == BUNDLE_LAYOUT);
}

static void test_bundle_names(void)
{
	struct bundle_header *h = sample_bundle();
	struct bundle_entry *e = (struct bundle_entry *)(h + 1);

	strcpy(e[2].name, "manifest");
	check("doubled name", bundle_check(h, BUNDLE_BYTES) == BUNDLE_NAMES);
	memset(e[2].name, 0, sizeof(e[2].name));
	strcpy(e[2].name, "binding");
	check("reserved name", bundle_check(h, BUNDLE_BYTES) == BUNDLE_NAMES);
	free(h);
}

/* ---- ELF ---- */

struct test_elf {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
	struct {
		uint32_t type, flags;
		uint64_t offset, vaddr, paddr, filesz, memsz, align;
	} ph[2];
	uint8_t body[64];
};

#define BASE 0xffffffff80000000ull
#define LOW  0xffff800000000000ull
#define HIGH 0xfffffffffffff000ull

static struct test_elf sample_elf(void)
{
	struct test_elf e = { .ident = { 0x7f, 'E', 'L', 'F', 2, 1, 1 },
			      .type = 2,
			      .machine = 62,
			      .version = 1,
			      .entry = BASE + 8,
			      .phoff = 64,
			      .phentsize = 56,
			      .phnum = 2 };

	e.ph[0] = (typeof(e.ph[0])){ 1, 5, offsetof(struct test_elf, body), BASE, 0, 32, 32, 4096 };
	e.ph[1] = (typeof(e.ph[0])){ 1,           6,   offsetof(struct test_elf, body) + 32,
				     BASE + 4096, 0,   32,
				     9000,        4096 };
	return e;
}

static int elf_bad(struct test_elf e)
{
	struct elf image;

	return elf_read(&image, &e, sizeof(e), LOW, HIGH) != NULL;
}

#define ELF_BAD(what, change)                            \
	do {                                             \
		struct test_elf e = sample_elf();        \
		change;                                  \
		check("ELF refused: " what, elf_bad(e)); \
	} while (0)

static void test_elf(void)
{
	struct test_elf good = sample_elf();
	struct elf image;

	check("a good ELF is accepted", !elf_read(&image, &good, sizeof(good), LOW, HIGH));
	check("its segments are right",
	      image.count == 2 && image.low == BASE && image.end == BASE + 4 * 4096 &&
		      image.entry == BASE + 8 && image.segment[0].flags == (ELF_R | ELF_X) &&
		      image.segment[1].flags == (ELF_R | ELF_W));
	check("a short file is refused", elf_read(&image, &good, 63, LOW, HIGH) != NULL);
	ELF_BAD("32 bits", e.ident[4] = 1);
	ELF_BAD("other machine", e.machine = 3);
	ELF_BAD("shared object", e.type = 3);
	ELF_BAD("no program headers", e.phnum = 0);
	ELF_BAD("program headers outside", e.phoff = UINT64_MAX);
	ELF_BAD("program headers of another size", e.phentsize = 32);
	ELF_BAD("interpreter", e.ph[1].type = 3);
	ELF_BAD("lower half", e.ph[0].vaddr = 0x400000);
	ELF_BAD("crooked segment", e.ph[0].vaddr++);
	ELF_BAD("segment outside the file", e.ph[0].offset = UINT64_MAX);
	ELF_BAD("segment longer in the file", e.ph[0].filesz = 33);
	ELF_BAD("segment over the end", e.ph[1].memsz = 0x7ffff000);
	ELF_BAD("segments in one page", e.ph[1].vaddr = BASE);
	ELF_BAD("end of the address space", e.ph[1].vaddr = 0xfffffffffffff000ull);
	ELF_BAD("out of order", e.ph[1].vaddr = BASE - 4096);
	ELF_BAD("not readable", e.ph[0].flags = 1);
	ELF_BAD("writable and executable", e.ph[0].flags = 7);
	ELF_BAD("entry outside", e.entry = BASE + 32);
	ELF_BAD("entry in data", e.entry = BASE + 4096);
}

/* ---- PE ---- */

static void test_pe(void)
{
	static uint8_t image[1024];
	const void *data;
	size_t size;

	memcpy(image, "MZ", 2);
	image[0x3c] = 0x40;
	memcpy(image + 0x40, "PE\0", 4);
	image[0x46] = 2;
	image[0x54] = 16;
	memcpy(image + 0x68, ".text", 5);
	memcpy(image + 0x90, ".bundle", 7);
	image[0x98] = 100;
	image[0x9d] = 2;
	check("a section is found",
	      pe_section(image, sizeof(image), ".bundle", &data, &size) == 0 &&
		      data == image + 512 && size == 100);
	check("its missing is told",
	      pe_section(image, sizeof(image), ".bundl", &data, &size) == -1);
	check("a cut image is refused", pe_section(image, 612 - 1, ".bundle", &data, &size) == -1);
	check("a cut table is refused", pe_section(image, 0xb7, ".bundle", &data, &size) == -1);
	image[0x47] = 0xff;
	check("too many sections are refused",
	      pe_section(image, sizeof(image), ".bundle", &data, &size) == -1);
	image[0x3f] = 0xff;
	check("a far header is refused",
	      pe_section(image, sizeof(image), ".bundle", &data, &size) == -1);
}

/* ---- event log ---- */

/* Spec ID record with SHA-1 and SHA-256, then one event of ours in PCR 11. */
static size_t sample_log(uint8_t *log)
{
	static const uint8_t tail[] = { 2, 0, 0, 0, 4, 0, 20, 0, 11, 0, 32, 0, 0 };
	static const uint8_t event[] = { 11, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0 };
	static const uint8_t data[] = { 12, 0, 0, 0, 'R', 'D', 'B', 'T',
					4,  0, 0, 0, 'r', 'o', 'o', 't' };
	uint8_t *p = log;

	memset(log, 0, 256);
	p[4] = 3;
	p[28] = 24 + sizeof(tail);
	memcpy(p + 32, "Spec ID Event03", 15);
	memcpy(p + 56, tail, sizeof(tail));
	p += 56 + sizeof(tail);
	memcpy(p, event, sizeof(event));
	p += sizeof(event);
	p[0] = 4;
	p[22] = 11;
	memset(p + 24, 0xab, 32);
	p += 56;
	memcpy(p, data, sizeof(data));
	return (size_t)(p + sizeof(data) - log);
}

static void test_eventlog(void)
{
	static uint8_t log[256];
	size_t size = sample_log(log);
	struct eventlog reader;
	struct event e;
	uint32_t length = 0;

	check("a log opens", eventlog_open(&reader, log, size) == 0);
	check("its event is read", eventlog_next(&reader, &e) == 1 && e.pcr == 11 &&
					   e.type == EV_EVENT_TAG && e.sha256 &&
					   e.sha256[0] == 0xab && e.size == 12);
	const char *name = eventlog_part_name(&e, &length);

	check("its part name is read", name && length == 4 && !memcmp(name, "root", 4));
	check("its end is told", eventlog_next(&reader, &e) == 0);
	int cuts = 0;

	for (size_t cut = 1; cut < size; cut++) {
		uint8_t *copy = malloc(size - cut);

		memcpy(copy, log, size - cut);
		if (eventlog_open(&reader, copy, size - cut) == 0 &&
		    eventlog_next(&reader, &e) == 1)
			cuts++;
		free(copy);
	}
	check("no cut log gives the event", cuts == 0);
	log[80] = 5;
	check("an unknown algorithm is refused",
	      eventlog_open(&reader, log, size) == 0 && eventlog_next(&reader, &e) == -1);
	log[56] = 9;
	check("too many algorithms are refused", eventlog_open(&reader, log, size) == -1);
}

/* ---- SHA-256: FIPS 180-4 examples ---- */

static int digest_is(const char *text, const char *hex)
{
	uint8_t digest[32];
	char got[65];

	sha256(text, strlen(text), digest);
	for (int i = 0; i < 32; i++)
		snprintf(got + 2 * i, 3, "%02x", digest[i]);
	return !strcmp(got, hex);
}

static void test_sha256(void)
{
	check("SHA-256 of nothing",
	      digest_is("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	check("SHA-256 of abc",
	      digest_is("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	check("SHA-256 of 56 bytes",
	      digest_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
			"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
}

int main(void)
{
	test_bundle();
	test_bundle_names();
	test_elf();
	test_pe();
	test_eventlog();
	test_sha256();
	return failed;
}
