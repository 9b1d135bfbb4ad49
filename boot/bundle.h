// SPDX-License-Identifier: Apache-2.0
/*
 * Bundle: all boot parts in one block, the section ".bundle" of redoubt.efi.
 *
 *   struct bundle_header, `count` times struct bundle_entry, then the parts
 *
 * Little-endian. Part 0 is "kernel", part 1 is "manifest", the components follow in the order in which
 * they are measured. Offsets count from the start of the header, are multiples of BUNDLE_ALIGN, rise
 * without overlap, and begin behind the entry table. Made by boot/mkbundle.py.
 */
#pragma once
#include <stdint.h>
#include <stddef.h>

#define BUNDLE_MAGIC     0x4c444e4254424452ull /* "RDBTBNDL" */
#define BUNDLE_VERSION   1u
#define BUNDLE_ALIGN     4096u
#define BUNDLE_MAX_PARTS 60u /* with "binding" and "cmdline" they fit BOOTINFO_MAX_PART */
#define BUNDLE_NAME      32u

struct bundle_header {
	uint64_t magic;
	uint32_t version;
	uint32_t count;     /* parts, 2 to BUNDLE_MAX_PARTS */
	uint64_t size;      /* bytes from the header to the end of the last part */
	uint32_t kpool_mib; /* kernel pool the loader allocates: 2 to 1024 MiB, even */
	uint32_t flags;     /* copied to bootinfo.flags */
};

struct bundle_entry {
	char name[BUNDLE_NAME]; /* [a-z0-9_.-], NUL-terminated and NUL-padded, unique */
	uint64_t offset;
	uint64_t size; /* bytes, > 0 */
};

_Static_assert(sizeof(struct bundle_header) == 32, "bundle header");
_Static_assert(sizeof(struct bundle_entry) == 48, "bundle entry");

enum bundle_error {
	BUNDLE_OK = 0,
	BUNDLE_SHORT,  /* the block ends before the header, the table or a part does */
	BUNDLE_FORMAT, /* magic or version is not ours */
	BUNDLE_HEADER, /* count, size or pool out of range */
	BUNDLE_NAMES,  /* a name is malformed, reserved, doubled or at the wrong place */
	BUNDLE_LAYOUT, /* offset or size not aligned, empty, overlapping or outside */
};

/*
 * Checks the whole bundle in [data, data + size), which must be 8-byte aligned. Only after BUNDLE_OK may
 * bundle_entries() and the parts be used.
 */
enum bundle_error bundle_check(const void *data, size_t size) __attribute__((warn_unused_result));
const struct bundle_entry *bundle_entries(const void *data);
/* What is wrong, in plain words. */
const char *bundle_error_text(enum bundle_error error);
