// SPDX-License-Identifier: Apache-2.0
/* The kernel's own lines go on to `uart` once COM1 is no longer the kernel's: faults of devices and the like. */
#include <string.h>
#include "abi/stats.h"
#include "lib/component.h"
#include "lib/log.h"
#include "lib/runtime.h"
#include "services/root/kernel/kernel.h"

/* Above everything that the window shows of memory. */
#define KLOG_VA   0xe0000000000ull
#define LOOK_NS   1000000000ull
#define LINES_MAX 32u /* passed on at one look */

static const struct klog_ring *ring;
static uint64_t seen; /* bytes */

void klog_begin(void)
{
	const struct klog_ring *r = (const struct klog_ring *)KLOG_VA;

	if (sys_map(root->mo_klog, root->pd, KLOG_VA, 0, sizeof(*r), RIGHT_R) != S_OK)
		return log_line("the kernel's log cannot be read");
	ring = r;
	seen = __atomic_load_n(&r->next, __ATOMIC_ACQUIRE);
}

/* One whole line; false: there is none yet. A line without an end fills the buffer and counts as one. */
static bool next_line(char *line, size_t cap)
{
	uint64_t end = __atomic_load_n(&ring->next, __ATOMIC_ACQUIRE), at;
	size_t n = 0;

	if (end - seen > KLOG_BYTES)
		seen = end - KLOG_BYTES;
	for (at = seen; at != end && n < cap - 1; at++) {
		char c = ring->text[at % KLOG_BYTES];

		if (c == '\n')
			break;
		line[n++] = c;
	}
	if (at == end)
		return false;
	line[n] = 0;
	seen = n < cap - 1 ? at + 1 : at;
	return true;
}

uint64_t engine_tick(void)
{
	char line[LOG_MAX - 16];

	for (unsigned i = 0; ring && i < LINES_MAX && next_line(line, sizeof(line)); i++)
		log_line("kernel: %s", line);
	return ring ? now_ns() + LOOK_NS : 0;
}
