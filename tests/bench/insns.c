// SPDX-License-Identifier: Apache-2.0
/*
 * Counts the instructions an emulated machine executes, guests in guests included, for tests/bench: QEMU loads this object as a TCG
 * plugin. Whenever one of the places to watch is reached, a line "NAME COUNT" goes to the output, COUNT being the instructions
 * executed before it. Idle time does not count, emulated or not; with -icount each step of a repeated string instruction does.
 *
 *     -plugin insns.so,out=FILE[,at=NAME:BYTES[:ADDRESS]]...
 *
 * A place is either the long no-operation that MARK() in mark.h makes (its name is "mark" and its number), or an instruction that
 * starts with the given bytes (hexadecimal; as many of them as the block of code that QEMU translates there has), if that is told
 * at that virtual address.
 * One thread runs all CPUs (-accel tcg,thread=single), so nothing here is locked.
 *
 * The interface is QEMU's docs/devel/tcg-plugins.rst, version 1.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/mark.h"

struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_INLINE_ADD_U64 = 0, INTERFACE_VERSION = 1 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned vcpu, void *user), int flags,
					    void *user);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *ptr,
						uint64_t add);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t n);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);
extern int qemu_plugin_version;
int qemu_plugin_version = INTERFACE_VERSION;

enum { PLACES = 16, BYTES = 32, BYTES_LEAST = 6 };

struct place {
	const char *name;
	uint8_t bytes[BYTES];
	size_t len;
	uint64_t address; /* 0: anywhere */
};

static struct place place[PLACES];
static size_t places;
static uint64_t count;
static FILE *out;

static void at_mark(unsigned vcpu, void *number)
{
	(void)vcpu;
	fprintf(out, "mark%u %llu\n", (unsigned)(uintptr_t)number, (unsigned long long)count);
}

static void at_place(unsigned vcpu, void *user)
{
	const struct place *p = user;

	(void)vcpu;
	fprintf(out, "%s %llu\n", p->name, (unsigned long long)count);
}

/* Does the code from instruction n of the block agree with the place? */
static bool matches(const struct qemu_plugin_tb *tb, size_t n, const struct place *p)
{
	size_t done = 0, all = qemu_plugin_tb_n_insns(tb);

	for (; n < all && done < p->len; n++) {
		const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);
		size_t size = qemu_plugin_insn_size(insn);

		if (size > p->len - done)
			size = p->len - done;
		if (memcmp(qemu_plugin_insn_data(insn), p->bytes + done, size) != 0)
			return false;
		done += size;
	}
	return done == p->len || done >= BYTES_LEAST;
}

static void watch(const struct qemu_plugin_tb *tb, size_t n, struct qemu_plugin_insn *insn)
{
	const uint8_t *bytes = qemu_plugin_insn_data(insn);
	uint32_t number;

	if (qemu_plugin_insn_size(insn) == MARK_LEN && memcmp(bytes, mark_bytes, 4) == 0) {
		memcpy(&number, bytes + 4, sizeof(number));
		if ((number & MARK_MASK) == MARK_BASE)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, at_mark, QEMU_PLUGIN_CB_NO_REGS,
				(void *)(uintptr_t)(number & ~MARK_MASK));
	}
	for (size_t i = 0; i < places; i++)
		if ((!place[i].address || place[i].address == qemu_plugin_insn_vaddr(insn)) &&
		    matches(tb, n, &place[i]))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, at_place,
							       QEMU_PLUGIN_CB_NO_REGS, &place[i]);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t all = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (size_t n = 0; n < all; n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);

		watch(tb, n, insn);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64, &count,
							   1);
	}
}

static bool add_place(const char *text)
{
	const char *colon = strchr(text, ':'), *hex = colon ? colon + 1 : "";
	struct place *p = &place[places];
	unsigned byte;

	if (!colon || places == PLACES)
		return false;
	p->name = strndup(text, (size_t)(colon - text));
	for (; sscanf(hex, "%2x", &byte) == 1 && p->len < BYTES; hex += 2)
		p->bytes[p->len++] = (uint8_t)byte;
	places++;
	if (*hex == ':')
		return sscanf(hex + 1, "%lx", &p->address) == 1 && p->len >= BYTES_LEAST;
	return *hex == 0 && p->len >= BYTES_LEAST;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "out=", 4) == 0)
			out = fopen(argv[i] + 4, "w");
		else if (strncmp(argv[i], "at=", 3) != 0 || !add_place(argv[i] + 3))
			return -1;
	}
	if (!out)
		return -1;
	setvbuf(out, NULL, _IOLBF, 0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
