// SPDX-License-Identifier: Apache-2.0
/* Exceptions of components: a handler thread per CPU notes them and wakes root; the component stays stopped. */
#include <stdatomic.h>
#include <stdio.h>
#include "lib/component.h"
#include "services/root/instance.h"
#include "services/root/kernel/kernel.h"

enum { MAX_CPUS = START_MAX_CPU, STACK = 4096, UD = 6 };

#define HANDLER_UTCB 0x200000000000ull /* + cpu * 4096 */

static struct {
	_Atomic uint32_t generation; /* of the portal that is current */
	_Atomic uint32_t taken;      /* generation whose first fault somebody notes */
	_Atomic uint32_t pending;    /* generation of the fault noted, 0: none */
	uint64_t word[FAULT_WORDS];
} faults[INSTANCE_MAX];

static _Alignas(16) uint8_t stacks[MAX_CPUS][STACK];
static sel_t handler[MAX_CPUS];

static const char *const vector_names[] = {
	[0] = "division error",      [1] = "debug exception", [3] = "breakpoint",
	[6] = "invalid instruction", [12] = "stack fault",    [13] = "general protection fault",
	[14] = "page fault",         [16] = "x87 error",      [17] = "alignment check",
	[19] = "SIMD error",
};

static _Noreturn void on_fault(uint64_t id, uint64_t words)
{
	struct utcb *u = utcb_self();
	uint32_t number = (uint32_t)id % INSTANCE_MAX, generation = (uint32_t)(id / INSTANCE_MAX);

	(void)words;
	if (generation == atomic_load(&faults[number].generation) &&
	    atomic_exchange(&faults[number].taken, generation) != generation) {
		for (unsigned i = 0; i < FAULT_WORDS; i++)
			faults[number].word[i] = u->msg[i];
		atomic_store(&faults[number].pending, generation);
		wake_up(&root_wake);
	}
	u->msg[0] = FAULT_REPLY_STOP;
	sys_ipc_reply_wait(1);
}

void faults_begin(void)
{
	for (uint32_t cpu = 0; cpu < root->cpu_count && cpu < MAX_CPUS; cpu++) {
		uint64_t top = (uint64_t)(stacks[cpu] + STACK) - 8;

		handler[cpu] = sel_new();
		if (sys_create_ec(handler[cpu], root->pd, cpu | EC_LOCAL,
				  HANDLER_UTCB + cpu * 4096ull, top, 0) != S_OK)
			die("cannot make the fault handler of CPU %u", cpu);
	}
}

void faults_expect(uint32_t number)
{
	atomic_fetch_add(&faults[number].generation, 1);
	atomic_store(&faults[number].pending, 0);
}

sel_t fault_portal(uint32_t number, uint32_t cpu)
{
	sel_t pt = sel_new();
	uint32_t generation = atomic_load(&faults[number].generation);

	if (pt && sys_create_pt(pt, root->pd, handler[cpu], (uint64_t)on_fault,
				(uint64_t)generation * INSTANCE_MAX + number) == S_OK)
		return pt;
	sel_free(pt);
	return SEL_NULL;
}

static void describe(const uint64_t *w, struct death *d)
{
	uint64_t v = w[FAULT_VECTOR];
	const char *name =
		v < sizeof(vector_names) / sizeof(vector_names[0]) ? vector_names[v] : NULL;

	if (v == UD && w[FAULT_RAX] == START_EXIT_MARK) {
		d->code = (int32_t)w[FAULT_RAX + 1];
		snprintf(d->text, sizeof(d->text), "ended with %d", d->code);
		return;
	}
	d->code = -1;
	snprintf(d->text, sizeof(d->text),
		 "died: %s (vector %llu) at ip %#llx, address %#llx, error %#llx",
		 name ? name : "exception", (unsigned long long)v, (unsigned long long)w[FAULT_IP],
		 (unsigned long long)w[FAULT_CR2], (unsigned long long)w[FAULT_ERROR]);
}

bool engine_death(struct death *d, uint32_t number)
{
	for (uint32_t n = 1; n < INSTANCE_MAX; n++) {
		uint32_t generation =
			number && n != number ? 0 : atomic_exchange(&faults[n].pending, 0);

		if (!generation || generation != atomic_load(&faults[n].generation))
			continue;
		d->number = n;
		describe(faults[n].word, d);
		return true;
	}
	return false;
}
